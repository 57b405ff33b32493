"""Detections of one frame that are one object."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from pipelines.threats.positions.local_plane import LocalPlane
from pipelines.threats.tracks.track import TrackPoint, category_group, ridden

# Detectors put a second box on one object in four of a hundred, about a third of its side away.
# Two people, or two vehicles, do not stand so near to each other that both are seen whole.
_SAME_M = {"person": 0.9, "two-wheeler": 1.0, "vehicle": 2.0}
_SAME_OTHERWISE_M = 1.0
# From somebody who rides to what is ridden.
_RIDER_M = 1.5
# Seen from low down, a third of a box is a long way over the ground: where the boxes are known they
# tell better. Nine second boxes in ten have their middle within so much of the larger side.
_SAME_SIDES = 0.75


def twins(
    looks: Mapping[int, TrackPoint], xyxy: NDArray[np.floating] | None = None
) -> dict[int, int]:
    """The detections that are another's object, with the one that speaks for it.

    Two boxes are of one object where their middles lie nearer than a share of the larger one's
    side. Without boxes the ground tells: places of one frame err together, so that those of one
    object lie close whatever the ellipses. A rider goes into what is ridden; of two of one kind,
    the less sure into the surer.

    Args:
        looks: the detections of one frame that have a place, by index.
        xyxy: (N, 4) boxes of all detections of the frame, pixels; None where they are not known.

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
    groups = [category_group(looks[index].category) for index in order]
    if xyxy is None:
        away = _away_m([looks[index] for index in order])
        near = np.array([[_near_m(group, other) for other in groups] for group in groups])
    else:
        away = sides_apart(np.asarray(xyxy, np.float64)[order])
        near = np.array([[_near_sides(group, other) for other in groups] for group in groups])
    found: dict[int, int] = {}
    for row, index in enumerate(order):
        for earlier in np.argsort(away[row, :row], kind="stable").tolist():
            other = order[earlier]
            if other in found:
                continue
            if away[row, earlier] <= near[row, earlier]:
                found[index] = other
                break
    return found


def _away_m(looks: Sequence[TrackPoint]) -> NDArray[np.float64]:
    plane = LocalPlane(latitude_deg=looks[0].latitude_deg, longitude_deg=looks[0].longitude_deg)
    places = plane.enu(
        np.array([look.latitude_deg for look in looks]),
        np.array([look.longitude_deg for look in looks]),
    )
    return np.asarray(np.linalg.norm(places[:, None] - places[None], axis=2), np.float64)


def sides_apart(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, N) from middle to middle of (N, 4) boxes, in sides (root of the area) of the larger."""
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2.0
    side = np.sqrt(np.prod(np.maximum(boxes[:, 2:] - boxes[:, :2], 1.0), axis=1))
    away = np.linalg.norm(middle[:, None] - middle[None], axis=2)
    return np.asarray(away / np.maximum(side[:, None], side[None]), np.float64)


def _near_sides(group: str, other: str) -> float:
    return _SAME_SIDES if group == other or ridden(group, other) else -1.0


def _near_m(group: str, other: str) -> float:
    if group == other:
        return _SAME_M.get(group, _SAME_OTHERWISE_M)
    return _RIDER_M if ridden(group, other) else -1.0
