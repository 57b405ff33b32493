"""Making one list of what several overlapping views of an image show.

A view is a tile, or the whole frame at reduced scale, or a tile that looks once more, reduced, at
what others show at full scale; the last two are treated alike. Two boxes of different views are
compared where both views look: each is clipped to what the other view could have seen. So a piece
of an object that a tile edge cuts is recognised in the whole box of a neighbour, and a small object
beside a large one, or the second of two in a row, is not. What is left once is as sure as the
views that hold it whole are together (`models.tiles.agreement`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.detections import Detections
from models.tiles.agreement import AGREES_IOU, Views, Voices, by_agreement
from models.tiles.suppression import (
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
from models.tiles.tile_plan import OVERVIEW_LEAST_PX, ScaleField

EDGE_PX = 4.0
"""A box that ends this close to an edge inside the image may go on beyond it."""

PIECE_INSIDE = 0.8
"""Least share of a cut piece inside the whole box that explains it."""

PIECE_ALONG = 0.6
"""Least agreement (IoU in one dimension) along the edge that cut the piece."""

_TILE, _OVERVIEW, _CUT, _WITNESS = 0, 1, 2, 3
"""Whole in a tile; whole, looked at again; cut by an edge; not reported, but asked about others."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Boxes:
    """N boxes of all views, from best to worst, so that the better of a pair is the smaller number.

    Attributes:
        found: the boxes.
        view: (N,) number of the view of each.
        cut: (N, 4) whether an edge inside the image cuts its left, top, right, bottom.
        tier: (N,) what it is.
    """

    found: Detections
    view: Indices
    cut: NDArray[np.bool_]
    tier: NDArray[np.int8]


def merge(
    parts: Sequence[Detections],
    views: NDArray[np.integer],
    groups: NDArray[np.int32],
    *,
    frame: NDArray[np.integer] | None = None,
    least_px: NDArray[np.float64] | None = None,
    scale: NDArray[np.float64] | None = None,
    demand: ScaleField | None = None,
) -> Detections:
    """What several views of one image show, each object once.

    Boxes of a reduced view shorter than its least length are not reported, and cut pieces that are
    thinner than EDGE_PX across the edge are left out. Then:

    1. Whole boxes of different views that agree are one object. The box of a tile stands before
       that of the whole frame, which is coarser.
    2. A box that an edge inside the image cuts is dropped where another view holds the object
       whole.
    3. Cut pieces that no view holds whole and that agree along their seam are united.
    4. Confidence and box are the mean of what the views say that hold the object whole.

    Boxes of one view are never merged: that view told them apart.

    Args:
        parts: detections of each of T views, in pixels of the image, suppressed within the view
            and not beyond it.
        views: (T, 4) left, top, right, bottom of each view, at any scales.
        groups: (K,) group of each category; boxes of different groups are never one object.
        frame: (4,) left, top, right, bottom of the image; by default what the views span.
        least_px: (T,) of views that look once more, reduced, at what others show at full scale:
            what is shorter is left to those; 0 for the others. By default OVERVIEW_LEAST_PX for
            views of the whole frame.
        scale: (T,) pixels that the model saw for one of the image; by default 1.
        demand: the scale that each place asks for; by default 1.

    Returns:
        Merged detections in descending order of confidence, whatever the order of the views.

    Raises:
        ValueError: there is not one view for each part.
    """
    if views.shape != (len(parts), 4):
        raise ValueError(f"{len(parts)} parts need views ({len(parts)}, 4), not {views.shape}")
    if len(parts) < 2 or not sum(map(len, parts)):
        found = Detections.concatenate(parts)
        return found.select(rank_order(found))
    if frame is None:
        frame = np.concatenate([views[:, :2].min(axis=0), views[:, 2:].max(axis=0)])
    if least_px is None:
        least_px = np.where((views == frame).all(axis=1), OVERVIEW_LEAST_PX, 0.0)
    if scale is None:
        scale = np.ones(len(parts), np.float64)
    # Sums of floats depend on their order, so it is that of the views' values.
    order = np.lexsort([least_px, scale, *views.T])
    parts = [parts[index] for index in order]
    views, least_px, scale = views[order], least_px[order], scale[order]
    boxes = _ranked(parts, views, frame, least_px, scale)
    window = views.astype(np.float32)
    found = boxes.found

    i, j = overlapping_pairs(found.xyxy)
    group = groups[found.class_id]
    rows = np.flatnonzero(
        (boxes.view.take(i) != boxes.view.take(j)) & (group.take(i) == group.take(j))
    )
    i, j = i.take(rows), j.take(rows)
    i, j = np.minimum(i, j), np.maximum(i, j)
    overlap = iou(found.xyxy.take(i, axis=0), found.xyxy.take(j, axis=0))
    kept, fits = _kept(boxes, window, i, j, overlap)
    whole = np.flatnonzero(kept & (boxes.tier != _CUT))
    united, number = _unite(found, kept & (boxes.tier == _CUT), i.take(fits), j.take(fits))

    # Whole boxes stand before what was united, each from best to worst.
    merged = Detections.concatenate([found.select(whole), united])
    number[number >= 0] += len(whole)
    number[whole] = np.arange(len(whole))
    of_i, of_j = number.take(i), number.take(j)
    voices = _voices(merged, found, whole, (i, j, overlap), (of_i, of_j))
    agreed = by_agreement(
        merged, found, boxes.view, voices, Views(window=window, scale=scale, demand=demand)
    )
    return _without_repeats(agreed, len(whole), of_i, of_j)


