"""The annotated picture: what people look at before they decide.

The frame keeps its full resolution. Boxes take the colour of their category's group, a palette
that people with colour-blindness can tell apart (M. Okabe, K. Ito, "Color universal design",
2008); what a rule weighs as near a position is heavier and bears a plate with its place, its error
and its range.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from pipelines.assessment import Assessment, Provenance
from pipelines.products.footer import footer_lines
from pipelines.products.frame_scale import FrameScale
from pipelines.products.label_placement import Label, PlacedLabel, place_labels
from pipelines.products.lettering import line_height, typeface
from pipelines.products.marginalia import Colour, framed
from pipelines.products.plates import Plate, plates_of
from pipelines.threats.positions.position import Position
from pipelines.threats.proximity.weighing import Level

MEDIA_TYPE = "image/jpeg"
_QUALITY = 88
# Labels that are tried for room, the weightiest; finding room for n takes n times n steps, and a
# raster of gigapixels may show ten thousand objects.
_MOST_LABELS = 1_000
# Rows of the frame that are copied at a time.
_BAND = 256

_PERSON: Colour = (86, 180, 233)
_VEHICLE: Colour = (230, 159, 0)
_TWO_WHEELER: Colour = (0, 158, 115)
_OTHER: Colour = (204, 121, 167)
_CATEGORY_COLOURS: dict[str, Colour] = {
    "person": _PERSON,
    "car": _VEHICLE,
    "van": _VEHICLE,
    "truck": _VEHICLE,
    "bus": _VEHICLE,
    "vehicle": _VEHICLE,
    "two-wheeler": _TWO_WHEELER,
    "tricycle": _TWO_WHEELER,
}
_BLACK: Colour = (0, 0, 0)
_WHITE: Colour = (255, 255, 255)
_PLATE: Colour = (14, 16, 20)
_LEVEL_COLOURS: dict[Level, tuple[Colour, Colour]] = {
    # Background and ink of a plate's headline.
    Level.ALERT: ((200, 40, 0), _WHITE),
    Level.POSSIBLE: ((240, 228, 66), _BLACK),
}


def annotated_jpeg(
    rgb: NDArray[np.uint8],
    provenance: Provenance,
    assessment: Assessment,
    positions: Sequence[Position],
    scale: FrameScale | None,
) -> bytes:
    """The annotated picture of one frame as JPEG.

    Args:
        rgb: (height, width, 3) the frame.
        provenance: where it comes from.
        assessment: what is known of it; products in it are ignored.
        positions: the positions that sightings name.
        scale: scale and north; None where the frame cannot be located.
    """
    height_px, width_px = rgb.shape[:2]
    size_px = lettering_px(width_px, height_px)
    names = {position.position_id: position.display_name for position in positions}
    plates = plates_of(assessment, names, size_px)
    placed = _placed(assessment, plates, size_px, width_px, height_px)

    def paint(sheet: Image.Image, top: int) -> None:
        # In bands: Pillow takes four bytes a pixel, and the whole frame would be there twice.
        for row in range(0, height_px, _BAND):
            sheet.paste(Image.fromarray(rgb[row : row + _BAND]), (0, top + row))
        _draw_detections(sheet, assessment, plates, placed, size_px, top)

    sheet = framed(
        (width_px, height_px),
        paint,
        size_px=size_px,
        marking=provenance.marking,
        lines=footer_lines(provenance, assessment, len(plates) - len(placed)),
        scale=scale,
    )
    stream = io.BytesIO()
    sheet.save(stream, "JPEG", quality=_QUALITY)
    return stream.getvalue()


def lettering_px(width_px: int, height_px: int) -> int:
    """Size of the lettering: still legible when the frame is shown 1,280 pixels wide."""
    return max(12, round(max(width_px, height_px) / 96))


def _placed(
    assessment: Assessment, plates: Sequence[Plate], size_px: int, width_px: int, height_px: int
) -> Sequence[PlacedLabel]:
    """The labels that found room in the frame."""
    if not plates:
        return ()
    labels = [
        Label(
            box=plate.index,
            width_px=plate.extent_px[0],
            height_px=plate.extent_px[1],
            required=bool(plate.lines),
        )
        for plate in plates[:_MOST_LABELS]
    ]
    return place_labels(
        labels,
        assessment.detections.xyxy.astype(np.float64),
        width_px=width_px,
        height_px=height_px,
        gap_px=_line(size_px, Level.ALERT) + 1,
    )


def _draw_detections(
    sheet: Image.Image,
    assessment: Assessment,
    plates: Sequence[Plate],
    placed: Sequence[PlacedLabel],
    size_px: int,
    top: int,
) -> None:
    """Boxes, then labels over them, on a frame whose first row is the sheet's row `top`."""
    draw = ImageDraw.Draw(sheet)
    boxes = assessment.detections.xyxy.astype(np.float64) + np.array([0.0, top, 0.0, top])
    lowered = [replace(place, y_px=place.y_px + top) for place in placed]
    # The weightiest box is drawn last, over the others.
    for plate in reversed(plates):
        _box(draw, boxes[plate.index], assessment.categories[plate.index], plate.level, size_px)
    by_index = {plate.index: plate for plate in plates}
    for place in lowered:
        if place.leader:
            colour = group_colour(assessment.categories[place.label.box])
            _leader(draw, boxes[place.label.box], place, colour, size_px)
    for place in reversed(lowered):
        plate = by_index[place.label.box]
        _plate(draw, plate, place, group_colour(assessment.categories[plate.index]))


