from __future__ import annotations

import pytest

from models.taxonomy import CATEGORIES, GROUPS, ClassMap, expand, group_index, group_of


def test_every_category_is_in_exactly_one_group() -> None:
    assert sorted(CATEGORIES) == sorted(name for names in GROUPS.values() for name in names)
    assert len(set(CATEGORIES)) == len(CATEGORIES)
    assert group_of("person") == "person"
    assert group_of("truck") == "vehicle"


def test_classes_of_one_category_share_its_number() -> None:
    mapped = ClassMap.of(
        [("pedestrian", "person"), ("people", "person"), ("car", "car"), ("motor", "two-wheeler")]
    )
    assert mapped.categories == ("person", "car", "two-wheeler")
    assert mapped.index.tolist() == [0, 0, 1, 2]


@pytest.mark.parametrize("pairs", [[], [("tank", "tank")]])
def test_a_map_without_classes_or_with_a_foreign_category_is_refused(
    pairs: list[tuple[str, str]],
) -> None:
    with pytest.raises(ValueError, match=r"category|class"):
        ClassMap.of(pairs)


def test_a_group_stands_for_its_categories() -> None:
    assert expand(["person", "bus"]) == {"person", "bus"}
    assert expand(["vehicle"]) == {"two-wheeler", "car", "van", "truck", "tricycle", "bus"}
    with pytest.raises(ValueError, match="'lorry'"):
        expand(["lorry"])


def test_groups_are_told_by_number() -> None:
    person, car, bus = group_index(["person", "car", "bus"]).tolist()
    assert car == bus != person
