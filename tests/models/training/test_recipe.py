"""The learning rate over a training."""

from __future__ import annotations

import pytest

from models.training.recipe import Recipe


def test_the_rate_rises_straight_and_falls_by_half_a_cosine() -> None:
    recipe = Recipe(steps=110, warm_up=10, learning_rate=1e-3)
    assert recipe.rate(0) == pytest.approx(1e-4)
    assert recipe.rate(9) == pytest.approx(1e-3)
    assert recipe.rate(10) == pytest.approx(1e-3)
    # In the middle of the fall half of the way to the least is gone.
    assert recipe.rate(60) == pytest.approx((1e-3 + 5e-5) / 2)
    assert recipe.rate(110) == pytest.approx(5e-5)
