"""What stands around an annotated picture: marking banners, footer, scale bar, north arrow.

All of it stands outside the frame, so that nothing of the ground is covered.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image, ImageDraw

from pipelines.products.frame_scale import FrameScale
from pipelines.products.lettering import line_height, printable, typeface, wrap

Colour = tuple[int, int, int]

_PAPER: Colour = (16, 18, 22)
_INK: Colour = (240, 240, 240)
_FAINT: Colour = (176, 182, 190)
_WARNING: Colour = (240, 228, 66)
# Banner colours of the markings; any other marking stands on black.
_MARKING_COLOURS: dict[str, Colour] = {
    "UNCLASSIFIED": (0, 92, 52),
    "CONFIDENTIAL": (0, 60, 140),
    "STRICTLY CONFIDENTIAL": (160, 20, 20),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class FooterLine:
    """One line of the footer.

    Attributes:
        text: what it says.
        weight: "plain", "faint" or "warning".
    """

    text: str
    weight: str = "plain"


@dataclass(frozen=True, kw_only=True, slots=True)
class ScaleBar:
    """A scale bar of a round length.

    Attributes:
        length_m: what it stands for.
        length_px: how long it is drawn.
    """

    length_m: float
    length_px: float


def scale_bar(gsd_m: float, longest_px: float) -> ScaleBar:
    """The longest bar of 1, 2 or 5 times a power of ten that fits.

    Args:
        gsd_m: ground distance of one pixel, metres.
        longest_px: room for the bar, pixels.
    """
    longest_m = gsd_m * longest_px
    power = 10.0 ** math.floor(math.log10(longest_m))
    length_m = max(
        step * power for step in (1.0, 2.0, 5.0) if step * power <= longest_m * (1 + 1e-9)
    )
    return ScaleBar(length_m=length_m, length_px=length_m / gsd_m)


def framed(
    size: tuple[int, int],
    paint: Callable[[Image.Image, int], None],
    *,
    size_px: int,
    marking: str,
    lines: list[FooterLine],
    scale: FrameScale | None,
) -> Image.Image:
    """A picture between its banners, with the footer below it.

    Args:
        size: width and height of the picture, pixels.
        paint: paints the picture onto the sheet from a row on, so that it is never there twice;
            what it paints above and below is covered.
        size_px: size of the lettering.
        marking: text of both banners.
        lines: the footer.
        scale: for the scale bar and the north arrow; None draws neither.
    """
    width, height = size
    margin = size_px
    arrow_px = size_px * 5
    bar = None if scale is None else scale_bar(scale.gsd_m, min(width * 0.22, 24 * size_px))
    aside_px = 0.0 if bar is None else arrow_px + 2 * margin + max(bar.length_px, 9 * size_px)
    # On a narrow picture scale and arrow get a row of their own.
    beside = width - 3 * margin - aside_px >= 24 * size_px
    text_width = width - 2 * margin - (aside_px + margin if beside else 0)
    wrapped = [
        FooterLine(text=part, weight=line.weight)
        for line in lines
        for part in wrap(printable(line.text), size_px, text_width)
    ]
    banner_px = round(size_px * 1.8)
    text_px = len(wrapped) * line_height(size_px)
    aside_height = arrow_px if bar is not None else 0
    inner_px = max(text_px, aside_height) if beside else text_px + aside_height + margin
    footer_px = inner_px + 2 * margin
    sheet = Image.new("RGB", (width, height + 2 * banner_px + footer_px), _PAPER)
    paint(sheet, banner_px)
    draw = ImageDraw.Draw(sheet)
    footer_top = banner_px + height
    draw.rectangle((0, footer_top, width, sheet.height), fill=_PAPER)
    for top in (0, sheet.height - banner_px):
        _banner(draw, (0, top, width, top + banner_px), marking, size_px)
    _text_lines(draw, wrapped, margin, footer_top + margin, size_px)
    if scale is not None and bar is not None:
        aside_top = footer_top + margin + (0 if beside else text_px + margin)
        centre_y = aside_top + (inner_px if beside else aside_height) / 2
        _north_arrow(
            draw, (width - margin - arrow_px / 2, centre_y), arrow_px / 2, scale.north_deg, size_px
        )
        bar_right = width - 2 * margin - arrow_px
        _bar(draw, bar, scale, (bar_right, centre_y), size_px)
    return sheet


def _banner(
    draw: ImageDraw.ImageDraw, box: tuple[int, int, int, int], marking: str, size_px: int
) -> None:
    # Its last row is the one above the end: the next is the picture's.
    draw.rectangle((*box[:3], box[3] - 1), fill=_MARKING_COLOURS.get(marking, (0, 0, 0)))
    draw.text(
        ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2),
        printable(marking),
        font=typeface(round(size_px * 1.15)),
        fill=(255, 255, 255),
        anchor="mm",
        stroke_width=size_px * 0.02,
    )


def _text_lines(
    draw: ImageDraw.ImageDraw, lines: list[FooterLine], left: int, top: int, size_px: int
) -> None:
    inks = {"plain": _INK, "faint": _FAINT, "warning": _WARNING}
    for number, line in enumerate(lines):
        draw.text(
            (left, top + number * line_height(size_px)),
            line.text,
            font=typeface(size_px),
            fill=inks[line.weight],
            stroke_width=size_px * 0.02 if line.weight == "warning" else 0,
        )


def _north_arrow(
    draw: ImageDraw.ImageDraw,
    centre: tuple[float, float],
    radius_px: float,
    north_deg: float,
    size_px: int,
) -> None:
    """A needle that points where true north is in the picture, and its letter."""
    turn = math.radians(north_deg)
    ahead = (math.sin(turn), -math.cos(turn))
    aside = (math.cos(turn), math.sin(turn))

    def at(forward: float, sideways: float) -> tuple[float, float]:
        return (
            centre[0] + radius_px * (forward * ahead[0] + sideways * aside[0]),
            centre[1] + radius_px * (forward * ahead[1] + sideways * aside[1]),
        )

    line = max(1, size_px // 14)
    draw.ellipse(
        (
            centre[0] - radius_px,
            centre[1] - radius_px,
            centre[0] + radius_px,
            centre[1] + radius_px,
        ),
        outline=_FAINT,
        width=line,
    )
    draw.polygon([at(0.56, 0.0), at(-0.75, -0.4), at(-0.45, 0.0)], fill=_INK)
    draw.polygon([at(0.56, 0.0), at(-0.75, 0.4), at(-0.45, 0.0)], fill=(90, 96, 104))
    draw.line([at(0.56, 0.0), at(-0.75, 0.4), at(-0.45, 0.0)], fill=_INK, width=line)
    draw.text(at(0.78, 0.0), "N", font=typeface(size_px), fill=_INK, anchor="mm")


def _bar(
    draw: ImageDraw.ImageDraw,
    bar: ScaleBar,
    scale: FrameScale,
    right_middle: tuple[float, float],
    size_px: int,
) -> None:
    """Two halves, light and dark, with the length above and the validity below."""
    right, middle = right_middle
    left = right - bar.length_px
    thick = max(3, round(size_px * 0.32))
    line = max(1, size_px // 14)
    top = middle - thick / 2
    half = (left + right) / 2
    draw.rectangle((left, top, right, top + thick), fill=_PAPER, outline=_INK, width=line)
    draw.rectangle((left, top, half, top + thick), fill=_INK)
    draw.text(
        (right, top - size_px * 0.35),
        f"{bar.length_m:g} m",
        font=typeface(size_px),
        fill=_INK,
        anchor="rs",
    )
    draw.text(
        (right, top + thick + size_px * 0.35),
        _validity(scale),
        font=typeface(round(size_px * 0.85)),
        fill=_FAINT,
        anchor="ra",
    )


def _validity(scale: FrameScale) -> str:
    gsd = f"{scale.gsd_m * 100:.1f} cm/px" if scale.gsd_m < 1.0 else f"{scale.gsd_m:.1f} m/px"
    if not scale.at_centre:
        return f"{gsd}, low in frame"
    return f"{gsd}, at centre" if scale.oblique else gsd
