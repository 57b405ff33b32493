"""A smooth map from pixels to a plane, fitted to ground control points.

Polynomials of the first to the third degree and a thin plate spline are tried. Each point is
predicted from all the others, and the map that errs least so is taken: its root mean square error
is an honest sigma, where the residuals of the fit itself are not (a spline has none).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_TERMS = {1: 3, 2: 6, 3: 10}
_SPLINE_LEAST = 12
# A spline over more points than this takes seconds; a polynomial is fitted to all of them.
_SPLINE_MOST = 2_000
_CHORDS, _NEWTONS = 8, 12
_SETTLED_PX = 1e-5
_SIMPLER = 1.05
"""A map must err so much more than the next richer one before that is taken."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ControlFit:
    """A map from pixels to a plane.

    Attributes:
        name: "polynomial of degree 2" or "thin plate spline".
        origin: (2,) middle of the points, pixels.
        scale: half the longer side of their extent, pixels; one for both axes, or a spline would
            bend differently along them.
        degree: of the polynomial part.
        coefficients: (K, 2) of the polynomial part.
        knots: (P, 2) scaled pixels of a spline's points; (0, 2) without.
        weights: (P, 2) of the spline.
        errors: (P, 2) of each point predicted from the others, in units of the plane; NaN where no
            point can be spared.
    """

    name: str
    origin: Floats
    scale: float
    degree: int
    coefficients: Floats
    knots: Floats
    weights: Floats
    errors: Floats

    def apply(self, pixels: Floats) -> Floats:
        """Coordinates (N, 2) in the plane of pixels (N, 2)."""
        scaled = (pixels - self.origin) / self.scale
        plane: Floats = _monomials(scaled, self.degree) @ self.coefficients
        if len(self.knots):
            for start in range(0, len(scaled), 20_000):
                part = slice(start, start + 20_000)
                plane[part] += _kernel(scaled[part], self.knots) @ self.weights
        return plane

    def invert(self, plane: Floats) -> Floats:
        """Pixels (N, 2) of coordinates (N, 2); NaN where none is found."""
        # From the best affine map by its own slope, which settles at once where the map is nearly
        # straight; then by Newton's method, with numeric derivatives over half a pixel.
        affine = self._affine()
        inverse = np.asarray(np.linalg.inv(affine[:2]), np.float64)
        pixels: Floats = (plane - affine[2]) @ inverse
        # Far outside the points a spline or cubic may throw the search anywhere.
        reach = 2.0 * self.scale
        active = np.flatnonzero(np.isfinite(pixels).all(axis=1))
        pixels[~np.isfinite(pixels).all(axis=1)] = np.nan
        for step in range(_CHORDS + _NEWTONS):
            here = pixels[active]
            error = plane[active] - self.apply(here)
            move = error @ inverse if step < _CHORDS else self._newton(here, error)
            pixels[active] = here + np.clip(move, -reach, reach)
            active = active[~(np.abs(move).max(axis=1) < _SETTLED_PX)]
            if not active.size:
                break
        pixels[active] = np.nan
        return pixels

    def _newton(self, pixels: Floats, error: Floats) -> Floats:
        """(N, 2) steps that would undo errors in the plane were the map straight there."""
        aside, down = np.array([0.5, 0.0]), np.array([0.0, 0.5])
        by_column = self.apply(pixels + aside) - self.apply(pixels - aside)
        by_row = self.apply(pixels + down) - self.apply(pixels - down)
        (a, c), (b, d) = by_column.T, by_row.T
        with np.errstate(all="ignore"):
            determinant = a * d - b * c
            return np.stack(
                [
                    (d * error[:, 0] - b * error[:, 1]) / determinant,
                    (a * error[:, 1] - c * error[:, 0]) / determinant,
                ],
                axis=1,
            )

    def _affine(self) -> Floats:
        """(3, 2) the affine map nearest to this one over the points' extent."""
        side = np.linspace(-1.0, 1.0, 5)
        grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2) * self.scale + self.origin
        design = np.column_stack([grid, np.ones(len(grid))])
        return np.asarray(np.linalg.lstsq(design, self.apply(grid), rcond=None)[0], np.float64)


