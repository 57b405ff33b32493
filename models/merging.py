"""Making one list of what several overlapping views of an image show.

A view is a tile, or the whole frame at reduced scale, or a tile that looks once more, reduced, at
what others show at full scale; the last two are treated alike. Two boxes of different views are
compared where both views look: each is clipped to what the other view could have seen. So a piece
of an object that a tile edge cuts is recognised in the whole box of a neighbour, and a small object
beside a large one, or the second of two in a row, is not.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.detections import Detections
from models.suppression import (
    Floats,
    Indices,
    area,
    intersection,
    iou,
    keep_best,
    overlapping_pairs,
    rank_order,
    same_object,
)

EDGE_PX = 4.0
"""A box that ends this close to an edge inside the image may go on beyond it."""

OVERVIEW_LEAST_PX = 48.0
"""What is shorter than this is left to the tiles, which hold it whole at full scale.

On 39 VisDrone frames, reduced 2 to 3 times, smaller boxes of the whole frame added no average
precision (person 0.588 with, 0.590 without; vehicle 0.772 both) and cost 3 to 5 points of precision
at confidence 0.25.
"""

PIECE_INSIDE = 0.8
"""Least share of a cut piece inside the whole box that explains it."""

PIECE_ALONG = 0.6
"""Least agreement (IoU in one dimension) along the edge that cut the piece."""

PART_INSIDE = 0.8
"""Least share of a part inside the box of the whole frame that explains it."""

PART_LEAST = 0.1
"""Least area of a part as a share of that box; what is smaller is another object before it."""

PART_SURER = 1.5
"""How many times surer of the object the whole frame must be than the tile is of the part.

