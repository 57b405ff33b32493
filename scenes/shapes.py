"""Vehicles and people as small faceted bodies.

A body stands on the ground at its own origin, x forward, y left, z up, in metres. It is a stack of
lofts: rounded outlines one above the other, closed by a lid, each seen from above after the one
below it; so a painter who draws them in order never needs to cut facets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Colour = tuple[float, float, float]

GLASS: Colour = (38, 46, 54)
RUBBER: Colour = (26, 26, 27)
TRIM: Colour = (48, 48, 50)
LAMP: Colour = (236, 236, 226)
TAIL_LAMP: Colour = (150, 24, 22)
SKIN: Colour = (150, 108, 84)

_CORNER_POINTS = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Facet:
    """One flat polygon, wound so that its normal points outwards.

    Attributes:
        points_m: (K, 3) corners.
        colour: RGB, 0 to 255, in full daylight.
        glossy: mirrors some of the sky.
    """

    points_m: NDArray[np.float64]
    colour: Colour
    glossy: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """Facets of one convex piece and the marks on them, drawn after the facets."""

    facets: tuple[Facet, ...]
    marks: tuple[Facet, ...] = ()

    @property
    def points_m(self) -> NDArray[np.float64]:
        """(K, 3) all corners; marks count, for wheels reach lower than the skin."""
        return np.concatenate([facet.points_m for facet in (*self.facets, *self.marks)])


@dataclass(frozen=True, kw_only=True, slots=True)
class Body:
    """Parts from the ground up."""

    parts: tuple[Part, ...]

    @property
    def points_m(self) -> NDArray[np.float64]:
        """(K, 3) all corners; their projection is the silhouette's outline."""
        return np.concatenate([part.points_m for part in self.parts])


@dataclass(frozen=True, slots=True)
class Outline:
    """One rounded rectangle of a loft, from x_back to x_front and y -half to +half, at height z."""

    x_back: float
    x_front: float
    half: float
    z: float
    corner: float = 0.25
    y_shift: float = 0.0

    def points(self) -> NDArray[np.float64]:
        """(K, 3) counter-clockwise seen from above."""
        radius = min(self.corner, self.half, (self.x_front - self.x_back) / 2)
        corners = [
            (self.x_front - radius, self.half - radius, 0.0),
            (self.x_back + radius, self.half - radius, 90.0),
            (self.x_back + radius, -self.half + radius, 180.0),
            (self.x_front - radius, -self.half + radius, 270.0),
        ]
        rows = []
        for x, y, start in corners:
            angles = np.radians(start + np.linspace(0.0, 90.0, _CORNER_POINTS))
            rows.append(
                np.stack(
                    [
                        x + radius * np.cos(angles),
                        y + radius * np.sin(angles) + self.y_shift,
                        np.full(_CORNER_POINTS, self.z),
                    ],
                    axis=1,
                )
            )
        return np.concatenate(rows)

    def end_at(self, y: float, end: float) -> float:
        """Where the front (end 1) or the back (end -1) lies on x, y off the middle line."""
        radius = min(self.corner, self.half, (self.x_front - self.x_back) / 2)
        into = max(0.0, y - (self.half - radius))
        rounded = radius - float(np.sqrt(max(0.0, radius**2 - into**2)))
        return self.x_front - rounded if end > 0 else self.x_back + rounded


def loft(
    outlines: Sequence[Outline],
    side: Colour,
    lid: Colour,
    *,
    marks: Sequence[Facet] = (),
    glossy: bool = False,
) -> Part:
    """The skin over outlines given from the lowest up, closed on top."""
    rings = [outline.points() for outline in outlines]
    facets = []
    for low, high in pairwise(rings):
        for index in range(len(low)):
            after = (index + 1) % len(low)
            quad = np.stack([low[index], low[after], high[after], high[index]])
            facets.append(Facet(points_m=quad, colour=side, glossy=glossy))
    facets.append(Facet(points_m=rings[-1], colour=lid, glossy=glossy))
    return Part(facets=tuple(facets), marks=tuple(marks))


