"""The annotated picture: what people look at before they decide.

The frame keeps its full resolution. Boxes take the colour of their category's group, a palette
that people with colour-blindness can tell apart (M. Okabe, K. Ito, "Color universal design",
2008); what a rule weighs as near a position is heavier and bears a plate with its place, its error
and its range.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from pipelines.assessment import Assessment, Provenance
from pipelines.frame_scale import FrameScale
from pipelines.grid_reference import mgrs
from pipelines.label_placement import Label, PlacedLabel, place_labels
from pipelines.lettering import line_height, printable, shorten, typeface
from pipelines.marginalia import Colour, FooterLine, framed
from pipelines.outcome import Outcome
from pipelines.outcome_words import outcome_sentence
from pipelines.positions import Position
from pipelines.proximity import Level, Sighting

MEDIA_TYPE = "image/jpeg"
_QUALITY = 88

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
_PLATE_SIGHTINGS = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class _Plate:
    """A label before it has a place."""

    index: int
    headline: str
    lines: tuple[str, ...]
    size_px: int
    level: Level | None

    @property
    def extent_px(self) -> tuple[float, float]:
        texts = (self.headline, *self.lines)
        widest = max(typeface(self.size_px).getlength(text) for text in texts)
        padding = 2 * _padding(self.size_px)
        return widest + padding, len(texts) * line_height(self.size_px) + padding


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
    picture = Image.fromarray(rgb)
    size_px = lettering_px(*picture.size)
    names = {position.position_id: position.display_name for position in positions}
    plates = _plates(assessment, names, size_px)
    left_out = _draw_detections(picture, assessment, plates, size_px)
    sheet = framed(
        picture,
        size_px=size_px,
        marking=provenance.marking,
        lines=footer_lines(provenance, assessment, left_out),
        scale=scale,
    )
    stream = io.BytesIO()
    sheet.save(stream, "JPEG", quality=_QUALITY)
    return stream.getvalue()


def lettering_px(width_px: int, height_px: int) -> int:
    """Size of the lettering: still legible when the frame is shown 1,280 pixels wide."""
    return max(12, round(max(width_px, height_px) / 96))


def footer_lines(
    provenance: Provenance, assessment: Assessment, left_out: int = 0
) -> list[FooterLine]:
    """What the footer says.

    Args:
        provenance: where the frame comes from.
        assessment: what is known of it.
        left_out: labels that found no room.
    """
    capture = assessment.capture
    time = (
        "time unknown"
        if capture.captured_at is None
        else f"{capture.captured_at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    )
    lines = [
        FooterLine(
            text=f"Mission {provenance.mission_id} · sortie {provenance.sortie_id} · {time}"
        ),
        FooterLine(text=_summary(assessment, left_out)),
        _place_line(assessment),
        FooterLine(
            text=f"Imagery {provenance.imagery_id} · {provenance.file_name} · "
            f"from {provenance.contributor}, pledge {provenance.pledge_id}",
            weight="faint",
        ),
        FooterLine(
            text=f"Model {assessment.detector.name} · {assessment.detector.engine} · "
            "machine detections, not confirmed by a person",
            weight="faint",
        ),
    ]
    return [line for line in lines if line.text]


def _summary(assessment: Assessment, left_out: int) -> str:
    levels = _levels(assessment.sightings)
    alerts = sum(level is Level.ALERT for level in levels.values())
    counts = [
        _count(alerts, "alert"),
        f"{len(levels) - alerts} possible",
        _count(len(assessment.detections), "detection"),
    ]
    if left_out:
        counts.append(f"{_count(left_out, 'label')} left out for room")
    return " · ".join(counts)


def _place_line(assessment: Assessment) -> FooterLine:
    outcome = assessment.capture.outcome
    if outcome is not Outcome.LOCATED:
        sentence = outcome_sentence(outcome)
        return FooterLine(text=f"This frame {sentence}", weight="warning")
    terrain = sorted({point.terrain for point in assessment.ground if point.terrain})
    placeless: dict[Outcome, int] = {}
    for point in assessment.ground:
        if point.outcome is not Outcome.LOCATED:
            placeless[point.outcome] = placeless.get(point.outcome, 0) + 1
    parts = [f"Ground from {', '.join(terrain)}"] if terrain else []
    parts += [
        f"{count} {outcome_sentence(outcome)}" for outcome, count in sorted(placeless.items())
    ]
    return FooterLine(text=" · ".join(parts), weight="warning" if placeless else "plain")


def _plates(assessment: Assessment, names: Mapping[str, str], size_px: int) -> list[_Plate]:
    """A plate for each detection, the weightiest first."""
    levels = _levels(assessment.sightings)
    plates: list[_Plate] = []
    for index, category in enumerate(assessment.categories):
        confidence = float(assessment.detections.confidence[index])
        level = levels.get(index)
        title = f"{category} {confidence:.2f}"
        sightings = [s for s in assessment.sightings if s.detection_index == index]
        plates.append(
            _Plate(
                index=index,
                headline=title if level is None else f"{level.value.upper()} · {title}",
                lines=() if level is None else _sighting_lines(sightings, names, size_px),
                size_px=max(10, round(size_px * 0.72)) if level is None else size_px,
                level=level,
            )
        )
    rank = {Level.ALERT: 0, Level.POSSIBLE: 1, None: 2}
    return sorted(
        plates,
        key=lambda plate: (
            rank[plate.level],
            -float(assessment.detections.confidence[plate.index]),
        ),
    )


def _sighting_lines(
    sightings: Sequence[Sighting], names: Mapping[str, str], size_px: int
) -> tuple[str, ...]:
    """Place, error, and range and bearing to each position, likeliest first."""
    ordered = sorted(sightings, key=lambda s: (s.level is not Level.ALERT, -s.probability))
    ground = ordered[0].ground
    lines: list[str] = []
    if ground.latitude_deg is not None and ground.longitude_deg is not None:
        lines += [
            f"{ground.latitude_deg:.5f}, {ground.longitude_deg:.5f}",
            mgrs(ground.latitude_deg, ground.longitude_deg),
        ]
    if ground.ce90_m is not None:
        risk = " · may be hidden ground" if ground.occlusion_risk else ""
        lines.append(f"CE90 {_distance(ground.ce90_m)} m{risk}")
    for sighting in ordered[:_PLATE_SIGHTINGS]:
        name = printable(names.get(sighting.position_id, sighting.position_id))
        interval = f"{_distance(sighting.range_low_m)} to {_distance(sighting.range_high_m)}"
        bearing = f"{round(sighting.bearing_deg) % 360:03d}°"
        lines += [
            f"{_distance(sighting.range_m)} m ({interval}), {bearing} from",
            shorten(name, size_px, 18 * size_px),
        ]
    hidden = len(ordered) - _PLATE_SIGHTINGS
    if hidden > 0:
        lines.append(f"and {_count(hidden, 'position')} more")
    return tuple(lines)


def _draw_detections(
    picture: Image.Image, assessment: Assessment, plates: Sequence[_Plate], size_px: int
) -> int:
    """Boxes, then labels over them; returns how many labels found no room."""
    draw = ImageDraw.Draw(picture)
    boxes = assessment.detections.xyxy.astype(np.float64)
    # The weightiest box is drawn last, over the others.
    for plate in reversed(plates):
        _box(draw, boxes[plate.index], assessment.categories[plate.index], plate.level, size_px)
    if not plates:
        return 0
    by_index = {plate.index: plate for plate in plates}
    labels = [
        Label(
            box=plate.index,
            width_px=plate.extent_px[0],
            height_px=plate.extent_px[1],
            required=plate.level is not None,
        )
        for plate in plates
    ]
    placed = place_labels(
        labels,
        boxes,
        width_px=picture.width,
        height_px=picture.height,
        gap_px=_line(size_px, Level.ALERT) + 1,
    )
    for place in placed:
        if place.leader:
            colour = group_colour(assessment.categories[place.label.box])
            _leader(draw, boxes[place.label.box], place, colour, size_px)
    for place in reversed(placed):
        plate = by_index[place.label.box]
        _plate(draw, plate, place, group_colour(assessment.categories[plate.index]))
    return len(plates) - len(placed)


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
    line = _line(size_px, level)
    edge = max(1, size_px // 24)
    left, top, right, bottom = (float(side) for side in box)
    outline = (left - line, top - line, right + line, bottom + line)
    if level is Level.ALERT:
        draw.rectangle(_grown(outline, 2 * edge), outline=_BLACK, width=3 * edge)
        draw.rectangle(_grown(outline, edge), outline=_WHITE, width=edge + line)
    else:
        draw.rectangle(_grown(outline, edge), outline=_BLACK, width=line + 2 * edge)
    draw.rectangle(outline, outline=group_colour(category), width=line)


def _plate(draw: ImageDraw.ImageDraw, plate: _Plate, place: PlacedLabel, colour: Colour) -> None:
    width, height = plate.extent_px
    left, top = place.x_px, place.y_px
    step, padding = line_height(plate.size_px), _padding(plate.size_px)
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


def _levels(sightings: Sequence[Sighting]) -> dict[int, Level]:
    """The highest level of each detection that has one."""
    levels: dict[int, Level] = {}
    for sighting in sightings:
        if levels.get(sighting.detection_index) is not Level.ALERT:
            levels[sighting.detection_index] = sighting.level
    return levels


def _line(size_px: int, level: Level | None) -> int:
    share = {Level.ALERT: 0.34, Level.POSSIBLE: 0.17, None: 0.1}[level]
    return max(1, round(size_px * share))


def _padding(size_px: int) -> int:
    return max(2, round(size_px * 0.3))


def _grown(
    box: tuple[float, float, float, float], by_px: float
) -> tuple[float, float, float, float]:
    return box[0] - by_px, box[1] - by_px, box[2] + by_px, box[3] + by_px


def _distance(metres: float) -> str:
    """Metres as people can use them: a decimal only where it means something."""
    return f"{metres:.1f}" if metres < 10.0 else f"{metres:.0f}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
