from __future__ import annotations

import pytest

from models.errors import InvalidInputError
from service.api import names


def test_a_name_gives_back_its_parts() -> None:
    name = names.pledge_name("unmiss", "swe-1")
    assert names.parse(name, "missions/*/pledges/*", "name") == ("unmiss", "swe-1")


@pytest.mark.parametrize(
    "name",
    [
        "",
        "missions/",
        "missions/a/pledges",
        "missions/a/positions/b",
        "missions/a/pledges/b/c",
        "missions/-a/pledges/b",
        "missions/a/pledges/..",
        "missions/a/pledges/b\n",
        "missions/" + "a" * 64 + "/pledges/b",
    ],
)
def test_another_form_is_refused_by_its_field(name: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        names.parse(name, "missions/*/pledges/*", "header.pledge")
    assert refused.value.field == "header.pledge"


@pytest.mark.parametrize("value", [".", "..", "", "a/b", "ä", "a" * 64])
def test_a_sortie_cannot_be_a_path(value: str) -> None:
    with pytest.raises(InvalidInputError):
        names.sortie(value, "sortie")
