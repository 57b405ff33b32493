"""Objects followed over frames, sorties and contributors, in ground coordinates."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

POINTS_KEPT = 16
"""Looks of a track that are kept one by one; older ones live on in its place and velocity."""

# Detectors confuse these from above; each of them is the same object then.
_GROUPS = dict.fromkeys(("car", "van", "truck", "bus", "tricycle"), "vehicle")
_RIDDEN = {"person", "two-wheeler"}


class Mobility(StrEnum):
    """Whether an object drives or stands, as far as its looks tell."""

    UNKNOWN = "unknown"
    STILL = "still"
    MOVING = "moving"


def category_group(category: str) -> str:
    """The group of categories that are confused for each other: of one object, one group."""
    return _GROUPS.get(category, category)


def ridden(group: str, other: str) -> bool:
    """Whether two groups are somebody who rides: found as a person, as what is ridden, or both."""
    return {group, other} == _RIDDEN


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
        category: taxonomy category of this look; empty where it was not kept.
        confidence: of this look, 0 to 1.
        sortie_id: the flight of the frame, whose errors of pose are alike; empty where unknown.
    """

    imagery_id: str
    detection_index: int
    captured_at: datetime | None
    latitude_deg: float
    longitude_deg: float
    covariance_m2: NDArray[np.float64]
    category: str = ""
    confidence: float = 0.0
    sortie_id: str = ""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Track:
    """One object as known after its latest look.

    Attributes:
        track_id: deterministic: made from the imagery and detection that began it.
        category: taxonomy category of its surest look.
        confidence: of that look, 0 to 1.
        latitude_deg: where it was at `last_seen_at`, all looks together; WGS 84.
        longitude_deg: WGS 84.
        covariance_m2: (2, 2) of that place, east and north; no better than the looks support
            whatever errors they have in common.
        velocity_m_s: (2,) east and north; None where its looks do not tell one.
        velocity_covariance: (2, 2) of it, (m/s)^2; None with it.
        sighting_count: how many looks it unites.
        first_seen_at: capture time of the earliest look; None where none is known.
        last_seen_at: capture time of the latest.
        imagery_id: the frame of the latest look.
        points: its looks in order of capture time, the latest ones where there are many.
        mobility: whether it was found where it had stood, or elsewhere.
        drift_m_s: (2,) filtered velocity, also where that is too uncertain to be told.
        state_covariance: (4, 4) of the filtered place and velocity, east and north of each; errors
            that the objects of a frame share are laid to the frame.
        missed_in: the latest frames after it was last seen, or between, that showed its place and
            not it.
        missed_count: such frames in all.
        empty_flights: the flights of those since it was last seen, as far as they speak for its not
            being there any more.
        shown_m2: ground of the widest frame that it was seen in, square metres; 0 where unknown.
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
    mobility: Mobility = Mobility.UNKNOWN
    drift_m_s: NDArray[np.float64] = field(default_factory=lambda: np.zeros(2))
    state_covariance: NDArray[np.float64] = field(default_factory=lambda: np.eye(4))
    missed_in: tuple[str, ...] = ()
    missed_count: int = 0
    empty_flights: tuple[str, ...] = ()
    shown_m2: float = 0.0

    @property
    def empty_run(self) -> int:
        """Looks since it was last seen that speak for its not being there any more."""
        return len(self.empty_flights)

    @property
    def group(self) -> str:
        """The group of categories it moves like: somebody on a two-wheeler is no pedestrian."""
        for point in self.points:
            if point.category == "two-wheeler":
                return "two-wheeler"
        return category_group(self.category)

    @property
    def speed_m_s(self) -> tuple[float, float] | None:
        """Speed over the ground and one sigma of it; None where its looks do not tell."""
        if self.velocity_m_s is None or self.velocity_covariance is None:
            return None
        return speed(self.velocity_m_s, self.velocity_covariance)

    @property
    def heading_deg(self) -> tuple[float, float] | None:
        """Clockwise from true north and one sigma; None where it may as well stand."""
        if self.velocity_m_s is None or self.velocity_covariance is None:
            return None
        return heading(self.velocity_m_s, self.velocity_covariance)


def speed(
    velocity_m_s: NDArray[np.float64], covariance: NDArray[np.float64]
) -> tuple[float, float]:
    """Length of a velocity and one sigma along it, metres a second."""
    length = float(np.hypot(*velocity_m_s))
    if length < 1e-9:
        return 0.0, math.sqrt(float(np.trace(covariance)) / 2.0)
    along = velocity_m_s / length
    return length, math.sqrt(max(float(along @ covariance @ along), 0.0))


def heading(
    velocity_m_s: NDArray[np.float64], covariance: NDArray[np.float64]
) -> tuple[float, float] | None:
    """Direction of a velocity, 0 to below 360 degrees, and one sigma of it.

    None where the speed is under twice its own sigma: then the direction is mostly noise.
    """
    length, sigma = speed(velocity_m_s, covariance)
    if length <= 2.0 * sigma or length < 1e-9:
        return None
    across = np.array([velocity_m_s[1], -velocity_m_s[0]]) / length
    spread = math.sqrt(max(float(across @ covariance @ across), 0.0))
    direction = math.degrees(math.atan2(float(velocity_m_s[0]), float(velocity_m_s[1]))) % 360.0
    return direction, math.degrees(math.atan2(spread, length))
