from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.merging import crowd, same, shuffled
from models.detections import Detections
from models.taxonomy import group_index
from models.tiles.merging import merge
from models.tiles.tile_plan import ScaleField
from models.tiles.tiling import tile_grid

CATEGORIES = ("person", "car", "truck")
GROUPS = group_index(CATEGORIES)
PERSON, CAR, TRUCK = range(3)
Box = tuple[float, float, float, float]

# Two tiles side by side that share x 512 to 640, and the frame of both.
LEFT, RIGHT = (0, 0, 640, 640), (512, 0, 1152, 640)
FRAME = (0, 0, 1152, 640)


def seen(*objects: tuple[Box, int, float]) -> Detections:
    return Detections(
        xyxy=np.array([box for box, _, _ in objects], np.float32).reshape(-1, 4),
        confidence=np.array([score for _, _, score in objects], np.float32),
        class_id=np.array([category for _, category, _ in objects], np.int32),
    )


def views(*rows: tuple[int, int, int, int]) -> NDArray[np.int32]:
    return np.array(rows, np.int32)


def test_an_object_that_two_tiles_hold_whole_is_one_as_sure_as_both_together() -> None:
    result = merge(
        [seen(((550, 100, 590, 130), CAR, 0.6)), seen(((551, 101, 591, 130), CAR, 0.8))],
        views(LEFT, RIGHT),
        GROUPS,
    )
    # The box too is the mean, the surer counting more: (6 * 550 + 8 * 551) / 14.
    assert result.xyxy == pytest.approx(np.array([[550 + 4 / 7, 100 + 4 / 7, 590 + 4 / 7, 130]]))
    assert result.confidence == pytest.approx([0.7])


def test_a_tile_that_holds_the_place_and_shows_nothing_there_says_no() -> None:
    result = merge(
        [seen(((550, 100, 590, 130), CAR, 0.6), ((100, 100, 140, 130), CAR, 0.5)), seen()],
        views(LEFT, RIGHT),
        GROUPS,
    )
    # The second lies in the left tile alone, which is not contradicted.
    assert result.xyxy.tolist() == [[100, 100, 140, 130], [550, 100, 590, 130]]
    assert result.confidence == pytest.approx([0.5, 0.3])


@pytest.mark.parametrize(("in_frame", "expected"), [([0.8], 0.5), ([], 0.3)])
def test_a_view_counts_by_how_near_it_is_to_the_scale_that_is_asked_for(
    in_frame: list[float], expected: float
) -> None:
    # Too small to be reported from the whole frame at a third, which has a say all the same:
    # (1 * 0.4 + 1/3 * 0.8) / (4/3), and without it (1 * 0.4) / (4/3).
    result = merge(
        [
            seen(((100, 100, 140, 120), CAR, 0.4)),
            seen(),
            seen(*(((101, 100, 141, 120), CAR, score) for score in in_frame)),
        ],
        views(LEFT, RIGHT, FRAME),
        GROUPS,
        scale=np.array([1.0, 1.0, 1 / 3]),
    )
    assert len(result) == 1
    assert result.confidence == pytest.approx([expected])


def test_one_box_of_a_view_speaks_for_one_object_only() -> None:
    # Two people whom the left tile tells apart; the right tile has one box about both.
    first, second, about = (550, 100, 562, 130), (554, 100, 566, 130), (551, 100, 563, 130)
    result = merge(
        [seen((first, PERSON, 0.8), (second, PERSON, 0.6)), seen((about, PERSON, 0.6))],
        views(LEFT, RIGHT),
        GROUPS,
    )
    assert result.confidence == pytest.approx([0.7, 0.3])


def test_what_magnifies_too_much_has_no_say() -> None:
    # The left half asks for full scale, the right one for twofold; a twofold tile covers both.
    demand = ScaleField(
        cell_px=100, scale=np.array([[1.0, 1, 1, 2, 2, 2]]), object_px=np.full((1, 6), 60.0)
    )
    result = merge(
        [
            seen(((100, 40, 120, 50), CAR, 0.6), ((400, 40, 420, 50), CAR, 0.6)),
            seen(((400, 40, 420, 50), CAR, 0.9)),
        ],
        views((0, 0, 600, 100), (50, 0, 550, 100)),
        GROUPS,
        frame=np.array([0, 0, 600, 100]),
        least_px=np.zeros(2),
        scale=np.array([1.0, 2.0]),
        demand=demand,
    )
    # The right one: (2 * 0.9 + 1 * 0.6) / 3, for full scale is half of what is asked there.
    assert result.xyxy[:, 0].tolist() == [400, 100]
    assert result.confidence == pytest.approx([0.8, 0.6])


