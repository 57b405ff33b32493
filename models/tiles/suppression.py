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


_BAND_HEIGHTS = 2.0
"""Height of a band of the sweep in heights of the average box: few boxes cross more than two."""

_FEW = 100
"""So many boxes are tried all against all in less time than a sweep is set up in."""

_AT_ONCE = 2**20
"""Candidate pairs that are held at one time, some 50 MB: a large raster has many times as many."""


def overlapping_pairs(xyxy: Floats) -> tuple[Indices, Indices]:
    """Every pair of boxes that share some area, found by a sweep within horizontal bands.

    Boxes are entered in every band they cross, in order of their left sides; a binary search then
    bounds the boxes that begin before one ends. A pair counts in the first band that both cross.

    Args:
        xyxy: (N, 4) left, top, right, bottom.

    Returns:
        Two (P,) index arrays; each pair occurs once, in no particular order.
    """
    left, top, right, bottom = np.ascontiguousarray(xyxy.T)
    solid = np.flatnonzero((right > left) & (bottom > top))
    if len(solid) < 2:
        return np.zeros(0, np.intp), np.zeros(0, np.intp)
    # Columns of their own and `take` are several times faster here than rows and brackets.
    solid = solid.take(np.argsort(left.take(solid)))
    left, top, right, bottom = (side.take(solid) for side in (left, top, right, bottom))
    highest = float(top.min())
    band_height = _BAND_HEIGHTS * float(np.mean(bottom - top, dtype=np.float64))
    first = ((top - highest) / band_height).astype(np.int32)
    last = ((bottom - highest) / band_height).astype(np.int32)
    owner, nth = runs(last - first + 1)
    band = first.take(owner) + nth
    # Numbers of 16 bits are sorted by radix, which keeps the order of left sides within a band.
    narrow = band.astype(np.uint16) if band.max() < 2**16 else band
    order = np.argsort(narrow, kind="stable")
    owner, band = owner.take(order), band.take(order)

    # One number tells band and place along it; no box reaches into the numbers of the next band.
    base = band * (float(right.max()) - float(left[0]) + 1.0)
    begin = base + left.take(owner)
    until = np.searchsorted(begin, base + right.take(owner))
    candidates = np.maximum(until - np.arange(1, len(owner) + 1), 0)
    chunk = np.cumsum(candidates) // _AT_ONCE
    found_i, found_j = [], []
    for entries in np.split(np.arange(len(owner)), np.flatnonzero(np.diff(chunk)) + 1):
        a, nth = runs(candidates[entries])
        a += entries[0]
        i, j = owner.take(a), owner.take(a + 1 + nth)
        shared = np.maximum(top.take(i), top.take(j)) < np.minimum(bottom.take(i), bottom.take(j))
        rows = np.flatnonzero(shared)
        i, j, a = i.take(rows), j.take(rows), a.take(rows)
        rows = np.flatnonzero(band.take(a) == np.maximum(first.take(i), first.take(j)))
        found_i.append(solid.take(i.take(rows)))
        found_j.append(solid.take(j.take(rows)))
    return np.concatenate(found_i), np.concatenate(found_j)


def runs(lengths: NDArray[np.integer]) -> tuple[Indices, Indices]:
    """For N run lengths: which run each element is of, and its place in the run."""
    lengths = np.maximum(lengths, 0)
    run = np.repeat(np.arange(len(lengths)), lengths)
    began = np.cumsum(lengths) - lengths
    return run, np.arange(len(run)) - np.repeat(began, lengths)


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


def keep_best(count: int, better: Indices, worse: Indices) -> NDArray[np.bool_]:
    """Greedy suppression over the pairs that are one object.

    The same result as walking the boxes from best to worst and dropping each that pairs with one
    kept before, found in a few rounds over all pairs.

    Args:
        count: number of boxes N, numbered from best to worst.
        better: (P,) the better box of each pair, the smaller number.
        worse: (P,) the other.

    Returns:
        (N,) which boxes stay.
    """
    kept = np.ones(count, np.bool_)
    while len(better):
        waits = np.zeros(count, np.bool_)
        waits[worse] = True
        kept[worse[~waits[better]]] = False
        remaining = kept[worse] & kept[better]
        better, worse = better[remaining], worse[remaining]
    return kept


def rank_order(
    detections: Detections,
    tier: NDArray[np.int8] | None = None,
    view: Indices | None = None,
) -> Indices:
    """(N,) order from best to worst: tier, then confidence, then values that break every tie.

    Boxes of different views can be equal in all they say; `view` (N,), numbers that do not depend
    on the order of the views, then tells them apart.
    """
    key = -detections.confidence.astype(np.float64)
    if tier is not None:
        key += 2.0 * tier
    order = np.argsort(key)
    equal = np.flatnonzero(np.diff(key.take(order)) == 0)
    if len(equal):
        tied = np.union1d(equal, equal + 1)
        among = order[tied]
        left, top, right, bottom = detections.xyxy[among].T
        keys = [detections.class_id[among], bottom, right, top, left, key[among]]
        if view is not None:
            keys = [view[among], *keys]
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
    if len(ordered) < 2:
        return ordered
    if len(ordered) <= _FEW:
        i, j = _pairs_of_few(ordered.xyxy)
    else:
        i, j = overlapping_pairs(ordered.xyxy)
        i, j = np.minimum(i, j), np.maximum(i, j)
    group = groups.take(ordered.class_id)
    alike = group.take(i) == group.take(j)
    i, j = i[alike], j[alike]
    if not len(i):
        return ordered
    agreement = iou(ordered.xyxy.take(i, axis=0), ordered.xyxy.take(j, axis=0))
    one = same_object(agreement, ordered.class_id.take(i), ordered.class_id.take(j))
    return ordered.select(keep_best(len(ordered), i[one], j[one]))


def _pairs_of_few(xyxy: Floats) -> tuple[Indices, Indices]:
    """What `overlapping_pairs` finds, the smaller number of each pair first."""
    left, top, right, bottom = np.ascontiguousarray(xyxy.T)
    # A box without area ends where it begins, or before: it meets none, not even itself.
    meets = np.less.outer(left, right)
    meets &= meets.T
    up = np.less.outer(top, bottom)
    meets &= up
    meets &= up.T
    solid = meets.diagonal()
    i, j = np.nonzero(np.triu(meets, 1))
    rows = solid.take(i) & solid.take(j)
    return i[rows], j[rows]
