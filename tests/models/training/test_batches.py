"""Batches: the same for a seed and a number, with boxes on what they mean."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from models.tiles.tiling import PADDING
from models.training.batches import Batch, BatchSource, draw_tile
from models.training.pieces import Kind, Piece

RED = (250, 10, 10)


def marked(kind: Kind, box: tuple[int, int, int, int] = (300, 200, 340, 230)) -> Piece:
    """A dark piece with one red rectangle, which is its object."""
    pixels = np.full((500, 700, 3), 40, np.uint8)
    left, top, right, bottom = box
    pixels[top:bottom, left:right] = RED
    return Piece(
        name=kind,
        kind=kind,
        pixels=pixels,
        xyxy=np.array([box], np.float64),
        class_id=np.array([3], np.int32),
    )


def empty(kind: Kind, mistaken: tuple[float, float, float, float] | None = None) -> Piece:
    places = np.zeros((0, 4)) if mistaken is None else np.array([mistaken])
    return Piece(
        name=kind,
        kind=kind,
        pixels=np.full((900, 900, 3), 90, np.uint8),
        xyxy=np.zeros((0, 4)),
        class_id=np.zeros(0, np.int32),
        mistaken=places,
    )


def source(pieces: list[Piece], shares: dict[Kind, float], seed: int = 5) -> BatchSource:
    return BatchSource(pieces, shares, tile_px=160, whole_px=320, batch=10, seed=seed)


def same(one: Batch, other: Batch) -> bool:
    return all(
        np.array_equal(getattr(one, name), getattr(other, name))
        for name in ("tiles", "xyxy", "class_id", "tile")
    )


def test_a_tile_says_what_it_is_of() -> None:
    kinds: tuple[Kind, ...] = ("colour", "rendered", "empty", "rendered_empty")
    for kind in kinds:
        piece = empty(kind) if "empty" in kind else marked(kind)
        batch = source([piece], {kind: 1.0}).batch(0)
        assert batch.photographed.tolist() == [kind == "colour"] * 10
        assert batch.empty.tolist() == ["empty" in kind] * 10


def test_a_batch_is_a_function_of_the_seed_and_its_number() -> None:
    pieces = [marked("colour"), empty("empty")]
    shares: dict[Kind, float] = {"colour": 0.5, "empty": 0.5}
    first, again = source(pieces, shares), source(pieces, shares)
    first.batch(0)  # what was drawn before does not matter
    assert same(first.batch(7), again.batch(7))
    assert not same(first.batch(7), first.batch(8))
    assert not same(first.batch(7), source(pieces, shares, seed=6).batch(7))


def test_boxes_lie_on_their_objects_after_crop_scale_and_mirror() -> None:
    chance = np.random.default_rng(1)
    seen = 0
    for _ in range(200):
        tile, boxes, classes = draw_tile(marked("colour"), 160, 320, chance)
        red = tile[..., 0].astype(int) - tile[..., 1] > 40
        for box, number in zip(boxes, classes, strict=True):
            assert number == 3
            rows, columns = np.nonzero(red)
            # The red pixels are the box, to a pixel of blur at its sides.
            told = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            np.testing.assert_allclose(box, told, atol=1.6)
            seen += 1
        if not len(boxes):
            assert red.sum() == 0  # an object that is no truth is not in the picture either
    assert seen > 120


def test_most_crops_of_empty_ground_show_what_was_mistaken() -> None:
    piece = empty("empty", (400, 420, 430, 440))
    piece.pixels[420:440, 400:430] = 250
    chance = np.random.default_rng(2)
    shown = 0
    for _ in range(100):
        tile, boxes, _ = draw_tile(piece, 160, 320, chance)
        assert len(boxes) == 0
        inside = tile[(tile != PADDING).any(axis=2)]
        shown += int(inside.max()) > int(np.median(inside)) + 30
    assert shown > 65


def test_shares_are_met_over_batches() -> None:
    shares: dict[Kind, float] = {"colour": 0.6, "thermal": 0.3, "empty": 0.1}
    pieces = [marked("colour"), marked("thermal"), empty("empty")]
    told = source(pieces, shares)
    counts = Counter(len(np.unique(told.batch(number).tile)) for number in range(40))
    # At most nine of ten tiles can show an object; the crop may miss some.
    assert max(counts) == 9


def test_a_kind_without_pieces_leaves_its_share() -> None:
    batch = source([marked("colour")], {"colour": 0.2, "thermal": 0.8}).batch(0)
    assert batch.tiles.shape == (10, 160, 160, 3)


def test_nothing_to_learn_from_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing to learn"):
        source([empty("dismissed")], {"colour": 1.0})


def test_a_piece_smaller_than_a_tile_is_padded() -> None:
    chip = Piece(
        name="chip",
        kind="dismissed",
        pixels=np.full((40, 30, 3), 200, np.uint8),
        xyxy=np.zeros((0, 4)),
        class_id=np.zeros(0, np.int32),
        mistaken=np.array([[10.0, 10, 20, 20]]),
    )
    tile, _, _ = draw_tile(chip, 160, 320, np.random.default_rng(3))
    assert tile.shape == (160, 160, 3)
    assert (tile[-1, -1] == PADDING).all()