def fit_control(pixels: Floats, plane: Floats) -> ControlFit | None:
    """The map that predicts each point best from the others.

    Args:
        pixels: (P, 2) columns and rows.
        plane: (P, 2) coordinates; one unit must be equally long along both axes, or nearly.

    Returns:
        The map; None where fewer than three points are given or they lie on a line.
    """
    count = len(pixels)
    if count < _TERMS[1]:
        return None
    low, high = pixels.min(axis=0), pixels.max(axis=0)
    if not (high - low > 0).all():
        return None
    origin, scale = (low + high) / 2.0, float((high - low).max()) / 2.0
    scaled = (pixels - origin) / scale
    if np.linalg.matrix_rank(_monomials(scaled, 1), tol=1e-6) < _TERMS[1]:
        return None
    fits: list[tuple[str, int, Floats, Floats, Floats]] = []
    for degree, terms in _TERMS.items():
        fit = _polynomial(scaled, plane, degree) if count >= terms else None
        if fit is not None:
            fits.append((f"polynomial of degree {degree}", degree, *fit, np.zeros((0, 2))))
    if _SPLINE_LEAST <= count <= _SPLINE_MOST:
        spline = _spline(scaled, plane)
        if spline is not None:
            fits.append(("thin plate spline", 1, *spline))
    chosen = fits[0]
    for richer in fits[1:]:
        worse, better = _rms(chosen[3]), _rms(richer[3])
        if np.isfinite(better) and worse > _SIMPLER * better:
            chosen = richer
    name, degree, coefficients, errors, weights = chosen
    return ControlFit(
        name=name,
        origin=origin,
        scale=scale,
        degree=degree,
        coefficients=coefficients,
        knots=scaled if len(weights) else np.zeros((0, 2)),
        weights=weights,
        errors=errors,
    )


def _rms(errors: Floats) -> float:
    return float(np.sqrt(np.mean(errors**2)))


def _monomials(scaled: Floats, degree: int) -> Floats:
    x, y = scaled.T
    columns = [x**i * y**j for total in range(degree + 1) for j in range(total + 1)
               for i in (total - j,)]  # fmt: skip
    return np.stack(columns, axis=1)


def _polynomial(scaled: Floats, plane: Floats, degree: int) -> tuple[Floats, Floats] | None:
    """Coefficients, and the error (P, 2) of each point left out: residual over 1 - leverage."""
    design = _monomials(scaled, degree)
    if np.linalg.matrix_rank(design, tol=1e-6) < design.shape[1]:
        return None
    coefficients = np.asarray(np.linalg.lstsq(design, plane, rcond=None)[0], np.float64)
    orthogonal, _ = np.linalg.qr(design)
    spare = 1.0 - (orthogonal**2).sum(axis=1)
    residual = plane - design @ coefficients
    # A point without which the rest do not fix the map cannot be predicted.
    errors = np.where(spare[:, None] > 1e-6, residual / np.maximum(spare, 1e-6)[:, None], np.nan)
    return coefficients, errors


def _kernel(places: Floats, knots: Floats) -> Floats:
    """(N, P) r^2 log r^2 of distances from knots."""
    square = (places[:, None, 0] - knots[None, :, 0]) ** 2
    square += (places[:, None, 1] - knots[None, :, 1]) ** 2
    # At a knot itself zero times the logarithm is zero.
    logarithm = np.log(np.maximum(square, 1e-300))
    logarithm *= square
    return np.asarray(logarithm, np.float64)


def _spline(scaled: Floats, plane: Floats) -> tuple[Floats, Floats, Floats] | None:
    """Affine coefficients, errors left out and weights of a thin plate spline through the points.

    The error of a point that is left out is its weight over the diagonal of the system's inverse
    (S. Rippa, Adv. Comput. Math. 11, 1999).
    """
    count = len(scaled)
    system = np.zeros((count + 3, count + 3))
    system[:count, :count] = _kernel(scaled, scaled)
    system[:count, count:] = _monomials(scaled, 1)
    system[count:, :count] = system[:count, count:].T
    try:
        inverse = np.linalg.inv(system)
    except np.linalg.LinAlgError:  # two points at one pixel
        return None
    solution = inverse[:, :count] @ plane
    weights = solution[:count]
    if not np.isfinite(weights).all():
        return None
    errors = weights / np.diag(inverse)[:count, None]
    return solution[count:], errors, weights
