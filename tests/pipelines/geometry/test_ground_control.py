"""Maps fitted to ground control: planted maps, and points left out for real."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from pipelines.geometry.ground_control import fit_control

Floats = NDArray[np.float64]


def _affine(pixels: Floats) -> Floats:
    plane: Floats = pixels @ np.array([[0.5, 0.1], [0.2, -0.6]]) + np.array([30.0, -20.0])
    return plane


def _bent(pixels: Floats) -> Floats:
    return _affine(pixels) + 1e-4 * pixels**2


def _waves(pixels: Floats) -> Floats:
    return _affine(pixels) + 15.0 * np.sin(pixels / 120.0)


@pytest.mark.parametrize(
    ("truth", "noise", "name"),
    [
        (_affine, 0.3, "polynomial of degree 1"),
        (_bent, 0.3, "polynomial of degree 2"),
        (_waves, 0.0, "thin plate spline"),
    ],
)
def test_the_map_that_predicts_best_is_taken(
    truth: Callable[[Floats], Floats], noise: float, name: str
) -> None:
    random = np.random.default_rng(5)
    pixels = random.uniform(0, (1000, 800), (60, 2))
    fit = fit_control(pixels, truth(pixels) + random.normal(0, noise, (60, 2)))
    assert fit is not None
    assert fit.name == name
    fresh = random.uniform(100, (900, 700), (500, 2))
    error = fit.apply(fresh) - truth(fresh)
    predicted = float(np.sqrt(np.mean(fit.errors**2)))
    # What the fit says of itself holds for points it has never seen (which have no noise here).
    assert np.sqrt(np.mean(error**2)) < predicted
    if noise:
        assert predicted == pytest.approx(noise, rel=0.3)
    back = fit.invert(fit.apply(fresh))
    assert np.abs(back - fresh).max() < 1e-4


@pytest.mark.parametrize("truth", [_bent, _waves])
def test_errors_are_those_of_points_really_left_out(truth: Callable[[Floats], Floats]) -> None:
    random = np.random.default_rng(6)
    pixels = random.uniform(0, (1000, 800), (40, 2))
    # The corners, so that leaving a point out does not move the middle or the extent.
    pixels[:4] = [[0, 0], [1000, 0], [0, 800], [1000, 800]]
    plane = truth(pixels) + random.normal(0, 0.2, (40, 2))
    whole = fit_control(pixels, plane)
    assert whole is not None
    for index in (7, 20, 33):
        rest = np.arange(40) != index
        part = fit_control(pixels[rest], plane[rest])
        assert part is not None
        assert part.name == whole.name
        left_out = plane[index] - part.apply(pixels[[index]])[0]
        assert whole.errors[index] == pytest.approx(left_out, abs=1e-6)


def test_a_spline_goes_through_its_points() -> None:
    pixels = np.random.default_rng(8).uniform(0, 1000, (30, 2))
    fit = fit_control(pixels, _waves(pixels))
    assert fit is not None
    assert fit.name == "thin plate spline"
    assert np.abs(fit.apply(pixels) - _waves(pixels)).max() < 1e-6


def test_three_points_fix_a_map_that_nobody_checked() -> None:
    pixels = np.array([[0.0, 0.0], [100.0, 0.0], [0.0, 80.0]])
    fit = fit_control(pixels, _affine(pixels))
    assert fit is not None
    assert np.isnan(fit.errors).all()
    fresh = np.array([[40.0, 30.0]])
    assert fit.apply(fresh) == pytest.approx(_affine(fresh))


def test_points_that_fix_no_map_are_refused() -> None:
    pixels = np.array([[0.0, 0.0], [50.0, 40.0], [100.0, 80.0]])
    assert fit_control(pixels, _affine(pixels)) is None
    assert fit_control(pixels[:2], _affine(pixels[:2])) is None
    row = np.array([[0.0, 5.0], [50.0, 5.0], [100.0, 5.0]])
    assert fit_control(row, _affine(row)) is None