def _ranked(
    parts: Sequence[Detections],
    views: NDArray[np.integer],
    frame: NDArray[np.integer],
    least_px: NDArray[np.float64],
    scale: NDArray[np.float64],
) -> _Boxes:
    """The boxes of all views from best to worst, less cut pieces too thin to tell of."""
    found = Detections.concatenate(parts)
    view = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    # The model says where an edge is in pixels of its own.
    edge_px = (EDGE_PX / np.minimum(scale, 1.0)).take(view)
    window = views.astype(np.float32)
    inner = views != frame
    cut = np.empty((len(found), 4), np.bool_)
    for side in range(4):
        off = np.abs(found.xyxy[:, side] - window[:, side].take(view))
        cut[:, side] = (off <= edge_px) & inner[:, side].take(view)
    wide = found.xyxy[:, 2] - found.xyxy[:, 0]
    high = found.xyxy[:, 3] - found.xyxy[:, 1]
    # Thinner than an edge is known, and the neighbour shows the rest.
    sliver = (cut[:, 0] | cut[:, 2]) & (wide <= edge_px)
    sliver |= (cut[:, 1] | cut[:, 3]) & (high <= edge_px)
    least = least_px.take(view)
    tier = np.where(cut.any(axis=1), _CUT, np.where(least > 0, _OVERVIEW, _TILE)).astype(np.int8)
    tier[np.maximum(wide, high) < least] = _WITNESS
    order = rank_order(found, tier, view)
    order = order[~sliver.take(order)]
    return _Boxes(
        found=found.select(order),
        view=view.take(order),
        cut=cut.take(order, axis=0),
        tier=tier.take(order),
    )


def _kept(
    boxes: _Boxes, window: Floats, i: Indices, j: Indices, overlap: Floats
) -> tuple[NDArray[np.bool_], Indices]:
    """(N,) the boxes that stand for an object or a piece of one, and which pairs are of one object.

    Args:
        boxes: N boxes.
        window: (T, 4) the views.
        i: (P,) the better of each pair of overlapping boxes of two views and one group.
        j: (P,) the other.
        overlap: (P,) IoU of each pair.

    Returns:
        (N,), and those of the pairs that are two pieces of one object, both kept.
    """
    found, tier = boxes.found, boxes.tier
    tier_i, tier_j = tier.take(i), tier.take(j)
    one = same_object(overlap, found.class_id.take(i), found.class_id.take(j))
    # Only where an edge cuts may less overlap be one object, or more be two; the worse is a piece.
    seam = np.flatnonzero(tier_j == _CUT)
    one[seam] = _one_object(boxes, window, i.take(seam), j.take(seam), overlap.take(seam))
    one &= tier_j != _WITNESS

    both_whole = np.flatnonzero(one & (tier_j != _CUT))
    kept = keep_best(len(found), i.take(both_whole), j.take(both_whole))
    kept &= tier != _WITNESS
    kept[j[one & (tier_j == _CUT) & (tier_i != _CUT)]] = False
    fits = np.flatnonzero(one & (tier_i == _CUT) & kept.take(i) & kept.take(j))
    return kept, fits[found.class_id[i[fits]] == found.class_id[j[fits]]]


def _voices(
    merged: Detections,
    found: Detections,
    whole: Indices,
    pairs: tuple[Indices, Indices, Floats],
    of_pairs: tuple[Indices, Indices],
) -> Voices:
    """Which boxes of all views may speak for what was merged.

    Args:
        merged: M whole boxes, then the united ones.
        found: N boxes of all views.
        whole: those of them that are the first of `merged`.
        pairs: (P,) two overlapping boxes of two views and one group, and their IoU.
        of_pairs: (P,) in which of `merged` each of the two is; -1 for those that are gone.
    """
    i, j, overlap = pairs
    objects, boxes, agreement = [], [], []
    for mine, other in ((of_pairs[0], j), (of_pairs[1], i)):
        # A whole box that was kept speaks for itself alone.
        for rows in (
            np.flatnonzero((mine >= 0) & (mine < len(whole)) & (overlap >= AGREES_IOU)),
            np.flatnonzero(mine >= len(whole)),
        ):
            objects.append(mine.take(rows))
            boxes.append(other.take(rows))
            agreement.append(overlap.take(rows))
        united = objects[-1], boxes[-1]
        agreement[-1] = iou(merged.xyxy.take(united[0], axis=0), found.xyxy.take(united[1], axis=0))
    return Voices(
        own=whole,
        object=np.concatenate(objects),
        box=np.concatenate(boxes),
        agreement=np.concatenate(agreement),
    )