def plate(corners: Sequence[tuple[float, float, float]], colour: Colour) -> Facet:
    """A mark: a flat polygon of three or more corners, counter-clockwise from outside."""
    return Facet(points_m=np.array(corners, np.float64), colour=colour)


def _darker(colour: Colour) -> Colour:
    """A seam or a rib in a colour."""
    red, green, blue = colour
    return 0.8 * red, 0.8 * green, 0.8 * blue


def _wheels(axles: Sequence[float], half: float, radius: float) -> list[Facet]:
    """Tyres with hubs as discs on both flanks."""
    marks = []
    angles = np.linspace(0.0, 2 * np.pi, 14, endpoint=False)
    for axle in axles:
        for flank in (-1.0, 1.0):
            for size, colour in ((1.0, RUBBER), (0.55, (120.0, 122.0, 125.0))):
                ring = np.stack(
                    [
                        axle + size * radius * np.cos(angles),
                        np.full_like(angles, flank * (half + 0.01)),
                        radius + size * radius * np.sin(angles),
                    ],
                    axis=1,
                )
                # Counter-clockwise from outside: the left flank is seen mirrored.
                marks.append(Facet(points_m=ring[::-1] if flank > 0 else ring, colour=colour))
    return marks


def _lamps(outline: Outline, low: float, high: float) -> list[Facet]:
    """Head and tail lamps, wrapped around the four corners of an outline."""
    marks = []
    inner, outer = 0.5 * outline.half, 0.86 * outline.half
    for end, colour in ((1.0, LAMP), (-1.0, TAIL_LAMP)):
        for flank in (1.0, -1.0):
            near = (outline.end_at(inner, end) + 0.01 * end, flank * inner)
            far = (outline.end_at(outer, end) + 0.01 * end, flank * outer)
            # Counter-clockwise from outside: from the right to the left as one faces the lamp.
            first, second = (near, far) if end * flank > 0 else (far, near)
            marks.append(
                plate(
                    [(*first, low), (*second, low), (*second, high), (*first, high)],
                    colour,
                )
            )
    return marks


def _pane(low: Outline, high: Outline, side: str, inset: float) -> Facet:
    """A pillar-framed side window on a cabin between two outlines."""
    sign = 1.0 if side == "left" else -1.0
    span_low = (low.x_back + inset * 1.4, low.x_front - inset * 1.4)
    span_high = (high.x_back + inset, high.x_front - inset)
    rise = high.z - low.z
    z_low, z_high = low.z + 0.12 * rise, high.z - 0.1 * rise
    y_low = sign * (low.half + (high.half - low.half) * 0.12 + 0.005)
    y_high = sign * (low.half + (high.half - low.half) * 0.9 + 0.005)
    corners = [
        (span_low[0], y_low, z_low),
        (span_low[1], y_low, z_low),
        (span_high[1], y_high, z_high),
        (span_high[0], y_high, z_high),
    ]
    return plate(corners[::-1] if sign > 0 else corners, GLASS)


def _screen(low: Outline, high: Outline, end: str) -> Facet:
    """A windscreen or rear window on a cabin between two outlines."""
    forward = end == "front"
    x_low, x_high = (low.x_front, high.x_front) if forward else (low.x_back, high.x_back)
    slack = 0.012 if forward else -0.012
    y_low, y_high = low.half * 0.86, high.half * 0.84
    rise, run = high.z - low.z, x_high - x_low
    at = [(0.08, y_low), (0.94, y_high)]
    (f_low, y_a), (f_high, y_b) = at
    corners = [
        (x_low + run * f_low + slack, -y_a, low.z + rise * f_low),
        (x_low + run * f_low + slack, y_a, low.z + rise * f_low),
        (x_low + run * f_high + slack, y_b, low.z + rise * f_high),
        (x_low + run * f_high + slack, -y_b, low.z + rise * f_high),
    ]
    return plate(corners if forward else corners[::-1], GLASS)


