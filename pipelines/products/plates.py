"""What the plate beside each detection says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from models.wording import counted
from pipelines.assessment import Assessment
from pipelines.products.grid_reference import mgrs
from pipelines.products.lettering import line_height, printable, shorten, typeface
from pipelines.threats.proximity.weighing import Level, Sighting
from pipelines.threats.rules.sentence import unknown_place

_FULL = 8
"""Plates with place and error; in a crowd the rest say the range alone, or they hid the frame."""

_SIGHTINGS = 3
"""Positions that one plate names; more are counted."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Plate:
    """The words beside one detection, before they have a place.

    Attributes:
        index: of the detection.
        headline: level, category and confidence.
        lines: place, error, range and bearing; empty for what is near no position and in a crowd.
        size_px: size of the lettering.
        level: how near to a position; None for what is near none.
    """

    index: int
    headline: str
    lines: tuple[str, ...]
    size_px: int
    level: Level | None

    @property
    def extent_px(self) -> tuple[float, float]:
        """Width and height."""
        texts = (self.headline, *self.lines)
        widest = max(typeface(self.size_px).getlength(text) for text in texts)
        padding = 2 * self.padding_px
        return widest + padding, len(texts) * line_height(self.size_px) + padding

    @property
    def padding_px(self) -> int:
        """Between edge and words."""
        return max(2, round(self.size_px * 0.3))


def plates_of(assessment: Assessment, names: Mapping[str, str], size_px: int) -> list[Plate]:
    """A plate for each detection, the weightiest first.

    Args:
        assessment: what is known of the frame.
        names: display names of positions, by identifier.
        size_px: lettering of what is near a position; the rest is smaller.
    """
    levels = highest_levels(assessment.sightings)
    confidence = assessment.detections.confidence
    near: dict[int, list[Sighting]] = {}
    for sighting in assessment.sightings:
        near.setdefault(sighting.detection_index, []).append(sighting)
    rank = {Level.ALERT: 0, Level.POSSIBLE: 1, None: 2}
    order = sorted(
        range(len(assessment.categories)),
        key=lambda index: (rank[levels.get(index)], -float(confidence[index])),
    )
    plates: list[Plate] = []
    for place, index in enumerate(order):
        level = levels.get(index)
        headline = f"{assessment.categories[index]} {confidence[index]:.2f}"
        lines: tuple[str, ...] = ()
        if level is not None:
            headline = f"{level.value.upper()} · {headline}"
            if place < _FULL:
                lines = _sighting_lines(near[index], names, size_px)
            else:
                headline += _nearest(near[index])
        small_px = max(10, round(size_px * 0.72))
        plates.append(
            Plate(
                index=index,
                headline=headline,
                lines=lines,
                size_px=size_px if lines else small_px,
                level=level,
            )
        )
    return plates


def _sighting_lines(
    sightings: Sequence[Sighting], names: Mapping[str, str], size_px: int
) -> tuple[str, ...]:
    """Place, error, and range and bearing to each position, likeliest first.

    Where several rules meet one position the likeliest speaks: the range is the same for all.
    """
    ordered = likeliest_of_each(sightings)
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
    for sighting in ordered[:_SIGHTINGS]:
        name = printable(names.get(sighting.position_id, sighting.position_id))
        shown = shorten(name, size_px, 18 * size_px)
        if sighting.position_unknown:
            lines += ["perhaps near", shown, *_unknown_lines(sighting)]
            continue
        interval = f"{_distance(sighting.range_low_m)} to {_distance(sighting.range_high_m)}"
        bearing = f"{round(sighting.bearing_deg) % 360:03d}°"
        away = f"{_distance(sighting.range_m)} m ({interval}), {bearing} from"
        lines += ["inside" if sighting.inside else away, shown]
    hidden = len(ordered) - _SIGHTINGS
    if hidden > 0:
        lines.append(f"and {counted(hidden, 'position')} more")
    return tuple(lines)


def _unknown_lines(sighting: Sighting) -> list[str]:
    """That its place is not known, and since when, in lines as short as the others."""
    return unknown_place(sighting).split(", ")


def likeliest_of_each(sightings: Sequence[Sighting]) -> list[Sighting]:
    """One sighting of each position, alerts and then the likeliest first."""
    found: dict[str, Sighting] = {}
    for sighting in sorted(sightings, key=lambda s: (-s.level.rank, -s.probability)):
        found.setdefault(sighting.position_id, sighting)
    return list(found.values())


def _nearest(sightings: Sequence[Sighting]) -> str:
    """The least range from a position whose place is known; empty without one."""
    known = [sighting.range_m for sighting in sightings if not sighting.position_unknown]
    return f" · {_distance(min(known))} m" if known else " · place of position not known"


def highest_levels(sightings: Sequence[Sighting]) -> dict[int, Level]:
    """The highest level of each detection that has one."""
    levels: dict[int, Level] = {}
    for sighting in sightings:
        if levels.get(sighting.detection_index) is not Level.ALERT:
            levels[sighting.detection_index] = sighting.level
    return levels


def _distance(metres: float) -> str:
    """Metres as people can use them: a decimal only where it means something."""
    return f"{metres:.1f}" if metres < 10.0 else f"{metres:.0f}"
