from __future__ import annotations

import pytest

from service.api.country_codes import ASSIGNED, is_country_code


def test_the_table_is_as_long_as_the_standard() -> None:
    # 249 entries since South Sudan and the end of the Netherlands Antilles.
    assert len(ASSIGNED) == 249


@pytest.mark.parametrize("code", ["SWE", "NOR", "SSD", "COD", "TUR", "AAA", "QMA", "XXA", "ZZZ"])
def test_states_and_user_assigned_codes_are_taken(code: str) -> None:
    assert is_country_code(code)


# Alpha-2, lower case, withdrawn (Yugoslavia, Netherlands Antilles), never assigned.
@pytest.mark.parametrize("code", ["", "SE", "swe", "YUG", "ANT", "SUN", "QLZ", "ABC", "SWE\n"])
def test_others_are_not(code: str) -> None:
    assert not is_country_code(code)
