"""Elevation models of a world as GeoTIFF, for whoever needs the ground as a file.

The tags are written by hand over Pillow's TIFF, because the tests that read the file back do so
with another library.
"""

from __future__ import annotations

import io
from typing import cast

import numpy as np
from PIL import Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from scenes.world import World

_PIXEL_SCALE, _TIEPOINT, _GEO_KEYS = 33550, 33922, 34735
_NO_DATA = 42113
_DOUBLE, _SHORT, _ASCII = 12, 3, 2
# GeoTIFF 1.1 keys: GTModelType geographic (2), GTRasterType point (2), geodetic CRS EPSG:4979,
# whose third axis is the height above the WGS 84 ellipsoid.
_KEYS = (1, 1, 1, 3, 1024, 0, 1, 2, 1025, 0, 1, 2, 2048, 0, 1, 4979)
_FIXED_POINT_STEPS = 4


def elevation_geotiff(
    world: World,
    *,
    half_side_m: float,
    post_m: float,
    holes: tuple[tuple[float, float, float], ...] = (),
) -> bytes:
    """Heights above the ellipsoid on a grid of latitude and longitude, float32.

    Args:
        world: whose ground.
        half_side_m: the grid reaches that far north, south, east and west of the middle.
        post_m: distance of its posts.
        holes: east, north and radius in metres of places without heights (NaN).
    """
    frame = world.frame
    corner = frame.to_geodetic([half_side_m, half_side_m, 0.0])
    count = int(np.ceil(half_side_m / post_m))
    step_lat = (float(corner[0]) - frame.latitude_deg) / count
    step_lon = (float(corner[1]) - frame.longitude_deg) / count
    rows = frame.latitude_deg + step_lat * np.arange(count, -count - 1, -1)
    columns = frame.longitude_deg + step_lon * np.arange(-count, count + 1)
    longitude, latitude = np.meshgrid(columns, rows)
    # The formula takes the place in metres, which hangs a little on the height sought.
    height = np.full(latitude.shape, world.terrain.level_hae_m)
    for _ in range(_FIXED_POINT_STEPS):
        place = frame.from_geodetic(np.stack([latitude, longitude, height], axis=-1))
        height = world.terrain.hae_m(place[..., 0], place[..., 1])
    for east, north, radius in holes:
        gap = np.hypot(place[..., 0] - east, place[..., 1] - north) < radius
        height = np.where(gap, np.nan, height)
    tags = ImageFileDirectory_v2()
    for tag, kind, value in (
        (_PIXEL_SCALE, _DOUBLE, (step_lon, step_lat, 0.0)),
        (_TIEPOINT, _DOUBLE, (0.0, 0.0, 0.0, float(columns[0]), float(rows[0]), 0.0)),
        (_GEO_KEYS, _SHORT, _KEYS),
        (_NO_DATA, _ASCII, "nan"),
    ):
        tags.tagtype[tag] = kind
        tags[tag] = value
    file = io.BytesIO()
    Image.fromarray(height.astype(np.float32)).save(
        file, "TIFF", tiffinfo=cast("dict[int, str]", tags)
    )
    return file.getvalue()
