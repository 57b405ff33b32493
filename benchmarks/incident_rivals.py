"""Two simple ways of alerting, as many programs have them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.incident_days import Day
from benchmarks.incident_looks import Look
from benchmarks.incident_scores import Told
from pipelines.geometry.geodesy import range_and_bearing


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """What a person would turn.

    Attributes:
        min_confidence: detections below it are passed over.
        margin_m: added to the radius of every position, for the errors of places.
        cooldown_s: of one camera, zone and class after an alert; 0 alerts on every frame.
    """

    min_confidence: float
    margin_m: float
    cooldown_s: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Near:
    """The detections of one frame around one position.

    Attributes:
        look: the frame.
        position_id: the position.
        beyond_m: (N,) how far outside its circle the place of each lies; NaN for none.
    """

    look: Look
    position_id: str
    beyond_m: NDArray[np.float64]

    def inside(self, setting: Setting) -> list[int]:
        """The detections within the circle of a setting."""
        kept = self.look.confidence >= setting.min_confidence
        return np.flatnonzero(kept & (self.beyond_m <= setting.margin_m)).tolist()


def measured(day: Day) -> list[Near]:
    """How far the detections of a day lie from its positions, frame by frame."""
    found = []
    for look in day.looks:
        if not look.ground:
            continue
        # A place that is not known is None, and NaN as a number.
        latitude = np.array([point.latitude_deg for point in look.ground], np.float64)
        longitude = np.array([point.longitude_deg for point in look.ground], np.float64)
        for position in day.positions(look):
            away, _ = range_and_bearing(
                position.latitude_deg, position.longitude_deg, latitude, longitude
            )
            found.append(
                Near(
                    look=look,
                    position_id=position.position_id,
                    beyond_m=np.asarray(away) - (position.radius_m or 0.0),
                )
            )
    return found


def point_in_circle(day: Sequence[Near], setting: Setting) -> Iterator[tuple[Look, Told]]:
    """An alert for every detection whose place lies within the circle of a position."""
    for near in day:
        for row in near.inside(setting):
            yield (
                near.look,
                Told(
                    alert_id=f"{near.look.imagery_id}/{row}",
                    position_id=near.position_id,
                    truth=(int(near.look.truth[row]),),
                    raised=True,
                ),
            )


def zones_with_cooldown(day: Sequence[Near], setting: Setting) -> Iterator[tuple[Look, Told]]:
    """An alert for each camera, zone and class, then none of these for a while.

    As Frigate's zones and the notifiers built upon it: a zone is the circle of a position, a camera
    is a flight. An alert shows its frame: it tells of every object of its class in the zone there,
    and of none that comes while it cools down.
    """
    quiet_until: dict[tuple[str, str, str], float] = defaultdict(lambda: -np.inf)
    for near in day:
        look = near.look
        classes: dict[str, list[int]] = defaultdict(list)
        for row in near.inside(setting):
            classes[look.categories[row]].append(int(look.truth[row]))
        for category, behind in classes.items():
            key = look.flight, near.position_id, category
            if look.arrives_s < quiet_until[key]:
                continue
            quiet_until[key] = look.arrives_s + setting.cooldown_s
            yield (
                look,
                Told(
                    alert_id=f"{look.imagery_id}/{category}",
                    position_id=near.position_id,
                    truth=tuple(behind),
                    raised=True,
                ),
            )


CIRCLES = tuple(
    Setting(min_confidence=least, margin_m=margin)
    for least in (0.25, 0.4, 0.5)
    for margin in (0.0, 5.0, 10.0, 20.0, 40.0)
)
ZONES = tuple(
    Setting(min_confidence=least, margin_m=margin, cooldown_s=cooldown)
    for least in (0.25, 0.4)
    for margin in (0.0, 10.0, 20.0, 40.0)
    for cooldown in (0.0, 4.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)
)
"""Settings to choose from, afterwards and knowing the truth, which no operator could."""
