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

_DROPPED_M = 5e-6
"""A monomial that adds less is left out."""

_WIDEST_M = 40_000.0
"""A box wider than this is not tried."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LocalMap:
    """A cubic polynomial inside a box.

    Attributes:
        centre: (3,) ECEF.
        axes: (3, 3) rows are the local axes, each over half the length of the box.
        terms: for column, row and height each, the monomials that matter with their coefficients.
    """

    centre: Floats
    axes: Floats
    terms: tuple[tuple[tuple[int, float], ...], ...]

    def box(self, position_ecef: Floats) -> Floats:
        """Coordinates (3, N) of positions (3, N) in the box, -1 to 1."""
        x, y, z = (row - centre for row, centre in zip(position_ecef, self.centre, strict=True))
        # Written out: three rows are too few for a matrix product to be quick.
        return np.stack([a * x + b * y + c * z for a, b, c in self.axes.tolist()])

    def grid(self, coordinates: Floats) -> Floats:
        """Column, row, height (3, N) of box coordinates (3, N)."""
        result = np.empty_like(coordinates)
        powers: dict[int, Floats] = {}
        for row, terms in enumerate(self.terms):
            result[row] = terms[0][1]
            for index, coefficient in terms[1:]:
                result[row] += coefficient * _power(index, coordinates, powers)
        return result


_FACTORS = (
    *((0, axis) for axis in range(3)),
    *((1, 0), (1, 1), (1, 2), (2, 1), (2, 2), (3, 2)),
    *((4, 0), (4, 1), (4, 2), (5, 1), (5, 2), (6, 2), (7, 1), (7, 2), (8, 2), (9, 2)),
)
"""Of each monomial after the first: an earlier one, and the coordinate that it is multiplied by."""


def _power(index: int, coordinates: Floats, known: dict[int, Floats]) -> Floats:
    """One monomial (N,)."""
    earlier, axis = _FACTORS[index - 1]
    factor: Floats = coordinates[axis]
    if earlier == 0:
        return factor
    if index not in known:
        known[index] = _power(earlier, coordinates, known) * factor
    return known[index]


def _monomials(coordinates: Floats) -> Floats:
    known: dict[int, Floats] = {}
    rows = [_power(index, coordinates, known) for index in range(1, 20)]
    return np.stack([np.ones(coordinates.shape[1]), *rows])


def _extent(rows: Floats) -> tuple[Floats, Floats]:
    # One row at a time: reducing the short axis of a long array is slow.
    return np.array([row.min() for row in rows]), np.array([row.max() for row in rows])


def _nodes(*axes: Floats) -> Floats:
    return np.stack([axis.ravel() for axis in np.meshgrid(*axes, indexing="ij")])


_CHEBYSHEV = np.cos((np.arange(5) + 0.5) * np.pi / 5)
_FITTED = _nodes(_CHEBYSHEV, _CHEBYSHEV, np.cos((np.arange(4) + 0.5) * np.pi / 4))
_TRIED = _nodes(*(np.array([-1.0, -0.35, 0.4, 1.0]),) * 3)
_SOLVE = np.linalg.pinv(_monomials(_FITTED).T)


def fit_local_map(corners: Floats, to_grid: ToGrid, post_m: float) -> LocalMap | None:
    """The map of the box around positions; None where it would not be precise to `PRECISION_M`.

    Args:
        corners: (3, N) ECEF positions that the box must hold.
        to_grid: the exact conversion.
        post_m: metres in one step of the grid.
    """
    low, high = _extent(corners)
    middle = (low + high) / 2
    if not np.linalg.norm(high - low) < _WIDEST_M:
        return None
    latitude, longitude, _ = geodetic_from_ecef(middle)
    enu = ecef_from_enu(latitude, longitude).T
    local = enu @ (corners - middle[:, None])
    low, high = _extent(local)
    centre = middle + (low + high) / 2 @ enu
    half = (high - low) / 2 * 1.001 + 0.1
    axes = enu / half[:, None]

    def exact(coordinates: Floats) -> Floats:
        return to_grid(centre + (coordinates * half[:, None]).T @ enu)

    coefficients = (_SOLVE @ exact(_FITTED).T).T
    if not np.isfinite(coefficients).all():
        return None
    scale = np.array([post_m, post_m, 1.0])
    matters = np.abs(coefficients) * scale[:, None] > _DROPPED_M
    matters[:, 0] = True
    result = LocalMap(
        centre=centre,
        axes=axes,
        terms=tuple(
            tuple((int(index), float(row[index])) for index in np.flatnonzero(kept))
            for row, kept in zip(coefficients, matters, strict=True)
        ),
    )
    error = np.abs(result.grid(_TRIED) - exact(_TRIED)).max(axis=1) * scale
    return result if error.max() <= PRECISION_M else None
