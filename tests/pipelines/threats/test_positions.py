from __future__ import annotations

import math

import pytest

from pipelines.threats.positions import Position, PositionKind, position_faults


def changed(**changes: object) -> Position:
    values: dict[str, object] = {
        "position_id": "post-7",
        "display_name": "Post 7, Río Ñuñoa",
        "kind": PositionKind.POST,
        "latitude_deg": -90.0,
        "longitude_deg": 180.0,
        "sigma_m": 0.0,
        "radius_m": None,
    }
    return Position(**(values | changes))  # type: ignore[arg-type]


def test_a_position_at_the_limits_is_valid() -> None:
    assert position_faults(changed()) == ()
    assert position_faults(changed(position_id="7", sigma_m=10_000.0, radius_m=100_000.0)) == ()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("position_id", ""),
        ("position_id", "post 7"),
        ("position_id", "post-"),
        ("position_id", "posté"),
        ("display_name", "  "),
        ("display_name", "a\nb"),
        ("display_name", "x" * 201),
        ("latitude_deg", 90.000001),
        ("latitude_deg", math.nan),
        ("longitude_deg", -180.1),
        ("longitude_deg", math.inf),
        ("sigma_m", -0.1),
        ("sigma_m", math.nan),
        ("radius_m", 0.0),
        ("radius_m", math.inf),
    ],
)
def test_what_cannot_be_a_position_is_refused_by_field(field: str, value: object) -> None:
    assert [told for told, _ in position_faults(changed(**{field: value}))] == [field]


def test_all_faults_are_told_in_order() -> None:
    faults = position_faults(changed(position_id="", longitude_deg=200.0, sigma_m=-1.0))
    assert [field for field, _ in faults] == ["position_id", "longitude_deg", "sigma_m"]


def test_a_patrol_is_never_surveyed() -> None:
    assert position_faults(changed(kind=PositionKind.BASE)) == ()
    assert position_faults(changed(kind=PositionKind.PATROL, sigma_m=0.1)) == ()
    (fault,) = position_faults(changed(kind=PositionKind.PATROL))
    assert fault[0] == "sigma_m"
