from __future__ import annotations

import pytest

from models.wording import counted, plural


@pytest.mark.parametrize(
    ("count", "noun", "told"),
    [
        (0, "file", "0 files"),
        (1, "file", "1 file"),
        (2, "person", "2 people"),
        (1, "entry", "1 entry"),
        (3, "entry", "3 entries"),
        (4, "way", "4 ways"),
        (2, "class", "2 classes"),
        (7, "vertex", "7 vertices"),
        (2, "hard negative", "2 hard negatives"),
        (12_345, "byte", "12,345 bytes"),
    ],
)
def test_one_is_one_and_all_else_is_many(count: int, noun: str, told: str) -> None:
    assert counted(count, noun) == told


def test_categories_have_their_plurals() -> None:
    categories = ("person", "two-wheeler", "bus", "tricycle")
    assert [plural(it) for it in categories] == ["people", "two-wheelers", "buses", "tricycles"]