def _one_object(
    boxes: _Boxes, window: Floats, i: Indices, j: Indices, overlap: Floats
) -> NDArray[np.bool_]:
    """(P,) whether the boxes of each pair are one object, where an edge cuts the worse or both.

    `window` (T, 4) are the views, `overlap` (P,) is the IoU of the whole boxes.
    """
    found = boxes.found
    box_i, box_j = found.xyxy.take(i, axis=0), found.xyxy.take(j, axis=0)
    window_i = window.take(boxes.view.take(i), axis=0)
    window_j = window.take(boxes.view.take(j), axis=0)
    cut_i, cut_j = boxes.cut.take(i, axis=0), boxes.cut.take(j, axis=0)
    clip_i, clip_j = intersection(box_i, window_j), intersection(box_j, window_i)
    # Where one box goes on beyond the other's view, the other must have been cut there.
    goes_on_i, goes_on_j = _goes_on(box_i, window_j), _goes_on(box_j, window_i)
    consistent = ~((goes_on_i & ~cut_j) | (goes_on_j & ~cut_i)).any(axis=1)
    agreement = np.where(consistent, iou(clip_i, clip_j), overlap)
    same = same_object(agreement, found.class_id.take(i), found.class_id.take(j))
    # A detector often draws a cut piece short: then it must lie inside, and fit along the edge.
    inside = area(intersection(clip_i, clip_j)) >= PIECE_INSIDE * area(clip_j)
    fits = np.ones(len(i), np.bool_)
    for across, along in ((0, 1), (1, 0)):
        low = np.maximum(clip_i[:, along], clip_j[:, along])
        high = np.minimum(clip_i[:, along + 2], clip_j[:, along + 2])
        span = np.maximum(clip_i[:, along + 2], clip_j[:, along + 2]) - np.minimum(
            clip_i[:, along], clip_j[:, along]
        )
        seam = cut_j[:, across] | cut_j[:, across + 2]
        fits &= ~seam | (high - low >= PIECE_ALONG * span)
    piece = cut_j.any(axis=1) & ~cut_i.any(axis=1)
    return np.asarray(same | (piece & consistent & inside & fits))


def _goes_on(box: Floats, window: Floats) -> NDArray[np.bool_]:
    """(P, 4) on which sides a box reaches beyond a window."""
    beyond = np.concatenate([window[:, :2] - box[:, :2], box[:, 2:] - window[:, 2:]], axis=1)
    return np.asarray(beyond > EDGE_PX)


def _unite(
    found: Detections, piece: NDArray[np.bool_], i: Indices, j: Indices
) -> tuple[Detections, Indices]:
    """One detection for each set of pieces that agree: the box around them, the best confidence.

    Returns:
        The U detections from best to worst, and (N,) in which of them each piece is; -1 for what is
        no piece.
    """
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
    united = Detections(xyxy=xyxy, confidence=confidence, class_id=found.class_id[roots])
    order = rank_order(united)
    place = np.empty(len(order), np.intp)
    place[order] = np.arange(len(order))
    number = np.full(len(found), -1, np.intp)
    number[members] = place[group]
    return united.select(order), number


def _without_repeats(merged: Detections, whole: int, i: Indices, j: Indices) -> Detections:
    """What stays, from best to worst, where some repeat a better box of another view.

    United boxes may repeat whole ones, and the mean of several views may bring together what was
    apart. What overlaps a united box by half overlaps a piece of it, so the pairs of boxes that
    were seen are enough.

    Args:
        merged: M whole boxes, then the united ones.
        whole: how many are whole.
        i: (P,) of each pair of boxes of two views that overlap and are of one group, which of the M
            the one is; -1 for none.
        j: (P,) which the other is.
    """
    rows = np.flatnonzero((i >= 0) & (j >= 0) & (i != j))
    order = rank_order(merged, (np.arange(len(merged)) >= whole).astype(np.int8))
    merged = merged.select(order)
    place = np.empty(len(order), np.intp)
    place[order] = np.arange(len(order))
    i, j = place.take(i.take(rows)), place.take(j.take(rows))
    one = same_object(
        iou(merged.xyxy.take(i, axis=0), merged.xyxy.take(j, axis=0)),
        merged.class_id.take(i),
        merged.class_id.take(j),
    )
    i, j = i[one], j[one]
    kept = keep_best(len(merged), np.minimum(i, j), np.maximum(i, j))
    merged = merged.select(kept)
    return merged.select(rank_order(merged))
