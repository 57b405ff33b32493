"""The outcomes of asking where something is, and findings about the metadata behind them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """Why a pixel has, or has not, a place on the ground."""

    LOCATED = "located"
    ABOVE_HORIZON = "above_horizon"
    NO_INTERSECTION = "no_intersection"
    DEM_GAP = "dem_gap"
    NO_ATTITUDE = "no_attitude"
    NO_POSITION = "no_position"
    NO_HEIGHT = "no_height"
    NO_INTRINSICS = "no_intrinsics"
    POSE_REJECTED = "pose_rejected"
    OUTSIDE_IMAGE = "outside_image"


class Severity(StrEnum):
    """How much a finding matters."""

    NOTE = "note"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing that capture metadata say, lack or contradict.

    Attributes:
        code: a stable upper-case name, for example "GIMBAL_FLIPPED".
        severity: a note, a warning (repaired, or assumed with a wider error) or an error (the
            frame cannot be located because of it).
        message: what it means and what a crew can do about it.
    """

    code: str
    severity: Severity
    message: str
