"""Positions as messages and back."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from vedette.v1 import position_pb2

from models.errors import InvalidInputError
from pipelines.threats.positions.patrols import PatrolReport, report_faults
from pipelines.threats.positions.position import (
    DEFAULT_AGING,
    Aging,
    Position,
    PositionKind,
    placed,
    position_faults,
)
from pipelines.threats.positions.position_import import ImportFault, ImportFormat, open_ring
from pipelines.threats.positions.shapes import Line, Polygon, Shape, Vertices
from pipelines.threats.positions.use_times import parse_use_time, use_time_text
from pipelines.threats.rules.requirements import Hours
from service.api import names
from service.api.convert.values import chosen, numbers, time_of, timestamp
from service.ledger.positions import PositionChange

POSITION_KINDS = numbers(position_pb2.PositionKind, "POSITION_KIND", PositionKind)
IMPORT_FORMATS = numbers(position_pb2.ImportFormat, "IMPORT_FORMAT", ImportFormat)
_WRITTEN: list[PositionChange] = [
    PositionChange.CREATED,
    PositionChange.UNCHANGED,
    PositionChange.REPLACED,
]
IMPORT_CHANGES = numbers(position_pb2.ImportChange, "IMPORT_CHANGE", _WRITTEN)
# An error goes into a header of limited size.
_LONGEST_MESSAGE = 400


def position_message(mission_id: str, position: Position) -> position_pb2.Position:
    """A position."""
    message = position_pb2.Position(
        name=names.position_name(mission_id, position.position_id),
        display_name=position.display_name,
        kind=POSITION_KINDS[position.kind],
        latitude_deg=position.latitude_deg,
        longitude_deg=position.longitude_deg,
        sigma_m=position.sigma_m,
        report_time=timestamp(position.reported_at),
        valid_from=timestamp(position.valid_from),
        valid_until=timestamp(position.valid_until),
        use_times=[use_time_text(hours) for hours in position.use_times],
        revision=position.revision,
    )
    if position.radius_m is not None:
        message.radius_m = position.radius_m
    if position.aging is not None:
        message.aging.CopyFrom(
            position_pb2.Aging(
                speed_m_s=position.aging.speed_m_s,
                max_sigma_m=position.aging.max_sigma_m,
                max_age_s=position.aging.max_age_s,
            )
        )
    if isinstance(position.shape, Polygon):
        message.polygon.rings.extend(
            position_pb2.Ring(vertices=_vertex_messages(ring))
            for ring in position.shape.rings_lonlat
        )
    elif isinstance(position.shape, Line):
        message.line.vertices.extend(_vertex_messages(position.shape.vertices_lonlat))
        message.line.buffer_m = position.shape.buffer_m
    return message


def position_value(asked: position_pb2.Position, position_id: str) -> Position:
    """The position that a message tells, checked; of a shape with its reference point.

    Raises:
        InvalidInputError: naming the first field at fault, "position.line.buffer_m".
    """
    shape = _shape(asked)
    if shape is None:
        for field in ("latitude_deg", "longitude_deg"):
            # An absent number would be a position in the Gulf of Guinea.
            if not asked.HasField(field):
                raise InvalidInputError("is required", field=f"position.{field}")
    position = Position(
        position_id=position_id,
        display_name=asked.display_name or position_id,
        kind=chosen(POSITION_KINDS, asked.kind, "position.kind"),
        latitude_deg=asked.latitude_deg,
        longitude_deg=asked.longitude_deg,
        sigma_m=asked.sigma_m,
        radius_m=asked.radius_m if asked.HasField("radius_m") else None,
        shape=shape,
        aging=_aging(asked.aging) if asked.HasField("aging") else None,
        reported_at=_time(asked, "report_time"),
        valid_from=_time(asked, "valid_from"),
        valid_until=_time(asked, "valid_until"),
        use_times=tuple(_use_times(asked.use_times)),
    )
    for field, message in position_faults(position):
        raise InvalidInputError(message[:_LONGEST_MESSAGE], field=f"position.{field}")
    return placed(position)


def report_value(asked: position_pb2.PatrolReport, field: str, now: datetime) -> PatrolReport:
    """The report that a message tells, checked at the time it is received.

    Raises:
        InvalidInputError: naming the first part at fault, within `field`.
    """
    for name in ("report_time", "latitude_deg", "longitude_deg", "sigma_m"):
        if not asked.HasField(name):
            raise InvalidInputError("is required", field=f"{field}.{name}")
    report = PatrolReport(
        reported_at=time_of(asked.report_time, f"{field}.report_time"),
        latitude_deg=asked.latitude_deg,
        longitude_deg=asked.longitude_deg,
        sigma_m=asked.sigma_m,
    )
    for name, message in report_faults(report, now):
        raise InvalidInputError(message, field=f"{field}.{name}")
    return report


def fault_message(fault: ImportFault) -> position_pb2.ImportFault:
    """One thing that is wrong with a file."""
    return position_pb2.ImportFault(
        entry=fault.entry,
        position_id=fault.position_id[:100],
        field=fault.field[:200],
        message=fault.message[:_LONGEST_MESSAGE],
    )


def _vertex_messages(vertices: Vertices) -> list[position_pb2.Vertex]:
    return [
        position_pb2.Vertex(latitude_deg=latitude, longitude_deg=longitude)
        for longitude, latitude in vertices
    ]


def _vertices(messages: Iterable[position_pb2.Vertex]) -> Vertices:
    return tuple((float(it.longitude_deg), float(it.latitude_deg)) for it in messages)


def _shape(asked: position_pb2.Position) -> Shape | None:
    told = asked.WhichOneof("shape")
    if told == "polygon":
        return Polygon(
            rings_lonlat=tuple(open_ring(_vertices(ring.vertices)) for ring in asked.polygon.rings)
        )
    if told == "line":
        return Line(vertices_lonlat=_vertices(asked.line.vertices), buffer_m=asked.line.buffer_m)
    return None


def _aging(asked: position_pb2.Aging) -> Aging:
    default = DEFAULT_AGING
    return Aging(
        speed_m_s=asked.speed_m_s if asked.HasField("speed_m_s") else default.speed_m_s,
        max_sigma_m=asked.max_sigma_m if asked.HasField("max_sigma_m") else default.max_sigma_m,
        max_age_s=asked.max_age_s if asked.HasField("max_age_s") else default.max_age_s,
    )


def _time(asked: position_pb2.Position, name: str) -> datetime | None:
    if not asked.HasField(name):
        return None
    return time_of(getattr(asked, name), f"position.{name}")


def _use_times(texts: Iterable[str]) -> Iterable[Hours]:
    for index, text in enumerate(texts):
        try:
            yield parse_use_time(text)
        except ValueError as error:
            raise InvalidInputError(
                str(error)[:_LONGEST_MESSAGE], field=f"position.use_times[{index}]"
            ) from error