def car(paint: Colour) -> Body:
    """A four-door hatchback or saloon, 4.5 m long, 1.8 m wide, 1.47 m high."""
    half, back, front = 0.9, -2.2, 2.3
    lower = loft(
        [
            Outline(back + 0.1, front - 0.12, half - 0.08, 0.18, 0.45),
            Outline(back, front, half, 0.48, 0.5),
            Outline(back + 0.03, front - 0.08, half, 0.72, 0.5),
            Outline(back + 0.12, front - 0.3, half - 0.09, 0.92, 0.45),
        ],
        paint,
        paint,
        glossy=True,
        marks=[
            *_wheels((-1.35, 1.4), half - 0.01, 0.33),
            *_lamps(Outline(back + 0.03, front - 0.06, half, 0.7, 0.5), 0.56, 0.72),
            plate(
                [(0.98, -0.7, 0.925), (1.02, -0.7, 0.925), (1.02, 0.7, 0.925), (0.98, 0.7, 0.925)],
                TRIM,
            ),
        ],
    )
    base, eaves = Outline(-1.95, 1.05, 0.79, 0.9, 0.25), Outline(-1.35, 0.3, 0.63, 1.38, 0.25)
    cabin = loft(
        [base, eaves, Outline(-1.2, 0.18, 0.56, 1.47, 0.25)],
        paint,
        paint,
        glossy=True,
        marks=[
            _pane(base, eaves, "left", 0.2),
            _pane(base, eaves, "right", 0.2),
            _screen(base, eaves, "front"),
            _screen(base, eaves, "back"),
        ],
    )
    return Body(parts=(lower, cabin))


def van(paint: Colour) -> Body:
    """A panel van, 5.4 m long, 2.0 m wide, 2.35 m high."""
    half, back, front = 1.0, -2.7, 2.7
    lower = loft(
        [
            Outline(back + 0.05, front - 0.15, half - 0.07, 0.22, 0.35),
            Outline(back, front, half, 0.5, 0.4),
            Outline(back, front - 0.1, half, 0.95, 0.4),
            Outline(back + 0.02, front - 0.35, half - 0.03, 1.15, 0.35),
        ],
        paint,
        paint,
        glossy=True,
        marks=[
            *_wheels((-1.75, 1.75), half - 0.01, 0.36),
            *_lamps(Outline(back, front - 0.08, half, 0.9, 0.4), 0.65, 0.85),
        ],
    )
    base, eaves = (
        Outline(back + 0.02, 2.2, 0.96, 1.13, 0.2),
        Outline(back + 0.06, 1.35, 0.84, 2.2, 0.22),
    )
    front_base, front_eaves = (
        Outline(0.9, 2.2, 0.96, 1.13, 0.2),
        Outline(0.6, 1.35, 0.84, 2.1, 0.22),
    )
    ribs = [
        plate(
            [
                (x, -0.72, 2.355),
                (x + 0.05, -0.72, 2.355),
                (x + 0.05, 0.72, 2.355),
                (x, 0.72, 2.355),
            ],
            _darker(paint),
        )
        for x in (-2.0, -1.2, -0.4)
    ]
    box = loft(
        [base, eaves, Outline(back + 0.15, 1.1, 0.76, 2.35, 0.25)],
        paint,
        paint,
        marks=[
            _pane(front_base, front_eaves, "left", 0.15),
            _pane(front_base, front_eaves, "right", 0.15),
            _screen(base, eaves, "front"),
            *ribs,
        ],
    )
    return Body(parts=(lower, box))


