"""The annotated picture, read as an operator would: by colour, weight and words."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from models.detections import Detections
from pipelines.assessment import Assessment
from pipelines.products.annotate import annotated_jpeg, group_colour, lettering_px
from pipelines.products.frame_scale import frame_scale
from pipelines.threats.proximity.weighing import Level
from tests.pipelines.analytic_frame import Seen, seen_frame

BANNER_PX = 22


def _jpeg(seen: Seen) -> bytes:
    scale = (
        frame_scale(seen.view, 800, 600) if seen.assessment.footprint_lonlat is not None else None
    )
    return annotated_jpeg(seen.rgb, seen.provenance, seen.assessment, seen.positions, scale)


def _frame(jpeg: bytes) -> NDArray[np.int64]:
    """The part of the picture that is the frame."""
    picture = np.asarray(Image.open(io.BytesIO(jpeg)).convert("RGB")).astype(np.int64)
    return picture[BANNER_PX : BANNER_PX + 600]


def _changed(seen: Seen) -> NDArray[np.bool_]:
    changed: NDArray[np.bool_] = np.abs(_frame(_jpeg(seen)) - seen.rgb).max(axis=2) > 48
    return changed


def test_full_resolution_and_same_bytes() -> None:
    jpeg = _jpeg(seen_frame())
    picture = Image.open(io.BytesIO(jpeg))
    assert picture.width == 800
    assert picture.height > 600
    assert jpeg == _jpeg(seen_frame())


def test_objects_themselves_stay_uncovered() -> None:
    changed = _changed(seen_frame())
    for left, top, right, bottom in seen_frame().assessment.detections.xyxy.astype(int):
        inner = changed[top + 4 : bottom - 4, left + 4 : right - 4]
        assert inner.mean() < 0.02, "no plate and no line over what is to be looked at"


def test_weight_of_the_box_tells_alert_from_possible_from_neither() -> None:
    changed = _changed(seen_frame())
    widths = []
    for left, top, right, bottom in seen_frame().assessment.detections.xyxy.astype(int):
        row = changed[(top + bottom) // 2, :left][::-1]
        widths.append(int(np.argmin(row)))
        assert right > left
    assert widths[0] > widths[1] > widths[2] >= 1


def test_colours_of_the_groups_differ_for_the_colour_blind() -> None:
    colours = [group_colour(name) for name in ("person", "car", "two-wheeler", "boat")]
    # Brightness apart from hue: what is left to somebody who sees no colour, and blue against
    # yellow, which red-green blindness leaves.
    for index, one in enumerate(colours):
        for other in colours[:index]:
            luma = abs(np.dot((0.299, 0.587, 0.114), np.subtract(one, other)))
            blue = abs((one[2] - other[2]) - (one[0] + one[1] - other[0] - other[1]) / 2)
            assert luma > 25 or blue > 60
    assert group_colour("truck") == group_colour("car")


def _crowd(count: int) -> Assessment:
    """A frame full of people, two of them near a position."""
    seen = seen_frame()
    drawn = np.random.default_rng(3)
    corner = drawn.uniform((0, 0), (780, 570), (count, 2))
    confidence = np.sort(drawn.uniform(0.25, 0.9, count))[::-1].astype(np.float32)
    boxes = np.hstack([corner, corner + np.array([14, 26])]).astype(np.float32)
    return replace(
        seen.assessment,
        detections=Detections(
            xyxy=boxes, confidence=confidence, class_id=np.zeros(count, np.int32)
        ),
        categories=("person",) * count,
        ground=seen.assessment.ground[:1] * count,
    )


def test_a_crowd_is_drawn_and_says_how_many_labels_found_no_room() -> None:
    seen = seen_frame()
    assessment = _crowd(400)
    jpeg = annotated_jpeg(seen.rgb, seen.provenance, assessment, seen.positions, None)
    assert Image.open(io.BytesIO(jpeg)).width == 800
    assert [s.level for s in assessment.sightings] == [Level.ALERT, Level.POSSIBLE]


@pytest.mark.parametrize(("width", "height"), [(640, 512), (4000, 3000), (416, 416)])
def test_lettering_is_legible_on_a_screen_1280_wide(width: int, height: int) -> None:
    size = lettering_px(width, height)
    shown = size * min(1.0, 1280 / width)
    assert shown >= 12


def test_no_detections_is_a_picture_too() -> None:
    seen = seen_frame()
    assessment = replace(
        seen.assessment, detections=Detections.empty(), categories=(), ground=(), sightings=()
    )
    jpeg = annotated_jpeg(seen.rgb, seen.provenance, assessment, seen.positions, None)
    # But for the rows where JPEG's coarser colour mixes in the banner.
    assert np.abs(_frame(jpeg) - seen.rgb)[16:-16].max() < 12