def test_a_cut_box_is_dropped_where_the_neighbour_holds_the_object_whole() -> None:
    # The car reaches from 600 to 700: the left tile sees 40 of its 100 pixels, and surer of it; of
    # what it does not hold whole it has no say.
    result = merge(
        [seen(((601, 100, 639, 150), CAR, 0.9)), seen(((600, 100, 700, 150), CAR, 0.5))],
        views(LEFT, RIGHT),
        GROUPS,
    )
    assert result.xyxy.tolist() == [[600, 100, 700, 150]]
    assert result.confidence == pytest.approx([0.5])


def test_a_thin_piece_drawn_short_is_still_explained_by_the_whole() -> None:
    result = merge(
        [seen(((622, 105, 640, 148), CAR, 0.4)), seen(((600, 100, 700, 150), CAR, 0.5))],
        views(LEFT, RIGHT),
        GROUPS,
    )
    assert len(result) == 1


def test_two_halves_that_meet_at_the_seam_become_one() -> None:
    # 300 pixels long, more than the overlap: no tile holds it whole.
    result = merge(
        [seen(((450, 300, 640, 360), TRUCK, 0.7)), seen(((512, 301, 750, 361), TRUCK, 0.8))],
        views(LEFT, RIGHT),
        GROUPS,
    )
    assert result.xyxy.tolist() == [[450, 300, 750, 361]]
    assert result.confidence == pytest.approx([0.8])


def test_halves_of_two_objects_beside_each_other_stay_two() -> None:
    result = merge(
        [seen(((450, 300, 640, 360), TRUCK, 0.7)), seen(((512, 365, 750, 425), TRUCK, 0.8))],
        views(LEFT, RIGHT),
        GROUPS,
    )
    assert len(result) == 2


def test_a_small_object_beside_a_large_one_survives() -> None:
    # obss/sahi#560: merging by the share of the smaller box swallows it.
    truck, car = (520, 100, 635, 220), (600, 180, 630, 215)
    result = merge(
        [seen((truck, TRUCK, 0.9), (car, CAR, 0.6)), seen((truck, TRUCK, 0.9), (car, CAR, 0.6))],
        views(LEFT, RIGHT),
        GROUPS,
    )
    assert sorted(result.xyxy.tolist()) == [[520, 100, 635, 220], [600, 180, 630, 215]]


def test_a_small_cut_object_in_the_box_of_a_large_one_survives() -> None:
    # An oblique view: the car stands before the truck's box and ends in another row than it.
    truck = (560, 100, 760, 220)
    result = merge(
        [
            seen(((560, 100, 640, 220), TRUCK, 0.8), ((610, 190, 640, 218), CAR, 0.7)),
            seen((truck, TRUCK, 0.9), ((610, 190, 655, 218), CAR, 0.7)),
        ],
        views(LEFT, RIGHT),
        GROUPS,
    )
    assert sorted(result.xyxy.tolist()) == [[560, 100, 760, 220], [610, 190, 655, 218]]


@pytest.mark.parametrize("gap", [0, 1, 4])
@pytest.mark.parametrize("shift", range(-60, 80, 7))
def test_two_cars_in_a_row_across_a_seam_stay_two(gap: int, shift: int) -> None:
    # obss/sahi#106: one object was made of two. Bumper to bumper, anywhere across the overlap.
    cars = np.array(
        [[540 + shift, 300, 600 + shift, 330], [600 + shift + gap, 300, 660 + shift + gap, 330]],
        np.float32,
    )
    parts = [_through(cars, window) for window in (LEFT, RIGHT)]
    result = merge(parts, views(LEFT, RIGHT), GROUPS)
    assert sorted(result.xyxy.tolist()) == cars.tolist()


def _through(boxes: NDArray[np.float32], window: tuple[int, int, int, int]) -> Detections:
    """What a perfect detector sees of boxes through a window, slivers under 3 pixels left out."""
    low = np.maximum(boxes[:, :2], window[:2])
    high = np.minimum(boxes[:, 2:], window[2:])
    visible = ((high - low) >= 3).all(axis=1)
    clipped = np.concatenate([low, high], axis=1)[visible].astype(np.float32)
    return Detections(
        xyxy=clipped,
        confidence=np.full(len(clipped), 0.7, np.float32),
        class_id=np.full(len(clipped), CAR, np.int32),
    )


