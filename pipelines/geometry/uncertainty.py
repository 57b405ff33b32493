"""How wrong a place on the ground may be.

A place is where a ray (direction d, slant range s) meets terrain with the upward normal n. With
the camera's position wrong by dC, its attitude by the small rotation w, the terrain's height by
dz, the place moves by

    dX = (I - d n^T / (n.d)) (dC + s w x d + s dd) + d (n_z dz) / (n.d)

dd is the error of the pixel as a change of the ray's direction. Every input is independent, so
that the covariance is the sum of the outer products of these columns. At low depression that is
no longer true to the geometry; there each input is moved by the square root of three sigmas to
either side, the terrain is met anew, and the second-order divided differences give the
covariance.

Refraction is left out. Air bends a level ray down by some 0.13 of the Earth's curvature, so that a
place is seen 0.13 d^2 / (2 R) higher than it is: 1 cm at 1 km, 0.25 m at 5 km, 1 m at 10 km, over
hot ground up to three times as much. Along the ground that is as much again over the tangent of the
depression; from 5 km on it is no longer small beside the other errors, and not in the figure.

Source: M. Norgaard, N. K. Poulsen, O. Ravn, "New developments in state estimation for
nonlinear systems", Automatica 36 (2000), equations 35 and 36.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SIGMA_POINT_DEPRESSION_DEG = 10.0
"""Below this angle between ray and terrain the closed form is not used."""

SIGMA_POINT_STEP = float(np.sqrt(3.0))
"""Sigmas that each input is moved by; three is a Gaussian's fourth moment over its second."""

LE90_SIGMAS = 1.6448536269514722
"""Half width of the interval that holds 90 % of a Gaussian, in sigmas."""

INPUT_COUNT = 9
"""Camera north, east, down; yaw, pitch, roll; pixel x, pixel y; terrain height."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RayErrors:
    """One sigma of everything that N rays depend on, as changes of the rays; ECEF throughout.

    Attributes:
        camera: (N, 3, 3) moves of the camera in metres, one row per axis.
        direction: (N, 5, 3) changes of the unit direction by yaw, pitch, roll, pixel x, pixel y.
        terrain_m: (N,) sigma of the terrain's height.
    """

    camera: Floats
    direction: Floats
    terrain_m: Floats


def linear_columns(
    direction: Floats, slant_range_m: Floats, normal: Floats, up: Floats, errors: RayErrors
) -> Floats:
    """One-sigma moves (N, 9, 3) of N places for each input, by the closed form.

    Args:
        direction: (N, 3) unit rays, ECEF.
        slant_range_m: (N,) distances from camera to place.
        normal: (N, 3) upward unit normals of the terrain, ECEF.
        up: (N, 3) local up at the place, ECEF.
        errors: one sigma of the inputs.
    """
    approach = np.einsum("ni,ni->n", normal, direction)
    columns = np.empty((len(direction), INPUT_COUNT, 3))
    columns[:, :3] = errors.camera
    np.multiply(errors.direction, slant_range_m[:, None, None], out=columns[:, 3:8])
    # Along the ray back to the terrain.
    back = np.matmul(columns[:, :8], (normal / approach[:, None])[:, :, None])
    columns[:, :8] -= back * direction[:, None, :]
    upright = np.einsum("ni,ni->n", normal, up)
    columns[:, 8] = direction * (upright * errors.terrain_m / approach)[:, None]
    return columns


def covariance_of_columns(columns: Floats) -> Floats:
    """Covariance (N, 3, 3) of independent one-sigma moves (N, K, 3)."""
    result: Floats = np.matmul(np.swapaxes(columns, 1, 2), columns)
    return result


def covariance_of_sigma_points(plus: Floats, minus: Floats) -> Floats:
    """Mean square error (N, 3, 3) about the place itself from moves of `SIGMA_POINT_STEP` sigmas.

    Args:
        plus: (N, K, 3) where each input's positive step moves the place to, relative to it.
        minus: (N, K, 3) the same of the negative step.
    """
    square = SIGMA_POINT_STEP**2
    first = (plus - minus) / (2 * SIGMA_POINT_STEP)
    second = (plus + minus) * (np.sqrt(square - 1) / (2 * square))
    bias = (plus + minus).sum(axis=1) / (2 * square)
    result: Floats = (
        covariance_of_columns(first)
        + covariance_of_columns(second)
        + bias[:, :, None] * bias[:, None, :]
    )
    return result


def containment(radius: Floats, ratio: Floats) -> Floats:
    """Probability that a plane Gaussian of sigmas 1 and `ratio` lies within a radius of its mean.

    The polar integral of the density with the angle stretched by the ratio, so that the integrand
    stays smooth down to a ratio of 0: 1 - mean over t of exp(-k^2 / (2 (cos^2 t + r^2 sin^2 t))).
    """
    angles = (np.arange(128) + 0.5) * (np.pi / 2 / 128)
    spread = np.cos(angles) ** 2 + ratio[..., None] ** 2 * np.sin(angles) ** 2
    exponent: Floats = 1 - np.exp(-(radius[..., None] ** 2) / (2 * spread)).mean(axis=-1)
    return exponent


@lru_cache(maxsize=8)
def _radius_table(probability: float) -> tuple[Floats, Floats]:
    """Radii in units of the larger sigma over 4097 ratios; linear between them to 1e-7."""
    ratio = np.linspace(0.0, 1.0, 4097)
    low, high = np.zeros_like(ratio), np.full_like(ratio, 10.0)
    for _ in range(50):
        middle = (low + high) / 2
        inside = containment(middle, ratio) < probability
        low, high = np.where(inside, middle, low), np.where(inside, high, middle)
    return ratio, (low + high) / 2


def confidence_radius_m(covariance_m2: Floats, probability: float = 0.9) -> Floats:
    """Radius (N,) of the circle that holds a share of the horizontal errors; 0.9 gives CE90.

    Args:
        covariance_m2: (N, 2, 2) or (N, 3, 3), east and north first.
        probability: the share, above 0 and below 1.
    """
    east, north = covariance_m2[:, 0, 0], covariance_m2[:, 1, 1]
    mean = (east + north) / 2
    half = np.hypot((east - north) / 2, covariance_m2[:, 0, 1])
    major = mean + half
    ratio = np.sqrt(np.clip(mean - half, 0.0, None) / np.where(major > 0, major, 1.0))
    nodes, radii = _radius_table(probability)
    result: Floats = np.sqrt(np.clip(major, 0.0, None)) * np.interp(ratio, nodes, radii)
    return result
