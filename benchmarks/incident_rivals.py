"""Two simple ways of alerting, as many programs have them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.incident_days import Day
from benchmarks.incident_looks import CLUTTER, Look
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


def _inside(day: Day, look: Look, setting: Setting) -> Iterator[tuple[str, NDArray[np.intp]]]:
    """For each position, the detections whose places lie within its circle."""
    kept = np.flatnonzero(look.confidence >= setting.min_confidence)
    kept = np.array([row for row in kept if look.ground[row].latitude_deg is not None], np.intp)
    if not len(kept):
        return
    latitude = np.array([look.ground[row].latitude_deg for row in kept], np.float64)
    longitude = np.array([look.ground[row].longitude_deg for row in kept], np.float64)
    for position in day.positions(look):
        away, _ = range_and_bearing(
            position.latitude_deg, position.longitude_deg, latitude, longitude
        )
        near = kept[np.asarray(away) <= (position.radius_m or 0.0) + setting.margin_m]
        if len(near):
            yield position.position_id, near


def point_in_circle(day: Day, setting: Setting) -> Iterator[tuple[Look, Told]]:
    """An alert for every detection whose place lies within the circle of a position."""
    for look in day.looks:
        for position_id, near in _inside(day, look, setting):
            for row in near:
                yield (
                    look,
                    Told(
                        alert_id=f"{look.imagery_id}/{row}",
                        position_id=position_id,
                        truth=(int(look.truth[row]),),
                        raised=True,
                    ),
                )


def zones_with_cooldown(day: Day, setting: Setting) -> Iterator[tuple[Look, Told]]:
    """An alert for each camera, zone and class, then none of these for a while.

    As Frigate's zones and the notifiers built upon it: a zone is the circle of a position, a camera
    is a flight. An alert shows its frame: it tells of every object of its class in the zone there,
    and of none that comes while it cools down.
    """
    quiet_until: dict[tuple[str, str, str], float] = defaultdict(lambda: -np.inf)
    for look in day.looks:
        for position_id, near in _inside(day, look, setting):
            classes: dict[str, list[int]] = defaultdict(list)
            for row in near:
                classes[look.categories[row]].append(int(look.truth[row]))
            for category, behind in classes.items():
                key = look.flight, position_id, category
                if look.arrives_s < quiet_until[key]:
                    continue
                quiet_until[key] = look.arrives_s + setting.cooldown_s
                yield (
                    look,
                    Told(
                        alert_id=f"{look.imagery_id}/{category}",
                        position_id=position_id,
                        truth=tuple(behind),
                        raised=True,
                    ),
                )


CIRCLES = tuple(
    Setting(min_confidence=least, margin_m=margin)
    for least in (0.4, 0.5)
    for margin in (0.0, 5.0, 10.0, 20.0, 40.0)
)
ZONES = tuple(
    Setting(min_confidence=least, margin_m=margin, cooldown_s=cooldown)
    for least in (0.4,)
    for margin in (0.0, 10.0, 20.0, 40.0)
    for cooldown in (0.0, 4.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)
)
"""Settings to choose from, each day seen whole: the choice knows what no operator would."""

__all__ = [
    "CIRCLES",
    "CLUTTER",
    "ZONES",
    "Setting",
    "point_in_circle",
    "zones_with_cooldown",
]
