"""A quick map from Earth-centred positions to the grid of an elevation model.

Through a map projection and a geodetic height every sample of a ray would cost a microsecond. Over
some kilometres both are so smooth that a cubic polynomial of the local east, north and up gives
them to a fraction of a millimetre, the Earth's curvature included. It is fitted to exact
conversions, tried on others, and not used where it errs by more than it may.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.geometry.geodesy import ecef_from_enu, geodetic_from_ecef

Floats = NDArray[np.float64]
ToGrid = Callable[[Floats], Floats]
"""Grid column, grid row and height above the ellipsoid (3, N) of ECEF positions (N, 3)."""

PRECISION_M = 0.001

_WIDEST_M = 40_000.0
"""A box wider than this is not tried."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LocalMap:
    """A cubic polynomial inside a box.

    Attributes:
        centre: (3,) ECEF.
        axes: (3, 3) rows are the local axes, each over half the length of the box.
        coefficients: (3, 20) of the monomials.
    """

    centre: Floats
    axes: Floats
    coefficients: Floats

    def box(self, position_ecef: Floats) -> Floats:
        """Coordinates (3, N) of positions (N, 3) in the box, -1 to 1."""
        coordinates: Floats = self.axes @ (position_ecef - self.centre).T
        return coordinates

    def grid(self, coordinates: Floats) -> Floats:
        """Column, row, height (3, N) of box coordinates (3, N)."""
        result: Floats = self.coefficients @ _monomials(coordinates)
        return result


def _monomials(coordinates: Floats) -> Floats:
    x, y, z = coordinates
    powers = np.empty((20, coordinates.shape[1]))
    powers[0] = 1.0
    powers[1:4] = coordinates
    np.multiply(x, coordinates, out=powers[4:7])
    np.multiply(y, coordinates[1:], out=powers[7:9])
    np.multiply(z, z, out=powers[9])
    np.multiply(x, powers[4:10], out=powers[10:16])
    np.multiply(y, powers[7:10], out=powers[16:19])
    np.multiply(z, powers[9], out=powers[19])
    return powers


def _nodes(*axes: Floats) -> Floats:
    return np.stack([axis.ravel() for axis in np.meshgrid(*axes, indexing="ij")])


_CHEBYSHEV = np.cos((np.arange(5) + 0.5) * np.pi / 5)
_FITTED = _nodes(_CHEBYSHEV, _CHEBYSHEV, np.cos((np.arange(4) + 0.5) * np.pi / 4))
_TRIED = _nodes(*(np.array([-1.0, -0.35, 0.4, 1.0]),) * 3)
_SOLVE = np.linalg.pinv(_monomials(_FITTED).T)


def fit_local_map(corners: Floats, to_grid: ToGrid, post_m: float) -> LocalMap | None:
    """The map of the box around positions; None where it would not be precise to `PRECISION_M`.

    Args:
        corners: (N, 3) ECEF positions that the box must hold.
        to_grid: the exact conversion.
        post_m: metres in one step of the grid.
    """
    low, high = corners.min(axis=0), corners.max(axis=0)
    middle = (low + high) / 2
    if not np.linalg.norm(high - low) < _WIDEST_M:
        return None
    latitude, longitude, _ = geodetic_from_ecef(middle)
    enu = ecef_from_enu(latitude, longitude).T
    local = enu @ (corners - middle).T
    low, high = local.min(axis=1), local.max(axis=1)
    centre = middle + (low + high) / 2 @ enu
    half = (high - low) / 2 * 1.001 + 0.1
    axes = enu / half[:, None]

    def exact(coordinates: Floats) -> Floats:
        return to_grid(centre + (coordinates * half[:, None]).T @ enu)

    coefficients = (_SOLVE @ exact(_FITTED).T).T
    if not np.isfinite(coefficients).all():
        return None
    result = LocalMap(centre=centre, axes=axes, coefficients=coefficients)
    error = np.abs(result.grid(_TRIED) - exact(_TRIED)).max(axis=1) * (post_m, post_m, 1.0)
    return result if error.max() <= PRECISION_M else None
