"""The categories of Vedette, and how a model's own classes map to them.

Every model has classes of its own; rules, incidents and pictures speak of these categories. A
model may tell two classes apart that are one category here ("pedestrian" and "people"): classes
become categories before boxes are merged, so that one person is not two.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

GROUPS: dict[str, tuple[str, ...]] = {
    "person": ("person",),
    "vehicle": ("two-wheeler", "car", "van", "truck", "tricycle", "bus"),
}
"""Categories by group; a rule may name a group for all of its categories."""

CATEGORIES: tuple[str, ...] = tuple(name for group in GROUPS.values() for name in group)
"""Every category, persons first."""

_GROUP_OF = {category: group for group, names in GROUPS.items() for category in names}


def group_of(category: str) -> str:
    """The group, "person" or "vehicle", of a category.

    Raises:
        ValueError: no such category.
    """
    try:
        return _GROUP_OF[category]
    except KeyError:
        known = ", ".join(CATEGORIES)
        raise ValueError(f"no category {category!r}; there are {known}") from None


def expand(names: Iterable[str]) -> frozenset[str]:
    """Categories that names of categories or groups stand for.

    Raises:
        ValueError: a name is neither.
    """
    found: set[str] = set()
    for name in names:
        members = GROUPS.get(name)
        if members is None:
            group_of(name)
            members = (name,)
        found.update(members)
    return frozenset(found)


@dataclass(frozen=True, kw_only=True, slots=True)
class ClassMap:
    """How a model's class numbers become categories.

    Attributes:
        classes: the model's own class names, by class number, C of them.
        categories: the distinct categories, in the order of the first class that has them.
        index: (C,) int32, for each class its place in `categories`.
    """

    classes: tuple[str, ...]
    categories: tuple[str, ...]
    index: NDArray[np.int32]

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, str]]) -> Self:
        """The map of (class name, category) pairs in the order of class numbers.

        Raises:
            ValueError: a category is not of this taxonomy, or there is no pair.
        """
        named = tuple(pairs)
        if not named:
            raise ValueError("a model needs at least one class")
        for _, category in named:
            group_of(category)
        categories = tuple(dict.fromkeys(category for _, category in named))
        return cls(
            classes=tuple(name for name, _ in named),
            categories=categories,
            index=np.array([categories.index(category) for _, category in named], np.int32),
        )


def group_index(categories: Iterable[str]) -> NDArray[np.int32]:
    """(K,) int32, the number of the group of each of K categories."""
    order = list(GROUPS)
    return np.array([order.index(group_of(category)) for category in categories], np.int32)
