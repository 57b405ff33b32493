"""Detections of one frame that are one object."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from pipelines.threats.positions.local_plane import LocalPlane
from pipelines.threats.tracks.track import TrackPoint, category_group

# Detectors put a second box on one object in four of a hundred, about a third of its side away.
# Two people, or two vehicles, do not stand so near to each other that both are seen whole.
_SAME_M = {"person": 0.9, "two-wheeler": 1.0, "vehicle": 2.0}
_SAME_OTHERWISE_M = 1.0
# Somebody who rides is found as a person and as what is ridden.
_RIDER_M = 1.5


def twins(looks: Mapping[int, TrackPoint]) -> dict[int, int]:
    """The detections that are another's object, with the one that speaks for it.

    Places of one frame err together, so that those of one object lie close whatever the ellipses.
    A rider goes into what is ridden; of two of one kind, the less sure into the surer.

    Args:
        looks: the detections of one frame that have a place, by index.

    Returns:
        The index of the detection that speaks, by that of the other.
    """
    if len(looks) < 2:
        return {}
    order = sorted(
        looks,
        key=lambda index: (
            looks[index].category == "person",
            -looks[index].confidence,
            index,
        ),
    )
    first = looks[order[0]]
    plane = LocalPlane(latitude_deg=first.latitude_deg, longitude_deg=first.longitude_deg)
    places = plane.enu(
        np.array([looks[index].latitude_deg for index in order]),
        np.array([looks[index].longitude_deg for index in order]),
    )
    away = np.hypot(*(places[:, None] - places[None]).transpose(2, 0, 1))
    groups = [category_group(looks[index].category) for index in order]
    found: dict[int, int] = {}
    for row, index in enumerate(order):
        for earlier in np.argsort(away[row, :row], kind="stable").tolist():
            other = order[earlier]
            if other in found:
                continue
            if away[row, earlier] <= _near_m(groups[row], groups[earlier]):
                found[index] = other
                break
    return found


def _near_m(group: str, other: str) -> float:
    if group == other:
        return _SAME_M.get(group, _SAME_OTHERWISE_M)
    return _RIDER_M if (group, other) == ("person", "two-wheeler") else -1.0
