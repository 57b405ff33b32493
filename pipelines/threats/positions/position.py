"""Where peacekeepers are, and what they protect."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from pipelines.threats.positions.shapes import (
    MAX_RADIUS_M,
    Line,
    Polygon,
    Shape,
    reference_point,
    shape_faults,
)
from pipelines.threats.rules.hours import within_hours
from pipelines.threats.rules.requirements import Hours, requirement_faults

# AIP-122 resource identifiers, as the API documents them.
_IDENTIFIER = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
MAX_DISPLAY_NAME = 200
# A position that is less certain than this is not a place to measure a range from.
MAX_SIGMA_M = 10_000.0
MAX_SPEED_M_S = 60.0
MAX_AGE_S = 7 * 86_400.0
MAX_USE_TIMES = 20


class PositionKind(StrEnum):
    """What is at a position."""

    BASE = "base"
    POST = "post"
    PATROL = "patrol"
    ROUTE = "route"
    CAMP = "camp"
    SCHOOL = "school"
    CLINIC = "clinic"
    CIVILIAN_SITE = "civilian_site"
    CEASEFIRE_LINE = "ceasefire_line"
    BUFFER_ZONE = "buffer_zone"


CIVILIAN_KINDS = frozenset(
    {PositionKind.CAMP, PositionKind.SCHOOL, PositionKind.CLINIC, PositionKind.CIVILIAN_SITE}
)
"""Protected sites: people there are who is protected, not who threatens."""

LINE_KINDS = frozenset({PositionKind.ROUTE, PositionKind.CEASEFIRE_LINE})
AREA_KINDS = frozenset({PositionKind.BUFFER_ZONE})


@dataclass(frozen=True, kw_only=True, slots=True)
class Aging:
    """How the error of a patrol's place grows with the age of its last report.

    Attributes:
        speed_m_s: how fast the patrol moves. In an unknown direction that is one sigma of speed
            over the square root of two on each axis.
        max_sigma_m: its error grows no further.
        max_age_s: after so long without a report nobody knows where it is.
    """

    speed_m_s: float = 5.0
    max_sigma_m: float = 3_000.0
    max_age_s: float = 3_600.0


DEFAULT_AGING = Aging()
"""Between a foot patrol (1.4 m/s) and a vehicle on a dirt road (8 m/s); lost after an hour."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Position:
    """A place of peacekeepers, or one that they protect or watch.

    Attributes:
        position_id: its identifier within the mission.
        display_name: what people call it.
        kind: what it is.
        latitude_deg: WGS 84; of a shape its reference point.
        longitude_deg: WGS 84; of a shape its reference point.
        sigma_m: one sigma of each horizontal axis; 0 when surveyed. A shape is off as a whole.
        radius_m: overrides the radius of every rule here; None to keep the rule's.
        shape: a polygon or a line; None for a point.
        aging: of a patrol that reports; None for one whose error stays what it is.
        reported_at: when a patrol was at this place, aware; None where it does not report.
        valid_from: it is not there before, aware; None for always.
        valid_until: nor from then on.
        use_times: hours at which it is in use, any of them; always when empty.
        revision: counts up with each change.
    """

    position_id: str
    display_name: str
    kind: PositionKind
    latitude_deg: float
    longitude_deg: float
    sigma_m: float = 0.0
    radius_m: float | None = None
    shape: Shape | None = None
    aging: Aging | None = None
    reported_at: datetime | None = None
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    use_times: tuple[Hours, ...] = ()
    revision: int = 1

    @property
    def always_in_use(self) -> bool:
        """Whether no time is named at which it is not."""
        return self.valid_from is None and self.valid_until is None and not self.use_times

    def in_use_at(self, moment: datetime | None) -> bool:
        """Whether it is to be guarded at an aware time; of an unknown time, that it may be."""
        if moment is None:
            return True
        return (
            (self.valid_from is None or moment >= self.valid_from)
            and (self.valid_until is None or moment < self.valid_until)
            and (not self.use_times or any(within_hours(it, moment) for it in self.use_times))
        )


