"""Objects followed over frames, sorties and contributors, in ground coordinates."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class TrackPoint:
    """Where an object was seen once.

    Attributes:
        imagery_id: the frame.
        detection_index: index into its detections.
        captured_at: when, aware; None where that is unknown.
        latitude_deg: WGS 84.
        longitude_deg: WGS 84.
        covariance_m2: (2, 2) east and north, of this look alone.
    """

    imagery_id: str
    detection_index: int
    captured_at: datetime | None
    latitude_deg: float
    longitude_deg: float
    covariance_m2: NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Track:
    """One object as known after its latest look.

    Attributes:
        track_id: deterministic: made from the imagery and detection that began it.
        category: taxonomy category of its surest look.
        confidence: of that look, 0 to 1.
        latitude_deg: where it was at `last_seen_at`, all looks together; WGS 84.
        longitude_deg: WGS 84.
        covariance_m2: (2, 2) of that place, east and north.
        velocity_m_s: (2,) east and north; None where its looks do not tell one.
        velocity_covariance: (2, 2) of it, (m/s)^2; None with it.
        sighting_count: how many looks it unites.
        first_seen_at: capture time of the earliest look; None where none is known.
        last_seen_at: capture time of the latest.
        imagery_id: the frame of the latest look.
        points: its looks in order of capture time, the latest ones where there are many.
    """

    track_id: str
    category: str
    confidence: float
    latitude_deg: float
    longitude_deg: float
    covariance_m2: NDArray[np.float64]
    velocity_m_s: NDArray[np.float64] | None
    velocity_covariance: NDArray[np.float64] | None
    sighting_count: int
    first_seen_at: datetime | None
    last_seen_at: datetime | None
    imagery_id: str
    points: tuple[TrackPoint, ...] = ()
