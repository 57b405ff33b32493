"""Confidence by agreement against the same rule written out in loops."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.detections import Detections
from models.tiles.agreement import AGREES_IOU, LARGE_PX, Views, Voices, by_agreement
from models.tiles.suppression import iou
from models.tiles.tile_plan import ScaleField, asked_of, scale_at


def drawn(random: np.random.Generator, count: int, window: tuple[float, ...]) -> Detections:
    """Boxes inside a window, many of them about the same places."""
    left, top, right, bottom = window
    spots = np.array([[60, 60], [150, 90], [260, 200], [330, 300]], np.float64)
    middle = spots[random.integers(0, len(spots), count)] + random.normal(0, 4, (count, 2))
    half = random.uniform(6, 40, (count, 1)) * random.uniform(0.8, 1.0, (count, 2))
    low = np.array([left, top, left, top])
    xyxy = np.concatenate([middle - half, middle + half], axis=1).clip(
        low, [right, bottom, right, bottom]
    )
    part = Detections(
        xyxy=xyxy.astype(np.float32),
        confidence=random.uniform(0.05, 0.95, count).astype(np.float32),
        class_id=np.zeros(count, np.int32),
    )
    return part.select(((xyxy[:, 2:] - xyxy[:, :2]) > 2).all(axis=1))


def plainly(
    objects: Detections, whole: int, seen: Detections, view: list[int], own: list[int], views: Views
) -> tuple[list[float], list[list[float]]]:
    """The rule in loops: confidence and box of each object."""
    count = len(objects)
    fits = {
        (a, b): float(iou(objects.xyxy[a : a + 1], seen.xyxy[b : b + 1])[0])
        for a in range(count)
        for b in range(len(seen))
        if b not in own and (a >= whole or view[b] != view[own[a]])
    }
    fits = {pair: value for pair, value in fits.items() if value >= AGREES_IOU}
    # The object that a box fits best, then of each view the box that fits best.
    speaks = {
        b: min((a for a in range(count) if (a, b) in fits), key=lambda a: (-fits[a, b], a))
        for b in range(len(seen))
        if any((a, b) in fits for a in range(count))
    }
    confidences, boxes = [], []
    for a in range(count):
        box = objects.xyxy[a]
        asked = 1.0 if views.demand is None else float(scale_at(views.demand, box[None])[0])
        asked = min(asked, LARGE_PX / float((box[2:] - box[:2]).max()))
        total = said = drawn_by = 0.0
        drawn_box = np.zeros(4)
        if a >= whole:
            total, said = 1.0, float(objects.confidence[a])
        for number, window in enumerate(views.window):
            holds = (box[:2] >= window[:2]).all() and (box[2:] <= window[2:]).all()
            scale = float(views.scale[number])
            weight = min(scale / asked, asked / scale) if asked > 0 else 1.0
            voice = None
            if a < whole and view[own[a]] == number:
                voice = own[a]
            else:
                of_view = [b for b, spoken in speaks.items() if spoken == a and view[b] == number]
                if of_view:
                    voice = min(of_view, key=lambda b: (-fits[a, b], b))
            if not holds or (
                views.demand is not None and not asked_of(views.demand, box[None], scale)[0]
            ):
                continue
            total += weight
            if voice is not None:
                trust = float(seen.confidence[voice])
                said += weight * trust
                drawn_by += weight * trust
                drawn_box += weight * trust * seen.xyxy[voice].astype(np.float64)
        confidences.append(said / total if total else float(objects.confidence[a]))
        mean = drawn_box / drawn_by if drawn_by and a < whole else box
        boxes.append([float(value) for value in mean])
    return confidences, boxes


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 10_000), with_demand=st.booleans())
def test_the_mean_of_all_views_is_that_of_the_plain_rule(seed: int, with_demand: bool) -> None:
    random = np.random.default_rng(seed)
    windows = [(0, 0, 200, 200), (100, 0, 300, 200), (40, 40, 400, 400), (0, 0, 400, 400)]
    scales = np.array([1.0, 1.0, 0.7, 0.5])
    demand = None
    if with_demand:
        demand = ScaleField(
            cell_px=100,
            scale=random.choice([0.0, 0.5, 1.0], (4, 4)),
            object_px=np.full((4, 4), 30.0),
        )
    parts = [drawn(random, 5, window) for window in windows]
    seen = Detections.concatenate(parts)
    view = [number for number, part in enumerate(parts) for _ in range(len(part))]
    own = sorted(random.choice(len(seen), 4, replace=False).tolist())
    united = drawn(random, 2, (0, 0, 400, 400))
    objects = Detections.concatenate([seen.select(np.array(own)), united])
    pairs = [
        (a, b)
        for a in range(len(objects))
        for b in range(len(seen))
        if a >= len(own) or view[b] != view[own[a]]
    ]
    a, b = np.array(pairs).T
    views = Views(window=np.array(windows, np.float32), scale=scales, demand=demand)
    found = by_agreement(
        objects,
        seen,
        np.array(view),
        Voices(
            own=np.array(own),
            object=a,
            box=b,
            agreement=iou(objects.xyxy[a], seen.xyxy[b]),
        ),
        views,
    )
    confidence, xyxy = plainly(objects, len(own), seen, view, own, views)
    assert found.confidence.tolist() == pytest.approx(confidence, rel=1e-5)
    assert (found.confidence <= 1).all()
    assert found.xyxy == pytest.approx(np.array(xyxy), abs=1e-3)
    assert found.class_id.tolist() == objects.class_id.tolist()


def test_nothing_found_is_nothing() -> None:
    none = np.zeros(0, np.intp)
    found = by_agreement(
        Detections.empty(),
        Detections.empty(),
        none,
        Voices(own=none, object=none, box=none, agreement=np.zeros(0)),
        Views(window=np.array([[0, 0, 9, 9]], np.float32), scale=np.ones(1)),
    )
    assert len(found) == 0
