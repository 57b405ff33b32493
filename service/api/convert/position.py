"""Positions as messages."""

from __future__ import annotations

from vedette.v1 import position_pb2

from pipelines.threats.positions import Position, PositionKind
from service.api import names
from service.api.convert.values import numbers

POSITION_KINDS = numbers(position_pb2.PositionKind, "POSITION_KIND", PositionKind)


def position_message(mission_id: str, position: Position) -> position_pb2.Position:
    """A position."""
    message = position_pb2.Position(
        name=names.position_name(mission_id, position.position_id),
        display_name=position.display_name,
        kind=POSITION_KINDS[position.kind],
        latitude_deg=position.latitude_deg,
        longitude_deg=position.longitude_deg,
        sigma_m=position.sigma_m,
    )
    if position.radius_m is not None:
        message.radius_m = position.radius_m
    return message
