from __future__ import annotations

import math
from datetime import UTC, datetime

import pytest

from pipelines.threats.positions.position import (
    Aging,
    Position,
    PositionKind,
    placed,
    position_faults,
)
from pipelines.threats.positions.shapes import Line, Polygon, Shape
from pipelines.threats.positions.use_times import parse_use_time
from pipelines.threats.rules.requirements import Day, Hours


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


ROAD = Line(vertices_lonlat=((31.0, 4.0), (31.1, 4.0)), buffer_m=20.0)
YARD = Polygon(rings_lonlat=(((31.0, 4.0), (31.01, 4.0), (31.0, 4.01)),))


@pytest.mark.parametrize(
    ("kind", "shape", "fields"),
    [
        (PositionKind.ROUTE, ROAD, []),
        (PositionKind.CEASEFIRE_LINE, ROAD, []),
        (PositionKind.BASE, YARD, []),
        (PositionKind.CAMP, YARD, []),
        (PositionKind.CAMP, None, []),
        (PositionKind.BUFFER_ZONE, YARD, []),
        (PositionKind.ROUTE, None, ["line"]),
        (PositionKind.ROUTE, YARD, ["polygon"]),
        (PositionKind.BUFFER_ZONE, None, ["polygon"]),
        (PositionKind.BUFFER_ZONE, ROAD, ["line"]),
        (PositionKind.POST, ROAD, ["line"]),
        (PositionKind.PATROL, YARD, ["polygon"]),
    ],
)
def test_each_kind_has_its_shapes(
    kind: PositionKind, shape: Shape | None, fields: list[str]
) -> None:
    position = changed(kind=kind, shape=shape, sigma_m=1.0)
    assert [told for told, _ in position_faults(position)] == fields


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"aging": Aging()}, "aging"),
        ({"valid_from": datetime(2026, 1, 1)}, "valid_from"),  # noqa: DTZ001 - that is the fault
        (
            {
                "valid_from": datetime(2026, 1, 2, tzinfo=UTC),
                "valid_until": datetime(2026, 1, 2, tzinfo=UTC),
            },
            "valid_until",
        ),
        ({"use_times": (Hours(),)}, "use_times[0]"),
        ({"use_times": (Hours(days=frozenset({Day.MONDAY})),) * 21}, "use_times"),
    ],
)
def test_times_and_aging_have_their_faults(change: dict[str, object], field: str) -> None:
    assert position_faults(changed(**change))[0][0] == field


@pytest.mark.parametrize(
    ("aging", "field"),
    [
        (Aging(speed_m_s=-1.0), "aging.speed_m_s"),
        (Aging(max_sigma_m=0.0), "aging.max_sigma_m"),
        (Aging(max_age_s=math.nan), "aging.max_age_s"),
    ],
)
def test_aging_has_its_limits(aging: Aging, field: str) -> None:
    patrol = changed(kind=PositionKind.PATROL, sigma_m=10.0, aging=aging)
    assert [told for told, _ in position_faults(patrol)] == [field]


def test_a_position_is_in_use_within_its_times() -> None:
    position = changed(
        valid_from=datetime(2026, 1, 1, tzinfo=UTC),
        valid_until=datetime(2026, 3, 1, tzinfo=UTC),
        use_times=(parse_use_time("mon 22:00-02:00 +03:00"), parse_use_time("sat UTC")),
    )
    # 2026-01-05 is a Monday.
    asked = {
        datetime(2026, 1, 5, 19, 0, tzinfo=UTC): True,
        datetime(2026, 1, 5, 18, 59, tzinfo=UTC): False,
        datetime(2026, 1, 5, 22, 59, tzinfo=UTC): True,
        datetime(2026, 1, 5, 23, 0, tzinfo=UTC): False,
        datetime(2026, 1, 10, 12, 0, tzinfo=UTC): True,
        datetime(2025, 12, 29, 20, 0, tzinfo=UTC): False,
        datetime(2026, 3, 2, 20, 0, tzinfo=UTC): False,
    }
    assert {moment: position.in_use_at(moment) for moment in asked} == asked
    # Of an unknown time it may have been.
    assert position.in_use_at(None)
    assert changed().always_in_use
    assert not position.always_in_use


def test_a_shape_is_placed_at_its_reference_point() -> None:
    found = placed(changed(kind=PositionKind.ROUTE, shape=ROAD))
    assert (found.latitude_deg, found.longitude_deg) == pytest.approx((4.0, 31.05), abs=1e-5)
    wrong = changed(shape=Line(vertices_lonlat=((31.0, 4.0),)))
    assert placed(wrong) == wrong