@pytest.mark.parametrize("overview", [False, True])
def test_a_large_object_over_four_tiles_is_one(overview: bool) -> None:
    grid = tile_grid(1152, 1152, 640, 0.2)
    assert len(grid) == 4
    truth = np.array([[300, 350, 900, 800]], np.float32)
    parts = [_through(truth, tuple(tile.tolist())) for tile in grid]
    rows = grid
    if overview:
        # Found in the reduced frame, some pixels off.
        parts.append(seen(((304, 347, 893, 806), CAR, 0.5)))
        rows = np.concatenate([grid, views((0, 0, 1152, 1152))])
    result = merge(parts, rows, GROUPS)
    expected = [[304, 347, 893, 806]] if overview else [[300, 350, 900, 800]]
    assert result.xyxy.tolist() == expected
    assert result.confidence == pytest.approx([0.5 if overview else 0.7])


def test_the_coarse_box_of_the_whole_frame_counts_less_than_that_of_a_tile() -> None:
    result = merge(
        [
            seen(((100, 100, 140, 120), CAR, 0.8)),
            seen(),
            seen(((98, 97, 148, 123), CAR, 0.8), ((900, 500, 960, 520), CAR, 0.6)),
        ],
        views(LEFT, RIGHT, FRAME),
        GROUPS,
        scale=np.array([1.0, 1.0, 0.25]),
    )
    # Weights 4 to 1. The other object is so large that it asks for 2/3, which the frame misses by
    # 3/8 and the tile, which does not show it, by 2/3: 3/8 * 0.6 / (3/8 + 2/3).
    assert result.xyxy == pytest.approx(
        np.array([[99.6, 99.4, 141.6, 120.6], [900, 500, 960, 520]])
    )
    assert result.confidence == pytest.approx([0.8, 0.216])


# A person close to the camera, of whom a tile shows the upper half alone: IoU 0.45.
UPPER: Box = (200, 100, 240, 190)
BODY: Box = (198, 98, 242, 280)


def test_a_part_in_a_tile_is_far_less_sure_than_the_whole_of_the_frame() -> None:
    result = merge(
        [seen((UPPER, PERSON, 0.4)), seen(), seen((BODY, PERSON, 0.8))],
        views(LEFT, RIGHT, FRAME),
        GROUPS,
        scale=np.array([1.0, 1.0, 1 / 3]),
    )
    assert result.xyxy.tolist() == [list(BODY), list(UPPER)]
    # The body of 182 pixels asks for 40 / 182: the frame counts 3 * 40 / 182, the tile 40 / 182.
    # The part of 90 asks for 40 / 90: the frame, which shows no such thing, counts 3/4 of that.
    body, part = 0.8 * 3 / (3 + 1), 0.4 * (40 / 90) / (40 / 90 + (1 / 3) / (40 / 90))
    assert result.confidence == pytest.approx([body, part])


@pytest.mark.parametrize(
    ("in_tile", "in_frame"),
    [
        # The tile is as sure of the small one: a child before a grown-up.
        ([(UPPER, PERSON, 0.7)], [(BODY, PERSON, 0.8)]),
        # The whole frame has a box for each.
        ([(UPPER, PERSON, 0.4)], [(BODY, PERSON, 0.8), ((201, 101, 241, 189), PERSON, 0.3)]),
        # The tile has a box for each.
        ([(UPPER, PERSON, 0.4), (BODY, PERSON, 0.7)], [(BODY, PERSON, 0.8)]),
        # A person beside a bus or in a car's box is another thing: obss/sahi#560.
        ([(UPPER, PERSON, 0.4)], [(BODY, TRUCK, 0.8)]),
        ([(UPPER, CAR, 0.4)], [(BODY, TRUCK, 0.8)]),
        # Far smaller: another object before it.
        ([((210, 110, 225, 140), PERSON, 0.4)], [(BODY, PERSON, 0.8)]),
        # Beside it, half outside its box.
        ([((222, 100, 262, 190), PERSON, 0.4)], [(BODY, PERSON, 0.8)]),
    ],
    ids=["sure", "frame saw both", "tile saw both", "bus", "kinds", "tiny", "beside"],
)
def test_what_may_be_another_object_in_front_of_a_larger_one_stays(
    in_tile: list[tuple[Box, int, float]], in_frame: list[tuple[Box, int, float]]
) -> None:
    result = merge([seen(*in_tile), seen(), seen(*in_frame)], views(LEFT, RIGHT, FRAME), GROUPS)
    assert len(result) == 2
    assert np.abs(result.xyxy - in_tile[0][0]).max(axis=1).min() < 1


def test_what_is_small_in_the_whole_frame_is_left_to_the_tiles() -> None:
    result = merge(
        [seen(), seen(), seen(((900, 500, 930, 520), CAR, 0.9))],
        views(LEFT, RIGHT, FRAME),
        GROUPS,
    )
    assert len(result) == 0


