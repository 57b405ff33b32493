"""Rows of positions and of what their patrols report, as values and back."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, bindparam, func, select

from pipelines.threats.positions.patrols import PatrolReport
from pipelines.threats.positions.position import Aging, Position, PositionKind
from pipelines.threats.positions.shapes import Line, Polygon, Shape
from pipelines.threats.positions.use_times import parse_use_time, use_time_text
from service.errors import NotFoundError
from service.ledger.dialect import insert_if_absent
from service.ledger.tables import Instant, patrol_reports, positions

# Keys named in one statement; SQLite takes 32,766 values in one.
_MOST_KEYS = 500


def read_position(connection: Connection, mission_id: str, position_id: str) -> Position:
    """One position as it is registered.

    Raises:
        NotFoundError: the mission has none of that name.
    """
    row = connection.execute(
        select(positions).where(
            positions.c.mission_id == mission_id, positions.c.position_id == position_id
        )
    ).one_or_none()
    if row is None:
        raise NotFoundError(f"this mission has no position {position_id!r}", field="name")
    return position_of(row)


def read_positions(
    connection: Connection, mission_id: str, position_ids: Sequence[str]
) -> list[Position]:
    """Some positions as they are registered, in no order; those that are not are left out."""
    found: list[Position] = []
    for start in range(0, len(position_ids), _MOST_KEYS):
        rows = connection.execute(
            select(positions).where(
                positions.c.mission_id == mission_id,
                positions.c.position_id.in_(position_ids[start : start + _MOST_KEYS]),
            )
        )
        found += [position_of(row) for row in rows]
    return found


def add_report(
    connection: Connection, mission_id: str, position_id: str, report: PatrolReport, now: datetime
) -> bool:
    """Record a report unless there is one of its time; tell if it was not there."""
    values = {
        "mission_id": mission_id,
        "position_id": position_id,
        "reported_at": report.reported_at,
        "latitude_deg": float(report.latitude_deg),
        "longitude_deg": float(report.longitude_deg),
        "sigma_m": float(report.sigma_m),
        "received_at": now,
    }
    return insert_if_absent(connection, patrol_reports, values)


def as_last_reported(
    connection: Connection, mission_id: str, found: Sequence[Position]
) -> list[Position]:
    """Positions with their patrols where they were last reported."""
    patrols = [it.position_id for it in found if it.kind is PositionKind.PATROL]
    reports = reports_around(connection, mission_id, patrols, None)
    last = {name: each[-1] for name, each in reports.items()}
    return [
        it
        if it.position_id not in last
        else replace(
            it,
            latitude_deg=last[it.position_id].latitude_deg,
            longitude_deg=last[it.position_id].longitude_deg,
            sigma_m=last[it.position_id].sigma_m,
            reported_at=last[it.position_id].reported_at,
        )
        for it in found
    ]


def reports_around(
    connection: Connection, mission_id: str, position_ids: Sequence[str], moment: datetime | None
) -> dict[str, tuple[PatrolReport, ...]]:
    """Of each patrol the last report up to a time and the first one after; of None the latest."""
    found: dict[str, tuple[PatrolReport, ...]] = {}
    for start in range(0, len(position_ids), _MOST_KEYS):
        some = position_ids[start : start + _MOST_KEYS]
        asked: dict[str, Any] = {"asked_mission": mission_id, "asked_patrols": some}
        if moment is not None:
            asked["asked_moment"] = moment
        rows = connection.execute(_around(at_a_time=moment is not None), asked)
        for name, *values in rows.all():
            known = _reports(*values[:4]) + _reports(*values[4:])
            if known:
                found[name] = known
    return found


# Patrols are asked for with every frame, and report every some minutes.
@functools.lru_cache(maxsize=4096)
def _reports(
    reported_at: datetime | None, latitude_deg: float, longitude_deg: float, sigma_m: float
) -> tuple[PatrolReport, ...]:
    """The report of some columns; none where they are empty."""
    if reported_at is None:
        return ()
    return (
        PatrolReport(
            reported_at=reported_at,
            latitude_deg=latitude_deg,
            longitude_deg=longitude_deg,
            sigma_m=sigma_m,
        ),
    )


@functools.cache
def _around(*, at_a_time: bool) -> Any:
    """Patrols with their reports before and after a moment: steps into the primary key.

    Built once: its columns cost more than the database does.
    """
    moment = bindparam("asked_moment", type_=Instant)
    before, after = patrol_reports.alias("before"), patrol_reports.alias("after")
    every = patrol_reports.alias("every")
    mine = (
        every.c.mission_id == positions.c.mission_id,
        every.c.position_id == positions.c.position_id,
    )
    last, first = select(func.max(every.c.reported_at)), select(func.min(every.c.reported_at))
    if at_a_time:
        last = last.where(every.c.reported_at <= moment)
        first = first.where(every.c.reported_at > moment)
    else:
        first = first.where(every.c.reported_at.is_(None))
    joined: Any = positions
    for table, time in ((before, last), (after, first)):
        joined = joined.outerjoin(
            table,
            and_(
                table.c.mission_id == positions.c.mission_id,
                table.c.position_id == positions.c.position_id,
                table.c.reported_at == time.where(*mine).correlate(positions).scalar_subquery(),
            ),
        )
    told = ("reported_at", "latitude_deg", "longitude_deg", "sigma_m")
    return (
        select(
            positions.c.position_id,
            *(before.c[name].label(f"before_{name}") for name in told),
            *(after.c[name].label(f"after_{name}") for name in told),
        )
        .select_from(joined)
        .where(
            positions.c.mission_id == bindparam("asked_mission"),
            positions.c.position_id.in_(bindparam("asked_patrols", expanding=True)),
        )
    )


def position_values(position: Position) -> dict[str, Any]:
    """The columns that tell what a position is."""
    aging = position.aging
    return {
        "display_name": position.display_name,
        "kind": position.kind.value,
        "latitude_deg": float(position.latitude_deg),
        "longitude_deg": float(position.longitude_deg),
        "sigma_m": float(position.sigma_m),
        "radius_m": None if position.radius_m is None else float(position.radius_m),
        "shape": None if position.shape is None else _shape_document(position.shape),
        "speed_m_s": None if aging is None else float(aging.speed_m_s),
        "max_sigma_m": None if aging is None else float(aging.max_sigma_m),
        "max_age_s": None if aging is None else float(aging.max_age_s),
        "valid_from": position.valid_from,
        "valid_until": position.valid_until,
        "use_times": [use_time_text(hours) for hours in position.use_times],
    }


def position_of(row: Row[Any]) -> Position:
    """The position of a row."""
    return Position(
        position_id=row.position_id,
        display_name=row.display_name,
        kind=PositionKind(row.kind),
        latitude_deg=row.latitude_deg,
        longitude_deg=row.longitude_deg,
        sigma_m=row.sigma_m,
        radius_m=row.radius_m,
        shape=None if row.shape is None else _shape(row.shape),
        aging=None
        if row.speed_m_s is None
        else Aging(speed_m_s=row.speed_m_s, max_sigma_m=row.max_sigma_m, max_age_s=row.max_age_s),
        valid_from=row.valid_from,
        valid_until=row.valid_until,
        use_times=tuple(parse_use_time(text) for text in row.use_times),
        revision=row.revision,
    )


def _shape_document(shape: Shape) -> dict[str, Any]:
    if isinstance(shape, Polygon):
        return {"polygon": shape.rings_lonlat}
    return {"line": shape.vertices_lonlat, "buffer_m": float(shape.buffer_m)}


def _shape(document: dict[str, Any]) -> Shape:
    if "polygon" in document:
        return Polygon(
            rings_lonlat=tuple(
                tuple((float(x), float(y)) for x, y in ring) for ring in document["polygon"]
            )
        )
    return Line(
        vertices_lonlat=tuple((float(x), float(y)) for x, y in document["line"]),
        buffer_m=document["buffer_m"],
    )
