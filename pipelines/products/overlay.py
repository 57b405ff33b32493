"""The frame laid out on the map: a picture with its box in longitude and latitude, for KMZ.

For every cell of a grid in longitude and latitude the frame's pixel is looked up (see
`pipelines.products.warp`).
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipelines.geometry.geodesy import metres_per_degree
from pipelines.geometry.ground_view import GroundView
from pipelines.products.warp import Picture, laid_out

# Of the palette of the stored picture; the index after them is the transparent one.
_COLOURS = 255


@dataclass(frozen=True, kw_only=True, slots=True)
class Overlay:
    """A picture with the box of the map that it fills.

    Attributes:
        rgba: (height, width, 4) uint8, the first row in the north; alpha 0 where the frame shows
            nothing.
        west_deg: left edge of the first column, longitude.
        south_deg: lower edge of the last row, latitude.
        east_deg: right edge of the last column, longitude.
        north_deg: upper edge of the first row, latitude.
    """

    rgba: NDArray[np.uint8]
    west_deg: float
    south_deg: float
    east_deg: float
    north_deg: float


def frame_overlay(
    rgb: NDArray[np.uint8],
    view: GroundView,
    *,
    mask: NDArray[np.bool_] | None = None,
    longest_px: int = 1200,
) -> Overlay | None:
    """The frame as an overlay; None where it shows too little ground to lay out.

    Sky is cut, and so are ground more than five times as far away as the nearest and ground that
    a crest hides.

    Args:
        rgb: (height, width, 3) the frame.
        view: where its pixels are.
        mask: (height, width) which of them hold data; None where all do.
        longest_px: longer side of the overlay at most.
    """
    return picture_overlay(Picture(rgb=rgb, mask=mask, view=view), longest_px=longest_px)


def picture_overlay(picture: Picture, *, longest_px: int = 1200) -> Overlay | None:
    """The overlay of a frame with its view; see `frame_overlay`."""
    seen = picture.reach()
    if seen is None:
        return None
    height_px, width_px = picture.rgb.shape[:2]
    west, south, east, north = seen.west_deg, seen.south_deg, seen.east_deg, seen.north_deg
    per_latitude, per_longitude = (float(m) for m in metres_per_degree((south + north) / 2.0))
    breadth_m, length_m = (east - west) * per_longitude, (north - south) * per_latitude
    # No finer than the frame itself: its area over its pixels is a fair ground sample distance.
    finest_m = math.sqrt(breadth_m * length_m / (width_px * height_px))
    cell_m = max(max(breadth_m, length_m) / longest_px, finest_m)
    columns, rows = max(2, round(breadth_m / cell_m)), max(2, round(length_m / cell_m))
    rgba = laid_out(
        picture,
        seen,
        longitude_of=lambda column: west + column * (east - west) / columns,
        latitude_of=lambda row: north - row * (north - south) / rows,
        columns=columns,
        rows=rows,
    )
    if rgba is None:
        return None
    return Overlay(rgba=rgba, west_deg=west, south_deg=south, east_deg=east, north_deg=north)


def overlay_png(overlay: Overlay) -> bytes:
    """The overlay as a PNG of 255 colours and transparency: a fifth of the size of full colour.

    A field post's link carries 32 kB a second.
    """
    colours = Image.fromarray(np.ascontiguousarray(overlay.rgba[..., :3]))
    # Of a third of the side: a palette of the whole takes a second where texture is noisy.
    palette = colours.reduce(3).quantize(_COLOURS, method=Image.Quantize.MEDIANCUT)
    indexed = colours.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG)
    clear = Image.fromarray(np.where(overlay.rgba[..., 3] == 0, 255, 0).astype(np.uint8))
    # A frame of few colours has a short palette, which knows no such index.
    indexed.putpalette(bytes(indexed.getpalette() or []).ljust(3 * 256, b"\0"))
    indexed.paste(_COLOURS, mask=clear)
    stream = io.BytesIO()
    indexed.save(stream, "PNG", transparency=_COLOURS, compress_level=9)
    return stream.getvalue()
