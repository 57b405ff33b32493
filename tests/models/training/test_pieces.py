"""Pieces of images against boxes and pixels that are known beforehand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from models.evaluation.labels import LabelledImage
from models.taxonomy import ClassMap
from models.tiles.tiling import PADDING
from models.training.pieces import (
    class_numbers,
    clip_objects,
    cut_pieces,
    kind_of,
    learning_scale,
)

CLASSES = ClassMap.of(
    [("pedestrian", "person"), ("people", "person"), ("van", "van"), ("car", "car")]
)


def labelled(
    boxes: list[list[float]],
    names: tuple[str, ...] | None = None,
    *,
    size: tuple[int, int] = (640, 480),
    ignored: list[list[float]] | None = None,
    words: tuple[str, ...] = (),
) -> LabelledImage:
    return LabelledImage(
        path=Path("a.png"),
        width_px=size[0],
        height_px=size[1],
        xyxy=np.array(boxes, np.float64).reshape(-1, 4),
        names=names or ("car",) * len(boxes),
        ignored=np.array(ignored or [], np.float64).reshape(-1, 4),
        words=words,
    )


def colourful(width: int, height: int) -> NDArray[np.uint8]:
    """Every pixel tells where it is: red its column, green its row, modulo 251."""
    yy, xx = np.mgrid[:height, :width]
    return np.stack([xx % 251, yy % 251, np.zeros_like(xx)], axis=2).astype(np.uint8)


@pytest.mark.parametrize(
    ("gsd_m", "scale"),
    [
        (None, 1.0),
        (0.05, 1.0),  # 90 pixels: within the card's range
        (0.009, 220 / 500),  # 500 pixels: reduced to the longest
        (0.75, 2.0),  # 6 pixels: magnified to the shortest
    ],
)
def test_an_image_is_brought_to_the_scale_at_which_its_cars_fit_the_card(
    gsd_m: float | None, scale: float
) -> None:
    image = replace(labelled([]), gsd_m=gsd_m)
    assert learning_scale(image, (12, 220)) == pytest.approx(scale)


def test_a_box_is_cut_where_its_pixels_are() -> None:
    image = labelled([[1300, 40, 1340, 60]], size=(2000, 800))
    pixels = colourful(2000, 800)
    pieces = cut_pieces(image, pixels, CLASSES, car_px=(12, 220), kind="colour")
    # The next piece begins where the last one reaches the end: 2000 - 1280.
    assert [piece.name for piece in pieces] == ["a.png@0,0", "a.png@720,0"]
    left, right = pieces
    # The first piece ends at 1280: the object is not in it.
    assert len(left.xyxy) == 0
    assert right.xyxy.tolist() == [[580, 40, 620, 60]]
    np.testing.assert_array_equal(right.pixels[40, 580], pixels[40, 1300])
    assert right.class_id.tolist() == [3]


def test_boxes_follow_when_an_image_is_reduced() -> None:
    image = replace(labelled([[100, 60, 340, 120]]), gsd_m=4.5 / 440)
    (piece,) = cut_pieces(
        image, colourful(640, 480), CLASSES, car_px=(12, 220), kind="colour", piece_px=1280
    )
    assert piece.pixels.shape == (240, 320, 3)
    np.testing.assert_allclose(piece.xyxy, [[50, 30, 170, 60]])


def test_what_nobody_labelled_is_painted_over_and_its_objects_are_left_out() -> None:
    image = labelled([[10, 10, 30, 30], [110, 110, 130, 130]], ignored=[[100, 100, 200, 200]])
    pixels = colourful(640, 480)
    (piece,) = cut_pieces(image, pixels, CLASSES, car_px=(12, 220))
    assert piece.xyxy.tolist() == [[10, 10, 30, 30]]
    assert (piece.pixels[100:200, 100:200] == PADDING).all()
    np.testing.assert_array_equal(piece.pixels[:100], pixels[:100])
    # The image itself stays as it was.
    assert (pixels[150, 150] == [150, 150, 0]).all()


def test_an_object_of_which_little_is_seen_is_neither_truth_nor_empty_ground() -> None:
    part = colourful(100, 100)
    boxes = np.array([[90.0, 0, 130, 40], [60.0, 50, 110, 90], [200.0, 0, 220, 20]])
    kept, which = clip_objects(boxes, (0, 0, 100, 100), part)
    assert which.tolist() == [1]  # 80 % seen; of the first only a quarter
    assert kept.tolist() == [[60, 50, 100, 90]]
    assert (part[0:40, 90:100] == PADDING).all()
    assert not (part[50:90, 60:90] == PADDING).all()


def test_the_sets_own_word_names_the_class_and_else_the_category_does() -> None:
    image = labelled(
        [[0, 0, 9, 9]] * 4,
        ("person", "person", "vehicle", "van"),
        words=("people", "human", "othervehicle", "van"),
    )
    assert class_numbers(image, CLASSES).tolist() == [1, 0, 3, 2]


def test_an_object_of_no_class_is_refused() -> None:
    with pytest.raises(ValueError, match="'bus'"):
        class_numbers(labelled([[0, 0, 9, 9]], ("bus",)), CLASSES)


def test_kinds_are_told_from_labels_and_colours() -> None:
    grey = np.repeat(np.arange(64, dtype=np.uint8)[None, :, None], 3, axis=2).repeat(64, axis=0)
    assert kind_of(grey, 1) == "thermal"
    assert kind_of(colourful(64, 64), 1) == "colour"
    assert kind_of(colourful(64, 64), 0) == "empty"