def test_one_vehicle_seen_as_two_kinds_is_one_and_a_rider_is_not_the_vehicle() -> None:
    box: Box = (550, 100, 590, 130)
    result = merge(
        [seen((box, CAR, 0.6), (box, PERSON, 0.5)), seen((box, TRUCK, 0.7))],
        views(LEFT, RIGHT),
        GROUPS,
    )
    assert result.class_id.tolist() == [TRUCK, PERSON]


def test_boxes_that_one_tile_told_apart_are_never_merged() -> None:
    # Two people close together, overlapping by more than half: the network's own decision.
    result = merge(
        [seen(((100, 100, 112, 130), PERSON, 0.8), ((103, 100, 115, 130), PERSON, 0.7)), seen()],
        views(LEFT, RIGHT),
        GROUPS,
    )
    assert len(result) == 2


def test_an_object_at_the_border_of_the_image_is_whole() -> None:
    # Nothing is cut there, so both views hold it whole and are heard.
    result = merge(
        [seen(((0, 100, 50, 150), CAR, 0.5)), seen(), seen(((0, 98, 54, 152), CAR, 0.6))],
        views(LEFT, RIGHT, FRAME),
        GROUPS,
    )
    assert result.xyxy == pytest.approx(np.array([[0, 100, 50, 150]]), abs=3)
    assert result.confidence == pytest.approx([0.55])


def test_a_piece_that_nobody_explains_is_still_reported() -> None:
    result = merge([seen(((600, 100, 640, 150), CAR, 0.6)), seen()], views(LEFT, RIGHT), GROUPS)
    assert result.xyxy.tolist() == [[600, 100, 640, 150]]


def test_the_order_of_tiles_does_not_matter() -> None:
    random = np.random.default_rng(11)
    grid = tile_grid(1500, 1500, 640, 0.2)
    low = random.uniform(0, 1450, (120, 2))
    boxes = np.concatenate([low, low + random.uniform(8, 300, (120, 2))], axis=1)
    boxes = boxes.clip(0, 1500).astype(np.float32)
    parts = [_through(boxes, tuple(tile.tolist())) for tile in grid]
    first = merge(parts, grid, GROUPS)
    for _ in range(10):
        order = random.permutation(len(grid))
        inner = [parts[k].select(random.permutation(len(parts[k]))) for k in order]
        again = merge(inner, grid[order], GROUPS)
        assert np.array_equal(first.xyxy, again.xyxy)
        assert np.array_equal(first.confidence, again.confidence)


def test_separate_objects_of_any_size_come_out_as_planted() -> None:
    """Objects on a jittered lattice, up to larger than a tile, seen by a perfect detector."""
    random = np.random.default_rng(17)
    for size, pitch in itertools.product((12, 60, 150, 420, 800), (0.2, 0.35)):
        grid = tile_grid(3000, 2300, 640, pitch)
        step = size * 1.4 + 12
        x, y = np.meshgrid(np.arange(4, 3000 - size, step), np.arange(4, 2300 - size, step))
        low = np.stack([x.ravel(), y.ravel()], axis=1)
        low = low + random.uniform(0, step - size - 8, low.shape)
        high = low + size * random.uniform(0.6, 1, low.shape)
        truth = np.concatenate([low, high], axis=1).astype(np.float32)
        truth = truth[(truth[:, 2] <= 3000) & (truth[:, 3] <= 2300)]
        parts = [_through(truth, tuple(tile.tolist())) for tile in grid]
        result = merge(parts, grid, GROUPS)
        assert sorted(result.xyxy.tolist()) == sorted(truth.tolist()), (size, pitch)


def test_nothing_found_is_nothing() -> None:
    assert len(merge([seen(), seen()], views(LEFT, RIGHT), GROUPS)) == 0


def test_parts_without_their_views_are_refused() -> None:
    with pytest.raises(ValueError, match="views"):
        merge([seen()], views(LEFT, RIGHT), GROUPS)


def test_thirty_three_thousand_boxes_are_merged_alike_in_any_order() -> None:
    # How long it takes is measured by `python -m benchmarks.merging`.
    parts, grid = crowd(18_400)
    assert 33_000 <= sum(len(part) for part in parts) <= 34_000
    merged = merge(parts, grid, GROUPS)
    assert 15_000 < len(merged) < 33_000
    random = np.random.default_rng(1)
    for _ in range(20):
        assert same(merge(*shuffled(parts, grid, random), GROUPS), merged)
