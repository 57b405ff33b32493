"""A work folder belongs to one plan."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from models.errors import InvalidInputError
from models.training.recipe import ClassRecipe, Recipe
from service.training.plan import CLASS_SHARES, SHARES, Plan

PLAN = Plan(
    name="ours",
    version="1.0.0",
    license="AGPL-3.0-only",
    start="vedette-n@1.0.0",
    start_sha256="00",
    data=(Path("/flights"),),
    validation=(Path("/june"),),
    sources=("Flights; ours",),
    recipe=Recipe(steps=10),
)


def test_the_same_plan_goes_on_and_another_is_refused_by_what_differs(tmp_path: Path) -> None:
    work = tmp_path / "work"
    assert not PLAN.begin(work)
    assert PLAN.begin(work)
    with pytest.raises(InvalidInputError, match="another rendered, version;"):
        replace(PLAN, version="2.0.0", rendered=4).begin(work)
    with pytest.raises(InvalidInputError, match="another recipe;"):
        replace(PLAN, recipe=Recipe(steps=11)).begin(work)
    with pytest.raises(InvalidInputError, match="another class_recipe;"):
        replace(PLAN, class_recipe=ClassRecipe(steps=1)).begin(work)
    assert PLAN.begin(work)


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").write_bytes(b"")
    with pytest.raises(InvalidInputError, match="is not empty and holds no training"):
        PLAN.begin(tmp_path)


def test_shares_add_up() -> None:
    assert sum(SHARES.values()) == pytest.approx(1.0)
    assert sum(CLASS_SHARES.values()) == pytest.approx(1.0)
