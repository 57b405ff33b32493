"""Rational polynomial cameras of satellite scenes: places to pixels and back.

Source: STDI-0002 volume 1 appendix E (RPC00B): the order of the terms, and that lines and samples
are counted from the centre of the first pixel. Vedette counts from its outer corner: half a pixel
is added here and nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.imagery.placement import RationalCoefficients

Floats = NDArray[np.float64]

_STEPS = 20
_PRECISION_PX = 1e-6
_CENTRE = 0.5


@dataclass(frozen=True, kw_only=True, slots=True)
class RationalCamera:
    """Rational polynomials with a shift that ground control asked for.

    Attributes:
        coefficients: as the scene's maker wrote them.
        shift_px: (x, y) added to what they say.
    """

    coefficients: RationalCoefficients
    shift_px: tuple[float, float] = (0.0, 0.0)

    def project(self, longitude_deg: Floats, latitude_deg: Floats, hae_m: Floats) -> Floats:
        """Pixels (N, 2) of places (N,); NaN where the polynomials have no value."""
        return self._project(longitude_deg, latitude_deg, hae_m)[0]

    def locate(self, pixels: Floats, hae_m: Floats) -> tuple[Floats, Floats]:
        """Longitudes and latitudes (N,) at which rays of pixels (N, 2) are at heights (N,).

        Newton's method with the derivatives of the polynomials; NaN where it does not settle.
        """
        known = self.coefficients
        count = len(pixels)
        longitude = np.full(count, known.longitude_offset)
        latitude = np.full(count, known.latitude_offset)
        hae = np.broadcast_to(np.asarray(hae_m, np.float64), count)
        off = np.full(count, np.inf)
        with np.errstate(all="ignore"):
            for _ in range(_STEPS):
                found, slopes = self._project(longitude, latitude, hae)
                error = pixels - found
                off = np.hypot(error[:, 0], error[:, 1])
                if not (off > _PRECISION_PX).any():
                    break
                a, b = slopes[:, 0, 0], slopes[:, 0, 1]
                c, d = slopes[:, 1, 0], slopes[:, 1, 1]
                determinant = a * d - b * c
                longitude = longitude + (d * error[:, 0] - b * error[:, 1]) / determinant
                latitude = latitude + (a * error[:, 1] - c * error[:, 0]) / determinant
        settled = off <= 1e-3
        return np.where(settled, longitude, np.nan), np.where(settled, latitude, np.nan)

    def _project(
        self, longitude_deg: Floats, latitude_deg: Floats, hae_m: Floats
    ) -> tuple[Floats, Floats]:
        """Pixels (N, 2) and their derivatives (N, 2, 2) by longitude and latitude in degrees."""
        known = self.coefficients
        turned = (longitude_deg - known.longitude_offset + 180.0) % 360.0 - 180.0
        x = turned / known.longitude_scale
        y = (latitude_deg - known.latitude_offset) / known.latitude_scale
        z = (hae_m - known.height_offset) / known.height_scale
        terms, by_x, by_y = _terms(x, y, z)
        pixels, slopes = np.empty((len(x), 2)), np.empty((len(x), 2, 2))
        for axis, (top, bottom, offset, scale) in enumerate(
            (
                (
                    known.sample_numerator,
                    known.sample_denominator,
                    known.sample_offset,
                    known.sample_scale,
                ),
                (known.line_numerator, known.line_denominator, known.line_offset, known.line_scale),
            )
        ):
            numerator, denominator = np.array(top), np.array(bottom)
            below = denominator @ terms
            with np.errstate(all="ignore"):
                ratio = (numerator @ terms) / below
                pixels[:, axis] = ratio * scale + offset + _CENTRE + self.shift_px[axis]
                for column, (slope, unit) in enumerate(
                    ((by_x, known.longitude_scale), (by_y, known.latitude_scale))
                ):
                    change = (numerator @ slope - ratio * (denominator @ slope)) / below
                    slopes[:, axis, column] = change * scale / unit
        return np.where(np.isfinite(pixels), pixels, np.nan), slopes


def _terms(x: Floats, y: Floats, z: Floats) -> tuple[Floats, Floats, Floats]:
    """The 20 terms of RPC00B (20, N), and their derivatives by x and by y."""
    one, none = np.ones_like(x), np.zeros_like(x)
    terms = [
        one, x, y, z, x * y, x * z, y * z, x * x, y * y, z * z,
        x * y * z, x**3, x * y * y, x * z * z, x * x * y, y**3, y * z * z, x * x * z, y * y * z,
        z**3,
    ]  # fmt: skip
    by_x = [
        none, one, none, none, y, z, none, 2 * x, none, none,
        y * z, 3 * x * x, y * y, z * z, 2 * x * y, none, none, 2 * x * z, none,
        none,
    ]  # fmt: skip
    by_y = [
        none, none, one, none, x, none, z, none, 2 * y, none,
        x * z, none, 2 * x * y, none, x * x, 3 * y * y, z * z, none, 2 * y * z,
        none,
    ]  # fmt: skip
    return np.stack(terms), np.stack(by_x), np.stack(by_y)
