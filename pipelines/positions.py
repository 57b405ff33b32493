"""Where peacekeepers are."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class PositionKind(StrEnum):
    """What stands at a position."""

    BASE = "base"
    POST = "post"
    PATROL = "patrol"


@dataclass(frozen=True, kw_only=True, slots=True)
class Position:
    """A place of peacekeepers.

    Attributes:
        position_id: its identifier within the mission.
        display_name: what people call it.
        kind: base, post or patrol.
        latitude_deg: WGS 84.
        longitude_deg: WGS 84.
        sigma_m: one sigma of each horizontal axis; 0 when surveyed.
        radius_m: overrides the radius of every rule here; None to keep the rule's.
    """

    position_id: str
    display_name: str
    kind: PositionKind
    latitude_deg: float
    longitude_deg: float
    sigma_m: float = 0.0
    radius_m: float | None = None