def truck(paint: Colour, load: Colour) -> Body:
    """A lorry with a covered bed, 8.2 m long, 2.5 m wide, 3.2 m high."""
    half, back, front = 1.22, -4.2, 4.0
    frame = loft(
        [
            Outline(back, front - 0.1, half - 0.25, 0.55, 0.1),
            Outline(back, front - 0.1, half - 0.2, 1.0, 0.1),
        ],
        TRIM,
        TRIM,
        marks=_wheels((-3.0, -1.8, 2.9), half - 0.2, 0.5),
    )
    base, eaves = (
        Outline(2.0, front, half - 0.04, 1.5, 0.2),
        Outline(2.05, front - 0.3, half - 0.12, 2.5, 0.2),
    )
    cab = loft(
        [
            Outline(2.0, front - 0.03, half - 0.06, 0.55, 0.2),
            Outline(2.0, front, half - 0.04, 1.5, 0.2),
            eaves,
            Outline(2.1, front - 0.5, half - 0.2, 2.65, 0.25),
        ],
        paint,
        paint,
        glossy=True,
        marks=[
            _screen(base, eaves, "front"),
            _pane(base, eaves, "left", 0.25),
            _pane(base, eaves, "right", 0.25),
            *_lamps(Outline(back, front, half - 0.04, 1.0, 0.2), 0.75, 1.0),
        ],
    )
    seams = [
        plate(
            [(x, -1.1, 3.205), (x + 0.06, -1.1, 3.205), (x + 0.06, 1.1, 3.205), (x, 1.1, 3.205)],
            _darker(load),
        )
        for x in (-3.2, -2.2, -1.2, -0.2, 0.8)
    ]
    bed = loft(
        [
            Outline(back, 1.85, half, 1.0, 0.06),
            Outline(back, 1.85, half, 2.9, 0.06),
            Outline(back + 0.05, 1.8, half - 0.12, 3.2, 0.1),
        ],
        load,
        load,
        marks=seams,
    )
    return Body(parts=(frame, bed, cab))


def person(shirt: Colour, trousers: Colour) -> Body:
    """A standing adult, 1.76 m high."""
    legs = [
        loft(
            [
                Outline(-0.1 + stride, 0.18 + stride, 0.07, 0.0, 0.07, side),
                Outline(-0.09 + stride / 2, 0.09 + stride / 2, 0.08, 0.45, 0.08, side),
                Outline(-0.1, 0.1, 0.1, 0.88, 0.1, side * 0.9),
            ],
            trousers,
            trousers,
        )
        for side, stride in ((0.11, 0.14), (-0.11, -0.12))
    ]
    arms = [
        loft(
            [
                Outline(-0.07 - swing, 0.05 - swing, 0.05, 0.78, 0.05, side),
                Outline(-0.06, 0.06, 0.06, 1.42, 0.06, side * 0.92),
            ],
            shirt,
            shirt,
        )
        for side, swing in ((0.29, 0.1), (-0.29, -0.12))
    ]
    torso = loft(
        [
            Outline(-0.12, 0.12, 0.17, 0.85, 0.12),
            Outline(-0.13, 0.13, 0.22, 1.3, 0.12),
            Outline(-0.1, 0.1, 0.2, 1.46, 0.1),
            Outline(-0.06, 0.06, 0.07, 1.52, 0.06),
        ],
        shirt,
        shirt,
    )
    hair: Colour = (34, 28, 24)
    head = loft(
        [
            Outline(-0.06, 0.06, 0.06, 1.5, 0.06),
            Outline(-0.1, 0.1, 0.08, 1.6, 0.08),
            Outline(-0.1, 0.09, 0.075, 1.7, 0.075),
            Outline(-0.05, 0.04, 0.04, 1.76, 0.04),
        ],
        SKIN,
        hair,
    )
    return Body(parts=(*legs, *arms, torso, head))


@dataclass(frozen=True, kw_only=True, slots=True)
class Palette:
    """Colours that bodies are painted in."""

    vehicles: tuple[Colour, ...] = field(
        default=(
            (226, 227, 224),
            (28, 29, 32),
            (168, 172, 176),
            (152, 30, 28),
            (34, 60, 118),
            (236, 236, 232),
        )
    )
    loads: tuple[Colour, ...] = ((86, 96, 72), (196, 192, 180), (60, 84, 120))
    shirts: tuple[Colour, ...] = ((196, 60, 48), (232, 230, 222), (44, 72, 130), (40, 40, 44))
    trousers: tuple[Colour, ...] = ((44, 48, 62), (70, 62, 52), (34, 34, 36))
