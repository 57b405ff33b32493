"""Where labels go on a crowded picture: beside their box, off every other box and label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# How far, in heights of the label, a label may wander from its box before a leader leads to it.
_REACHES = (0.0, 0.6, 1.3, 2.2, 3.4)


@dataclass(frozen=True, kw_only=True, slots=True)
class Label:
    """A label that wants a place.

    Attributes:
        box: index of the box it belongs to.
        width_px: its width.
        height_px: its height.
        required: shown even where it must cover something; otherwise left out in a crowd.
    """

    box: int
    width_px: float
    height_px: float
    required: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class PlacedLabel:
    """A label with its place.

    Attributes:
        label: the label.
        x_px: its left edge.
        y_px: its top edge.
        leader: whether it stands off its box, so that a line must lead to it.
    """

    label: Label
    x_px: float
    y_px: float
    leader: bool


def place_labels(
    labels: Sequence[Label],
    boxes: NDArray[np.float64],
    *,
    width_px: float,
    height_px: float,
    gap_px: float,
) -> tuple[PlacedLabel, ...]:
    """Places for labels, the first served first.

    For each label some places around its box are tried, near ones first; the first that covers no
    other box and no earlier label is taken. A required label that finds none takes the place that
    covers least; any other is left out.

    Args:
        labels: labels in order of importance.
        boxes: (N, 4) left, top, right, bottom of every box, pixels.
        width_px: width of the picture.
        height_px: height of the picture.
        gap_px: distance kept from the label's own box.
    """
    size = np.array([width_px, height_px])
    taken = np.zeros((0, 4))
    placed: list[PlacedLabel] = []
    for label in labels:
        own = boxes[label.box]
        others = np.delete(boxes, label.box, axis=0)
        # A box that all but contains another is no obstacle to the inner one's label.
        places, leaders = _places(own, label, gap_px)
        extent = np.array([label.width_px, label.height_px])
        places = np.clip(places, 0.0, np.maximum(size - extent, 0.0))
        rectangles = np.hstack([places, places + extent])
        area = label.width_px * label.height_px
        cost = (
            _covered(rectangles, others).sum(axis=1)
            + 4.0 * _covered(rectangles, taken).sum(axis=1)
            + 2.0 * _covered(rectangles, own[None, :]).sum(axis=1)
        ) / area
        free = np.flatnonzero(cost < (1e-6 if label.required else 0.02))
        if not len(free) and not label.required:
            continue
        best = int(free[0]) if len(free) else int(np.argmin(cost))
        taken = np.vstack([taken, rectangles[best]])
        placed.append(
            PlacedLabel(
                label=label,
                x_px=float(places[best, 0]),
                y_px=float(places[best, 1]),
                leader=bool(leaders[best]),
            )
        )
    return tuple(placed)


def _places(
    own: NDArray[np.float64], label: Label, gap_px: float
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Top left corners to try, and which of them stand off the box."""
    left, top, right, bottom = own
    width, height = label.width_px, label.height_px
    reaches = _REACHES if label.required else _REACHES[:1]
    places: list[tuple[float, float]] = []
    leaders: list[bool] = []
    for reach in reaches:
        off = gap_px + reach * height
        above, below = top - off - height, bottom + off
        beside, before = right + off, left - off - width
        around = [
            (left, above),
            (left, below),
            (beside, top),
            (before, top),
            (right - width, above),
            (right - width, below),
            (beside, bottom - height),
            (before, bottom - height),
        ]
        if reach > 0.0:
            around += [(beside, above), (before, above), (beside, below), (before, below)]
        places += around
        leaders += [reach > 0.0] * len(around)
    return np.array(places), np.array(leaders)


def _covered(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, M) area that each of N rectangles shares with each of M."""
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    shared: NDArray[np.float64] = np.prod(np.maximum(high - low, 0.0), axis=2)
    return shared
