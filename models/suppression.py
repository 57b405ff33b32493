"""Boxes that overlap, and keeping the best of those that are one object.

Everything here is vectorised and depends on values alone: the order of the input never changes
the answer.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from models.detections import Detections

Floats: TypeAlias = NDArray[np.floating]
Indices: TypeAlias = NDArray[np.intp]

SAME_CATEGORY_IOU = 0.5
"""Two boxes of one category that overlap this much are one object."""

SAME_GROUP_IOU = 0.7
"""Two vehicles of different categories that overlap this much are one, seen as two kinds."""


def overlapping_pairs(xyxy: Floats) -> tuple[Indices, Indices]:
    """Every pair of boxes that share some area, found by a sweep within horizontal bands.

    Boxes are entered in every band they cross and sorted by band and left side; a binary search
    then bounds the boxes that begin before one ends. A pair counts in the first band that both
    cross.

    Args:
        xyxy: (N, 4) left, top, right, bottom.

    Returns:
        Two (P,) index arrays; each pair occurs once, in no particular order.
    """
    solid = np.flatnonzero((xyxy[:, 2] > xyxy[:, 0]) & (xyxy[:, 3] > xyxy[:, 1]))
    if len(solid) < 2:
        return np.zeros(0, np.intp), np.zeros(0, np.intp)
    left, top, right, bottom = xyxy[solid].T.astype(np.float64)
    # A band as high as the average box: a box crosses some two bands, and a few large ones many.
    band_height = float(np.mean(bottom - top))
    first = ((top - top.min()) / band_height).astype(np.intp)
    last = ((bottom - top.min()) / band_height).astype(np.intp)
    owner, nth = _runs(last - first + 1)
    band = first[owner] + nth

    # One number sorts by band, then by left side; no box reaches into the numbers of the next.
    band_width = float(right.max() - left.min()) + 1.0
    begin = band * band_width + (left - left.min())[owner]
    order = np.argsort(begin, kind="stable")
    begin, owner, band = begin[order], owner[order], band[order]
    until = np.searchsorted(begin, begin + (right - left)[owner], side="left")
    a, nth = _runs(until - np.arange(len(owner)) - 1)
    i, j = owner[a], owner[a + 1 + nth]
    shared = band[a] == np.maximum(first[i], first[j])
    i, j = i[shared], j[shared]
    shared = np.maximum(top[i], top[j]) < np.minimum(bottom[i], bottom[j])
    return solid[i[shared]], solid[j[shared]]


def _runs(lengths: Indices) -> tuple[Indices, Indices]:
    """For N run lengths: which run each element is of, and its place in the run."""
    lengths = np.maximum(lengths, 0)
    run = np.repeat(np.arange(len(lengths)), lengths)
    began = np.cumsum(lengths) - lengths
    return run, np.arange(len(run)) - began[run]


def area(xyxy: Floats) -> Floats:
    """(N,) area of each box (N, 4); 0 where a side is not positive."""
    sides: Floats = np.maximum(xyxy[:, 2:] - xyxy[:, :2], 0)
    return np.asarray(sides[:, 0] * sides[:, 1])


def intersection(a: Floats, b: Floats) -> Floats:
    """(N, 4) common part of each pair of boxes (N, 4); its sides are negative where none is."""
    return np.concatenate([np.maximum(a[:, :2], b[:, :2]), np.minimum(a[:, 2:], b[:, 2:])], axis=1)


def iou(a: Floats, b: Floats) -> Floats:
    """(N,) intersection over union of each pair of boxes (N, 4), 0 where both are empty."""
    common = area(intersection(a, b))
    union = area(a) + area(b) - common
    return np.asarray(common / np.maximum(union, 1e-12))


def same_object(
    agreement: Floats, class_a: NDArray[np.int32], class_b: NDArray[np.int32]
) -> NDArray[np.bool_]:
    """(P,) whether pairs of one group that agree this much (IoU) are one object."""
    needed = np.where(class_a == class_b, SAME_CATEGORY_IOU, SAME_GROUP_IOU)
    return np.asarray(agreement >= needed)


def keep_best(count: int, better: Indices, worse: Indices) -> tuple[NDArray[np.bool_], Indices]:
    """Greedy suppression over the pairs that are one object.

    The same result as walking the boxes from best to worst and dropping each that pairs with one
    kept before, found in a few rounds over all pairs.

    Args:
        count: number of boxes N, numbered from best to worst.
        better: (P,) the better box of each pair, the smaller number.
        worse: (P,) the other.

    Returns:
        (N,) which boxes stay; (N,) for each box the best kept box that stands for it, itself where
        it stays.
    """
    kept = np.ones(count, np.bool_)
    leader = np.arange(count)
    while len(better):
        waits = np.zeros(count, np.bool_)
        waits[worse] = True
        decided = ~waits[better]
        lost, by = worse[decided], better[decided]
        kept[lost] = False
        np.minimum.at(leader, lost, by)
        remaining = kept[worse] & kept[better]
        better, worse = better[remaining], worse[remaining]
    return kept, leader


def rank_order(
    detections: Detections,
    tier: NDArray[np.int8] | None = None,
    window: Floats | None = None,
) -> Indices:
    """(N,) order from best to worst: tier, then confidence, then values that break every tie.

    Boxes of different views can be equal in all they say; `window` (N, 4) then tells them apart.
    """
    key = -detections.confidence.astype(np.float64)
    if tier is not None:
        key += 2.0 * tier
    order = np.argsort(key, kind="stable")
    equal = np.flatnonzero(np.diff(key[order]) == 0)
    if len(equal):
        tied = np.union1d(equal, equal + 1)
        among = order[tied]
        left, top, right, bottom = detections.xyxy[among].T
        keys = [detections.class_id[among], bottom, right, top, left, key[among]]
        if window is not None:
            keys = [*window[among].T, *keys]
        order[tied] = among[np.lexsort(keys)]
    return order


def suppress(detections: Detections, groups: NDArray[np.int32]) -> Detections:
    """The best of each object among detections of one view.

    Args:
        detections: N detections in any order.
        groups: (K,) group of each category; boxes of different groups never suppress each other.

    Returns:
        Those that stay, in descending order of confidence.
    """
    ordered = detections.select(rank_order(detections))
    i, j = overlapping_pairs(ordered.xyxy)
    alike = groups[ordered.class_id[i]] == groups[ordered.class_id[j]]
    i, j = i[alike], j[alike]
    agreement = iou(ordered.xyxy[i], ordered.xyxy[j])
    one = same_object(agreement, ordered.class_id[i], ordered.class_id[j])
    i, j = i[one], j[one]
    kept, _ = keep_best(len(ordered), np.minimum(i, j), np.maximum(i, j))
    return ordered.select(kept)
