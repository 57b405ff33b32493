"""Rays over a few posts, against dense sampling of the same bilinear patches."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipelines.geometry.post_window import PostWindow
from pipelines.geometry.ray_march import ALOFT, CROSSED, GAP

Floats = NDArray[np.float64]


def over(heights: Floats, curves: Floats, t: Floats) -> Floats:
    """Clearance (N, K) of rays at parameters (K,); posts start at column 40, row -7."""
    u, v, h = (
        curves[0, k, :, None] + t * (curves[1, k, :, None] + t * curves[2, k, :, None])
        for k in range(3)
    )
    u, v = u - 40, v + 7
    left = np.clip(np.floor(u), 0, heights.shape[1] - 2).astype(int)
    top = np.clip(np.floor(v), 0, heights.shape[0] - 2).astype(int)
    x, y = u - left, v - top
    upper = heights[top, left] * (1 - x) + heights[top, left + 1] * x
    lower = heights[top + 1, left] * (1 - x) + heights[top + 1, left + 1] * x
    clearance: Floats = h - (upper * (1 - y) + lower * y)
    return clearance


def scene(seed: int, steepness: float, level: bool) -> tuple[Floats, Floats]:
    rng = np.random.default_rng(seed)
    heights = rng.normal(0, steepness, (23, 31)).astype(np.float32).astype(np.float64)
    start, stop = rng.uniform((41, -6), (69, 14), (2, 40, 2)).transpose(0, 2, 1)
    high = rng.uniform(2, 6, 40) * (steepness if level else 30.0)
    low = high - rng.uniform(0, 3, 40) if level else -high
    curves = np.zeros((3, 3, 40))
    curves[0, :2], curves[1, :2] = start, stop - start
    curves[0, 2], curves[1, 2] = high, low - high - 0.3
    # More than the Earth bends five kilometres.
    curves[2, :2] = rng.uniform(-1e-3, 1e-3, (2, 40)) * (stop - start)
    curves[2, 2] = 0.3
    return heights, curves


@given(seed=st.integers(0, 1000), steepness=st.sampled_from([0.1, 2.0, 8.0]), level=st.booleans())
@settings(max_examples=60, deadline=None)
def test_the_first_crossing_is_the_sampled_one(seed: int, steepness: float, level: bool) -> None:
    heights, curves = scene(seed, steepness, level)
    window = PostWindow(heights.astype(np.float32), column=40, row=-7)
    t = np.linspace(0, 1, 20_001)
    clearance = over(heights, curves, t)
    for rising in (False, True):
        wrong_side = clearance > 0 if rising else clearance <= 0
        # For the way out: from where a ray is first in the ground.
        seen = np.maximum.accumulate(~wrong_side, axis=1)
        event = wrong_side & seen if rising else wrong_side
        state, where, _ = window.traverse(
            curves, np.ones(40), rising=rising, armed=np.full(40, not rising)
        )
        for ray in np.arange(40):
            sampled = t[event[ray].argmax()] if event[ray].any() else np.inf
            ours = where[ray] if state[ray] == CROSSED else np.inf
            if np.isinf(sampled) and np.isinf(ours):
                continue
            # What is thinner than a sample escapes the judge; then the ground just touches the ray.
            if abs(sampled - ours) > 1e-4:
                assert ours < sampled
                near = over(heights, curves[:, :, ray : ray + 1], np.array([ours]))[0, 0]
                assert abs(near) < 1e-3
    steep, state, where = window.descend(curves)
    for ray in np.flatnonzero(steep):
        sampled = t[(clearance[ray] <= 0).argmax()] if (clearance[ray] <= 0).any() else np.inf
        ours = where[ray] if state[ray] == CROSSED else np.inf
        assert ours == sampled or abs(ours - sampled) < 1e-4
    if not level and steepness == 0.1:
        assert steep.any()


def test_a_gap_ends_a_ray_and_a_limit_too() -> None:
    heights = np.zeros((23, 31), np.float32)
    heights[:, 20] = np.nan
    curves = np.zeros((3, 3, 3))
    curves[0] = [[41, 41, 41], [2, 2, 2], [10, 1, 10]]
    curves[1, 0], curves[1, 2, 1] = 25.0, -2.0
    window = PostWindow(heights, column=40, row=-7)
    state, where, _ = window.traverse(
        curves, np.array([1.0, 1.0, 0.5]), rising=False, armed=np.ones(3, np.bool_)
    )
    assert state.tolist() == [GAP, CROSSED, ALOFT]
    # Into the cell before the gap; half way down.
    np.testing.assert_allclose(where[:2], [18 / 25, 0.5], atol=1e-6)
    assert not window.descend(curves)[0].any()