def group_colour(category: str) -> Colour:
    """The colour of a category: people, cars and larger, two- and three-wheelers, all else."""
    return _CATEGORY_COLOURS.get(category, _OTHER)


def _box(
    draw: ImageDraw.ImageDraw,
    box: NDArray[np.float64],
    category: str,
    level: Level | None,
    size_px: int,
) -> None:
    """A box in its colour between dark edges, so that it shows on any ground; around the object."""
    left, top, right, bottom = (float(side) for side in box)
    # In a crowd of small objects a full line would hide the neighbours.
    line = min(_line(size_px, level), max(2, round(0.15 * min(right - left, bottom - top))))
    edge = max(1, size_px // 24)
    outline = (left - line, top - line, right + line, bottom + line)
    if level is Level.ALERT:
        draw.rectangle(_grown(outline, 2 * edge), outline=_BLACK, width=3 * edge)
        draw.rectangle(_grown(outline, edge), outline=_WHITE, width=edge + line)
    else:
        draw.rectangle(_grown(outline, edge), outline=_BLACK, width=line + 2 * edge)
    draw.rectangle(outline, outline=group_colour(category), width=line)


def _plate(draw: ImageDraw.ImageDraw, plate: Plate, place: PlacedLabel, colour: Colour) -> None:
    width, height = plate.extent_px
    left, top = place.x_px, place.y_px
    step, padding = line_height(plate.size_px), plate.padding_px
    font = typeface(plate.size_px)
    draw.rectangle((left, top, left + width, top + height), fill=_PLATE)
    ink = _WHITE
    if plate.level is not None:
        background, ink = _LEVEL_COLOURS[plate.level]
        draw.rectangle((left, top, left + width, top + step + padding * 0.5), fill=background)
    draw.rectangle(
        (left, top, left + width, top + height), outline=colour, width=max(1, plate.size_px // 12)
    )
    draw.text(
        (left + padding, top + padding),
        plate.headline,
        font=font,
        fill=ink,
        stroke_width=plate.size_px * 0.02 if plate.level is not None else 0,
        stroke_fill=ink,
    )
    for number, line in enumerate(plate.lines, start=1):
        draw.text((left + padding, top + padding + number * step), line, font=font, fill=_WHITE)


def _leader(
    draw: ImageDraw.ImageDraw,
    box: NDArray[np.float64],
    place: PlacedLabel,
    colour: Colour,
    size_px: int,
) -> None:
    """A line from the nearest point of the box to the nearest point of its label."""
    left, top = place.x_px, place.y_px
    right, bottom = left + place.label.width_px, top + place.label.height_px
    middle = (float(np.clip((box[0] + box[2]) / 2, left, right)), (top + bottom) / 2)
    start = (
        float(np.clip(middle[0], box[0], box[2])),
        float(np.clip(middle[1], box[1], box[3])),
    )
    end = (float(np.clip(start[0], left, right)), float(np.clip(start[1], top, bottom)))
    line = max(2, size_px // 10)
    draw.line([start, end], fill=_BLACK, width=line * 2)
    draw.line([start, end], fill=colour, width=line)


def _line(size_px: int, level: Level | None) -> int:
    share = {Level.ALERT: 0.34, Level.POSSIBLE: 0.17, None: 0.1}[level]
    return max(1, round(size_px * share))


def _grown(
    box: tuple[float, float, float, float], by_px: float
) -> tuple[float, float, float, float]:
    return box[0] - by_px, box[1] - by_px, box[2] + by_px, box[3] + by_px