def placed(position: Position) -> Position:
    """The position with the reference point of its shape, where it has a valid one."""
    if position.shape is None or shape_faults(position.shape):
        return position
    latitude, longitude = reference_point(position.shape)
    return replace(position, latitude_deg=latitude, longitude_deg=longitude)


def position_faults(position: Position) -> tuple[tuple[str, str], ...]:
    """Everything that is wrong with a position, as (field, message), in the order of its fields."""
    return tuple(_faults(position))


def _faults(position: Position) -> Iterator[tuple[str, str]]:
    if not _IDENTIFIER.fullmatch(position.position_id):
        yield "position_id", "1 to 63 letters, digits and hyphens, no hyphen first or last"
    name = position.display_name
    if not name.strip() or len(name) > MAX_DISPLAY_NAME or not name.isprintable():
        yield "display_name", f"1 to {MAX_DISPLAY_NAME} printable characters on one line"
    yield from _place_faults(position)
    if not 0.0 <= position.sigma_m <= MAX_SIGMA_M:
        yield "sigma_m", f"{position.sigma_m} is not between 0 and {MAX_SIGMA_M:.0f}"
    elif position.kind is PositionKind.PATROL and position.sigma_m == 0.0:
        yield "sigma_m", "a patrol moves: how far it may be from here, one sigma above 0"
    radius = position.radius_m
    if radius is not None and not (math.isfinite(radius) and 0.0 < radius <= MAX_RADIUS_M):
        yield "radius_m", f"{radius} is not above 0 and at most {MAX_RADIUS_M:.0f}"
    if position.aging is not None:
        if position.kind is not PositionKind.PATROL:
            yield "aging", f"a {position.kind.value} does not move; only a patrol reports"
        yield from _aging_faults(position.aging)
    yield from _time_faults(position)


def _place_faults(position: Position) -> Iterator[tuple[str, str]]:
    kind, shape = position.kind, position.shape
    said = kind.value.replace("_", " ")
    if shape is not None:
        if kind is PositionKind.PATROL:
            yield _word(shape), "a patrol is a point; a route is a line"
        elif kind in LINE_KINDS and isinstance(shape, Polygon):
            yield "polygon", f"a {said} is a line"
        elif kind not in LINE_KINDS and isinstance(shape, Line):
            yield "line", f"a {said} is no line; routes and ceasefire lines are"
        yield from shape_faults(shape)
        return
    if kind in LINE_KINDS:
        yield "line", f"a {said} is a line, of two vertices at least"
        return
    if kind in AREA_KINDS:
        yield "polygon", f"a {said} is a polygon"
        return
    if not -90.0 <= position.latitude_deg <= 90.0:
        yield "latitude_deg", f"{position.latitude_deg} is not between -90 and 90"
    if not -180.0 <= position.longitude_deg <= 180.0:
        yield "longitude_deg", f"{position.longitude_deg} is not between -180 and 180"


def _word(shape: Shape) -> str:
    return "polygon" if isinstance(shape, Polygon) else "line"


def _aging_faults(aging: Aging) -> Iterator[tuple[str, str]]:
    for field, low, high in (
        ("speed_m_s", 0.0, MAX_SPEED_M_S),
        ("max_sigma_m", 1.0, MAX_SIGMA_M),
        ("max_age_s", 1.0, MAX_AGE_S),
    ):
        value = getattr(aging, field)
        if not low <= value <= high:
            yield f"aging.{field}", f"{value:g} is not between {low:g} and {high:g}"


def _time_faults(position: Position) -> Iterator[tuple[str, str]]:
    start, end = position.valid_from, position.valid_until
    for field, moment in (("valid_from", start), ("valid_until", end)):
        if moment is not None and moment.tzinfo is None:
            yield field, "names no zone; add Z for UTC or +03:00"
            return
    if start is not None and end is not None and end <= start:
        yield "valid_until", "is not after valid_from"
    if len(position.use_times) > MAX_USE_TIMES:
        yield "use_times", f"{len(position.use_times)}; at most {MAX_USE_TIMES}"
    for index, hours in enumerate(position.use_times):
        for field, message in requirement_faults(hours):
            yield f"use_times[{index}]", f"{field}: {message}"
