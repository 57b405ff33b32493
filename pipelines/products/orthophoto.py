"""The frame laid out on the ground as a GeoTIFF that maps show as it is, plain and annotated.

The grid is that of web maps (EPSG:3857, tiles of 256 pixels): a viewer cuts its tiles out without
resampling. On the annotated one every detection that has a place bears its name and the ellipse
that holds 90 % of its error.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from pipelines.assessment import Assessment, Provenance
from pipelines.geometry.error_ellipse import ellipse_ring
from pipelines.geometry.geodesy import SEMI_MAJOR_M
from pipelines.ground import GroundPoint
from pipelines.imagery.raster import cog_bytes
from pipelines.products.annotate import group_colour
from pipelines.products.lettering import line_height, typeface
from pipelines.products.marginalia import Colour
from pipelines.products.plates import highest_levels
from pipelines.products.warp import Picture, laid_out
from pipelines.threats.proximity.weighing import Level

MEDIA_TYPE = "image/tiff; application=geotiff; profile=cloud-optimized"

LONGEST_PX = 2048
"""Longer side at most, before the edges are moved out to those of tiles."""

_TILE_PX = 256
_MOST_ZOOM = 26
_CIRCUMFERENCE_M = 2.0 * math.pi * SEMI_MAJOR_M
# Web Mercator ends there.
_LAST_LATITUDE_DEG = 85.05
_NAMES = 60
"""Detections that bear a name; in a crowd the rest keep their ellipses only."""

_DARK: Colour = (14, 16, 20)
_WHITE: Colour = (255, 255, 255)
_ALERT: Colour = (200, 40, 0)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Orthophoto:
    """A frame on the grid of web maps.

    Attributes:
        rgba: (rows, columns, 4) uint8; alpha 0 where the frame shows nothing.
        zoom: of the web map; its world is 256 * 2^zoom pixels wide.
        left_px: column of the world at the left edge, a multiple of 256.
        top_px: row of the world at the upper edge, a multiple of 256.
    """

    rgba: NDArray[np.uint8]
    zoom: int
    left_px: int
    top_px: int

    @property
    def cell_m(self) -> float:
        """Side of a cell in units of EPSG:3857: metres on the equator."""
        return _CIRCUMFERENCE_M / (_TILE_PX << self.zoom)

    def cells(
        self, longitude_deg: NDArray[np.float64], latitude_deg: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """(N, 2) column and row of places from the outer corner of the first cell."""
        column, row = _world(longitude_deg, latitude_deg, self.zoom)
        return np.column_stack([column - self.left_px, row - self.top_px])


def orthophoto(picture: Picture, *, longest_px: int = LONGEST_PX) -> Orthophoto | None:
    """The frame on the grid of web maps; None where it shows too little ground to lay out.

    Cells are about as large on the ground as the frame's pixels, or larger where that would make
    the picture longer than asked.

    Args:
        picture: the frame.
        longest_px: longer side at most, before the edges are moved out to those of tiles.
    """
    seen = picture.reach()
    if seen is None or max(abs(seen.south_deg), abs(seen.north_deg)) > _LAST_LATITUDE_DEG:
        return None
    height_px, width_px = picture.rgb.shape[:2]
    west_north, east_south = (
        np.array(_world(np.array([x]), np.array([y]), 0)).ravel()
        for x, y in ((seen.west_deg, seen.north_deg), (seen.east_deg, seen.south_deg))
    )
    breadth, length = east_south - west_north
    # In pixels of the whole world on one tile: one that is as fine as the frame on average.
    finest = math.sqrt(breadth * length / (width_px * height_px))
    coarsest = max(breadth, length) / longest_px
    zoom = min(round(-math.log2(finest)), math.floor(-math.log2(coarsest)), _MOST_ZOOM)
    if zoom < 0:
        return None
    left, top = (int(edge // _TILE_PX) * _TILE_PX for edge in west_north * 2.0**zoom)
    right, bottom = (-int(-edge // _TILE_PX) * _TILE_PX for edge in east_south * 2.0**zoom)
    world = float(_TILE_PX << zoom)
    rgba = laid_out(
        picture,
        seen,
        longitude_of=lambda column: (column + left) / world * 360.0 - 180.0,
        latitude_of=lambda row: np.degrees(
            np.arctan(np.sinh(np.pi * (1.0 - 2.0 * (row + top) / world)))
        ),
        columns=right - left,
        rows=bottom - top,
    )
    if rgba is None:
        return None
    return Orthophoto(rgba=rgba, zoom=zoom, left_px=left, top_px=top)


def orthophoto_cog(laid: Orthophoto, provenance: Provenance) -> bytes:
    """An orthophoto as a cloud-optimised GeoTIFF: JPEG with a mask and overviews."""
    half = _CIRCUMFERENCE_M / 2.0
    return cog_bytes(
        laid.rgba,
        epsg=3857,
        transform=(
            laid.cell_m,
            0.0,
            laid.left_px * laid.cell_m - half,
            0.0,
            -laid.cell_m,
            half - laid.top_px * laid.cell_m,
        ),
        tags=_tags(provenance),
    )


def annotated(laid: Orthophoto, provenance: Provenance, assessment: Assessment) -> Orthophoto:
    """An orthophoto with places, names and 90 % error ellipses drawn on it.

    Args:
        laid: the plain one.
        provenance: its marking is written in a corner.
        assessment: what was found in the frame.
    """
    layer = Image.new("RGBA", (laid.rgba.shape[1], laid.rgba.shape[0]), (0, 0, 0, 0))
    draw = ImageDraw.Draw(layer)
    size_px = max(12, round(max(layer.size) / 110))
    levels = highest_levels(assessment.sightings)
    confidence = assessment.detections.confidence
    order = sorted(
        range(len(assessment.ground)),
        key=lambda index: (levels.get(index) is Level.ALERT, index in levels, confidence[index]),
    )
    for index in order:
        _ellipse(
            draw,
            laid,
            assessment.ground[index],
            group_colour(assessment.categories[index]),
            levels.get(index),
            size_px,
        )
    for index in order[-_NAMES:]:
        name = f"{assessment.categories[index]} {confidence[index]:.2f}"
        _name(draw, laid, assessment.ground[index], name, levels.get(index), size_px)
    _marking(draw, laid, provenance.marking, size_px)
    below = Image.fromarray(laid.rgba)
    return Orthophoto(
        rgba=np.asarray(Image.alpha_composite(below, layer), np.uint8),
        zoom=laid.zoom,
        left_px=laid.left_px,
        top_px=laid.top_px,
    )


def _ellipse(
    draw: ImageDraw.ImageDraw,
    laid: Orthophoto,
    ground: GroundPoint,
    colour: Colour,
    level: Level | None,
    size_px: int,
) -> None:
    """The 90 % ellipse of a place between dark edges, and a dot at the place."""
    if (
        ground.latitude_deg is None
        or ground.longitude_deg is None
        or ground.covariance_enu_m2 is None
    ):
        return
    ring = ellipse_ring(ground.latitude_deg, ground.longitude_deg, ground.covariance_enu_m2)
    corners = [(float(x), float(y)) for x, y in laid.cells(ring[:, 0], ring[:, 1])]
    width = max(2, round(size_px * (0.3 if level is Level.ALERT else 0.17)))
    draw.line(corners, fill=(*_DARK, 255), width=width + 2, joint="curve")
    draw.line(corners, fill=(*colour, 255), width=width, joint="curve")
    x, y = _cell(laid, ground)
    for radius, ink in ((size_px * 0.3, _DARK), (size_px * 0.2, colour)):
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=(*ink, 255))


def _name(
    draw: ImageDraw.ImageDraw,
    laid: Orthophoto,
    ground: GroundPoint,
    name: str,
    level: Level | None,
    size_px: int,
) -> None:
    if ground.latitude_deg is None or ground.longitude_deg is None:
        return
    x, y = _cell(laid, ground)
    text = f"{level.value.upper()} {name}" if level is not None else name
    _words(draw, (x + size_px * 0.6, y - line_height(size_px) / 2), text, size_px, _backdrop(level))


def _backdrop(level: Level | None) -> Colour:
    return _ALERT if level is Level.ALERT else _DARK


def _words(
    draw: ImageDraw.ImageDraw,
    at: tuple[float, float],
    text: str,
    size_px: int,
    backdrop: Colour,
) -> None:
    font = typeface(size_px)
    left, top = at
    right, bottom = left + font.getlength(text) + 6, top + line_height(size_px)
    draw.rectangle((left, top, right, bottom), fill=(*backdrop, 255))
    draw.text((left + 3, top), text, font=font, fill=(*_WHITE, 255))


def _marking(draw: ImageDraw.ImageDraw, laid: Orthophoto, marking: str, size_px: int) -> None:
    """The marking above the northernmost row that shows anything, or on it at the upper edge."""
    shown = laid.rgba[..., 3] > 0
    first = int(np.argmax(shown.any(axis=1)))
    middle = float(np.flatnonzero(shown[first]).mean())
    width = typeface(size_px).getlength(marking) + 6
    left = float(np.clip(middle - width / 2, 0, max(0.0, shown.shape[1] - width)))
    top = max(0.0, first - line_height(size_px) - 2.0)
    _words(draw, (left, top), marking, size_px, _DARK)


def _cell(laid: Orthophoto, ground: GroundPoint) -> tuple[float, float]:
    longitude, latitude = np.array([ground.longitude_deg]), np.array([ground.latitude_deg])
    x, y = laid.cells(longitude.astype(np.float64), latitude.astype(np.float64))[0]
    return float(x), float(y)


def _world(
    longitude_deg: NDArray[np.float64], latitude_deg: NDArray[np.float64], zoom: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Column and row in the world of a zoom (EPSG:3857, from the north-west corner)."""
    world = float(_TILE_PX << zoom)
    column = (longitude_deg + 180.0) / 360.0 * world
    northing = np.arcsinh(np.tan(np.radians(latitude_deg)))
    return column, (1.0 - northing / np.pi) / 2.0 * world


def _tags(provenance: Provenance) -> Mapping[str, str]:
    return {
        "TIFFTAG_IMAGEDESCRIPTION": f"{provenance.marking} · mission {provenance.mission_id} · "
        f"imagery {provenance.imagery_id} · {provenance.file_name}",
        "TIFFTAG_COPYRIGHT": provenance.contributor,
        "VEDETTE_MARKING": provenance.marking,
        "VEDETTE_SHA256": provenance.sha256,
    }