Without it recall suffers: on 77 VisDrone frames at confidence 0.25 people fall from 0.520 to 0.516
and vehicles from 0.762 to 0.759. With it both stay, and average precision too (person 0.550 to
0.551, vehicle 0.782 both; HIT-UAV enlarged to several tiles: 0.534 both and 0.734 both). The same
between two categories of a group (a cab in its truck) cost vehicles 0.0003 and is left alone.
"""

_TILE, _OVERVIEW, _CUT = 0, 1, 2  # whole in a tile; whole, looked at again; cut by an edge


def merge(
    parts: Sequence[Detections],
    views: NDArray[np.integer],
    groups: NDArray[np.int32],
    *,
    frame: NDArray[np.integer] | None = None,
    least_px: NDArray[np.float64] | None = None,
    scale: NDArray[np.float64] | None = None,
) -> Detections:
    """What several views of one image show, each object once.

    Boxes of a reduced view shorter than its least length are left out, and cut pieces that are
    thinner than EDGE_PX across the edge. Then:

    1. Whole boxes of different views that agree are one object. The box of a tile stands before
       that of the whole frame, which is coarser; the confidence is the highest of the category.
    2. A part that a tile shows of what the whole frame shows whole, and surer of it, is dropped.
    3. A box that an edge inside the image cuts is dropped where another view holds the object
       whole.
    4. Cut pieces that no view holds whole and that agree along their seam are united.

    Boxes of one view are never merged: that view told them apart.

    Args:
        parts: detections of each of T views, in pixels of the image, suppressed within the view.
        views: (T, 4) left, top, right, bottom of each view, at any scales.
        groups: (K,) group of each category; boxes of different groups are never one object.
        frame: (4,) left, top, right, bottom of the image; by default what the views span.
        least_px: (T,) of views that look once more, reduced, at what others show at full scale:
            what is shorter is left to those; 0 for the others. By default OVERVIEW_LEAST_PX for
            views of the whole frame.
        scale: (T,) pixels that the model saw for one of the image; by default 1.

    Returns:
        Merged detections in descending order of confidence, whatever the order of the views.

    Raises:
        ValueError: there is not one view for each part.
    """
    if views.shape != (len(parts), 4):
        raise ValueError(f"{len(parts)} parts need views ({len(parts)}, 4), not {views.shape}")
    found = Detections.concatenate(parts)
    if len(parts) < 2 or not len(found):
        return found.select(rank_order(found))

    if frame is None:
        frame = np.concatenate([views[:, :2].min(axis=0), views[:, 2:].max(axis=0)])
    if least_px is None:
        least_px = np.where((views == frame).all(axis=1), OVERVIEW_LEAST_PX, 0.0)
    view = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    window = views[view].astype(np.float32)
    # The model says where an edge is in pixels of its own.
    edge_px = np.full(len(parts), EDGE_PX) if scale is None else EDGE_PX / np.minimum(scale, 1.0)
    cut = _cut_sides(found.xyxy, window, frame, edge_px[view])
    overview = least_px[view] > 0
    sides = found.xyxy[:, 2:] - found.xyxy[:, :2]
    # Thinner than an edge is known, and the neighbour shows the rest.
    sliver = ((cut[:, :2] | cut[:, 2:]) & (sides <= edge_px[view, None])).any(axis=1)
    small = sides.max(axis=1) < least_px[view]
    used = np.flatnonzero(~(sliver | small))
    found, view, window, cut, overview = (
        found.select(used),
        view[used],
        window[used],
        cut[used],
        overview[used],
    )
    tier = np.where(cut.any(axis=1), _CUT, np.where(overview, _OVERVIEW, _TILE)).astype(np.int8)

    # From here on an index is also a rank, so the better of a pair is the smaller.
    order = rank_order(found, tier, window)
    found, view, window = found.select(order), view[order], window[order]
    cut, tier = cut[order], tier[order]

    whole = tier != _CUT
    i, j = overlapping_pairs(found.xyxy)
    group = groups[found.class_id]
    candidate = (view[i] != view[j]) & (group[i] == group[j])
    i, j = np.minimum(i[candidate], j[candidate]), np.maximum(i[candidate], j[candidate])
    overlap = iou(found.xyxy.take(i, axis=0), found.xyxy.take(j, axis=0))
    one = same_object(overlap, found.class_id[i], found.class_id[j])
    # Only where an edge cuts may less overlap be one object, or more be two.
    seam = np.flatnonzero(~(whole[i] & whole[j]))
    one[seam] = _one_object(found, window, cut, i[seam], j[seam], overlap[seam])
    i, j = i[one], j[one]

    both_whole = whole[i] & whole[j]
    kept, leader = keep_best(len(found), i[both_whole], j[both_whole])
    explained = whole[i] & ~whole[j]
    kept[j[explained]] = False
    confidence = found.confidence.copy()
    for better, worse in ((i[explained], j[explained]), (leader[~kept], np.flatnonzero(~kept))):
        _raise_confidence(confidence, found, leader[better], worse)
    found = Detections(xyxy=found.xyxy, confidence=confidence, class_id=found.class_id)

    kept &= ~_parts_of_larger(found, tier, kept, leader)
    piece = kept & ~whole
    pieces_agree = piece[i] & piece[j] & (found.class_id[i] == found.class_id[j])
    united = _unite(found, piece, i[pieces_agree], j[pieces_agree])
    return _without_repeats(found.select(kept & whole), united, groups)


def _cut_sides(
    xyxy: Floats, window: Floats, frame: NDArray[np.integer], edge_px: Floats
) -> NDArray[np.bool_]:
    """(N, 4) whether the left, top, right, bottom of a box lies on an edge inside the image."""
    near = np.abs(xyxy - window) <= edge_px[:, None]
    return np.asarray(near & (window != frame))


def _one_object(
    found: Detections,
    window: Floats,
    cut: NDArray[np.bool_],
    i: Indices,
    j: Indices,
    overlap: Floats,
) -> NDArray[np.bool_]:
    """(P,) whether the boxes of each pair are one object, where an edge cuts at least one.

    `overlap` (P,) is the IoU of the whole boxes.
    """
    box_i, box_j = found.xyxy[i], found.xyxy[j]
    clip_i, clip_j = intersection(box_i, window[j]), intersection(box_j, window[i])
    # Where one box goes on beyond the other's view, the other must have been cut there.
    goes_on_i, goes_on_j = _goes_on(box_i, window[j]), _goes_on(box_j, window[i])
    consistent = ~((goes_on_i & ~cut[j]) | (goes_on_j & ~cut[i])).any(axis=1)
    agreement = np.where(consistent, iou(clip_i, clip_j), overlap)
    same = same_object(agreement, found.class_id[i], found.class_id[j])

    # A detector often draws a cut piece short: then it must lie inside, and fit along the edge.
    inside = area(intersection(clip_i, clip_j)) >= PIECE_INSIDE * area(clip_j)
    fits = np.ones(len(i), np.bool_)
    for across, along in ((0, 1), (1, 0)):
        low = np.maximum(clip_i[:, along], clip_j[:, along])
        high = np.minimum(clip_i[:, along + 2], clip_j[:, along + 2])
        span = np.maximum(clip_i[:, along + 2], clip_j[:, along + 2]) - np.minimum(
            clip_i[:, along], clip_j[:, along]
        )
        seam = cut[j][:, across] | cut[j][:, across + 2]
        fits &= ~seam | (high - low >= PIECE_ALONG * span)
    piece = cut[j].any(axis=1) & ~cut[i].any(axis=1)
    return np.asarray(same | (piece & consistent & inside & fits))


def _goes_on(box: Floats, window: Floats) -> NDArray[np.bool_]:
    """(P, 4) on which sides a box reaches beyond a window."""
    beyond = np.concatenate([window[:, :2] - box[:, :2], box[:, 2:] - window[:, 2:]], axis=1)
    return np.asarray(beyond > EDGE_PX)


def _parts_of_larger(
    found: Detections, tier: NDArray[np.int8], kept: NDArray[np.bool_], leader: Indices
) -> NDArray[np.bool_]:
    """(N,) boxes of tiles that show a part of what the whole frame shows whole, and surer of it.

    Their IoU is low, but the part lies inside, in the same category. Where the whole frame has a
    box of its own for it (one that the tile's stands for), it told the two apart and both stay; so
    they do where a tile found both, for then its box stands for that of the whole frame.
    """
    told_apart = np.zeros(len(found), np.bool_)
    told_apart[leader[~kept & (tier == _OVERVIEW)]] = True
    rows = np.flatnonzero(kept & (tier != _CUT))
    a, b = overlapping_pairs(found.xyxy[rows])
    # The order is by tier, so the box of a tile has the smaller number.
    part, larger = rows[np.minimum(a, b)], rows[np.maximum(a, b)]
    asked = (
        (tier[part] == _TILE)
        & (tier[larger] == _OVERVIEW)
        & (found.class_id[part] == found.class_id[larger])
        & ~told_apart[part]
        & (PART_SURER * found.confidence[part] < found.confidence[larger])
    )
    part, larger = part[asked], larger[asked]
    size, around = area(found.xyxy[part]), area(found.xyxy[larger])
    common = area(intersection(found.xyxy[part], found.xyxy[larger]))
    explained = (size < around) & (common >= PART_INSIDE * size) & (size >= PART_LEAST * around)
    result = np.zeros(len(found), np.bool_)
    result[part[explained]] = True
    return result


def _raise_confidence(
    confidence: NDArray[np.float32], found: Detections, leader: Indices, member: Indices
) -> None:
    """Give each leader the highest confidence among its members of the same category."""
    alike = found.class_id[leader] == found.class_id[member]
    np.maximum.at(confidence, leader[alike], found.confidence[member[alike]])


def _unite(found: Detections, piece: NDArray[np.bool_], i: Indices, j: Indices) -> Detections:
    """One detection for each set of pieces that agree: the box around them, the best confidence."""
    label = np.arange(len(found))
    while len(i):
        lower = np.minimum(label[i], label[j])
        changed = (label[i] != lower) | (label[j] != lower)
        if not changed.any():
            break
        np.minimum.at(label, i, lower)
        np.minimum.at(label, j, lower)
    members = np.flatnonzero(piece)
    roots, group = np.unique(label[members], return_inverse=True)
    xyxy = found.xyxy[roots].copy()
    confidence = found.confidence[roots].copy()
    np.minimum.at(xyxy[:, :2], group, found.xyxy[members, :2])
    np.maximum.at(xyxy[:, 2:], group, found.xyxy[members, 2:])
    np.maximum.at(confidence, group, found.confidence[members])
    return Detections(xyxy=xyxy, confidence=confidence, class_id=found.class_id[roots])


def _without_repeats(
    whole: Detections, united: Detections, groups: NDArray[np.int32]
) -> Detections:
    """Both lists, less united boxes that repeat a whole or a better united one."""
    tier = np.repeat(np.array([_TILE, _CUT], np.int8), [len(whole), len(united)])
    found = Detections.concatenate([whole, united])
    order = rank_order(found, tier)
    found, tier = found.select(order), tier[order]
    i, j = overlapping_pairs(found.xyxy)
    i, j = np.minimum(i, j), np.maximum(i, j)
    candidate = (tier[j] == _CUT) & (groups[found.class_id[i]] == groups[found.class_id[j]])
    i, j = i[candidate], j[candidate]
    one = same_object(iou(found.xyxy[i], found.xyxy[j]), found.class_id[i], found.class_id[j])
    kept, _ = keep_best(len(found), i[one], j[one])
    found = found.select(kept)
    return found.select(rank_order(found))
