"""Where peacekeepers are."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from enum import StrEnum

# AIP-122 resource identifiers, as the API documents them.
_IDENTIFIER = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
MAX_DISPLAY_NAME = 200
# A position that is less certain than this is not a place to measure a range from.
MAX_SIGMA_M = 10_000.0
MAX_RADIUS_M = 100_000.0


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


def position_faults(position: Position) -> tuple[tuple[str, str], ...]:
    """Everything that is wrong with a position, as (field, message), in the order of its fields."""
    faults: list[tuple[str, str]] = []
    if not _IDENTIFIER.fullmatch(position.position_id):
        faults.append(
            ("position_id", "1 to 63 letters, digits and hyphens, no hyphen first or last")
        )
    name = position.display_name
    if not name.strip() or len(name) > MAX_DISPLAY_NAME or not name.isprintable():
        faults.append(("display_name", f"1 to {MAX_DISPLAY_NAME} printable characters on one line"))
    if not -90.0 <= position.latitude_deg <= 90.0:
        faults.append(("latitude_deg", f"{position.latitude_deg} is not between -90 and 90"))
    if not -180.0 <= position.longitude_deg <= 180.0:
        faults.append(("longitude_deg", f"{position.longitude_deg} is not between -180 and 180"))
    if not 0.0 <= position.sigma_m <= MAX_SIGMA_M:
        faults.append(("sigma_m", f"{position.sigma_m} is not between 0 and {MAX_SIGMA_M:.0f}"))
    elif position.kind is PositionKind.PATROL and position.sigma_m == 0.0:
        faults.append(("sigma_m", "a patrol moves: how far it may be from here, one sigma above 0"))
    radius = position.radius_m
    if radius is not None and not (math.isfinite(radius) and 0.0 < radius <= MAX_RADIUS_M):
        faults.append(("radius_m", f"{radius} is not above 0 and at most {MAX_RADIUS_M:.0f}"))
    return tuple(faults)
