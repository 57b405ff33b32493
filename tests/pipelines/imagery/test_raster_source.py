"""Rasters read by windows: held against GDAL's own reading and against the samples written."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray
from rasterio import Affine
from rasterio.enums import ColorInterp

from models.errors import UnreadableImageError
from pipelines.imagery.decode import read_image
from pipelines.imagery.media import MediaKind, read_header, sniff
from pipelines.imagery.raster_source import RasterLimits, open_source


def test_gdal_warns_of_nothing_when_the_first_raster_is_opened(tmp_path: Path) -> None:
    """A driver that this GDAL does not have would be a line of every worker at its start."""
    path = tiff(tmp_path / "a.tif", np.zeros((1, 16, 16), np.uint8))
    program = (
        "import logging, sys, warnings; logging.basicConfig(level=logging.WARNING)\n"
        "warnings.simplefilter('ignore')\n"
        "from pipelines.imagery.raster import open_bytes\n"
        "with open_bytes(open(sys.argv[1], 'rb').read(), 'GTiff'): pass"
    )
    told = subprocess.run(
        [sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True
    )
    assert told.stderr == ""


NITF = {
    # Columns and rows as the suite's own descriptions tell them (MIL-STD-2500 test files).
    "U_1036A.NTF": (864, 260),
    "i_3041a.ntf": (512, 512),
    "i_3113g.ntf": (1023, 1023),
    "i_3201c.ntf": (126, 126),
    "ns3010a.nsf": (231, 191),
    "p0_01a.ntf": (128, 128),
    "rgb.ntf": (50, 50),
    "rgb16.ntf": (20, 20),
}
# Downsampled JPEG, which GDAL has no decoder for; and a file that ends before its last row.
REFUSED = {"i_3113g.ntf", "rgb.ntf"}


def tiff(path: Path, samples: NDArray[Any], **options: Any) -> Path:
    alpha = options.pop("alpha", False)
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        count=samples.shape[0],
        height=samples.shape[1],
        width=samples.shape[2],
        dtype=samples.dtype.name,
        transform=Affine(1, 0, 100, 0, -1, 200),
        crs="EPSG:32636",
        **options,
    ) as dataset:
        if alpha:
            dataset.colorinterp = [*dataset.colorinterp[:-1], ColorInterp.alpha]
        dataset.write(samples)
    return path


@pytest.mark.parametrize("tiled", [False, True])
def test_windows_are_parts_of_the_whole(tmp_path: Path, *, tiled: bool) -> None:
    samples = np.random.default_rng(1).integers(0, 4096, (4, 300, 500)).astype(np.uint16)
    layout = {"tiled": True, "blockxsize": 64, "blockysize": 64} if tiled else {}
    path = tiff(tmp_path / "a.tif", samples, **layout)
    whole = read_image(path.read_bytes())
    with open_source(path) as source:
        assert (source.width_px, source.height_px) == (500, 300)
        assert source.reads_whole_rows is not tiled
        part, mask = source.read_window(37, 21, 321, 177)
    assert mask is None
    assert np.array_equal(part, whole.rgb[21:177, 37:321])
    # All bands by one scale between the percentiles of the three that are shown.
    dark, bright = np.percentile(samples[:3], (2, 98))
    wanted = np.clip((samples[:3] - dark) / (bright - dark) * 255, 0, 255)
    assert np.abs(whole.rgb - wanted.transpose(1, 2, 0)).max() <= 1.0


def test_a_large_raster_is_stretched_by_a_part_of_its_samples(tmp_path: Path) -> None:
    ramp = np.tile(np.linspace(1_000, 9_000, 4_000), (1, 1_000, 1)).astype(np.uint16)
    with open_source(tiff(tmp_path / "a.tif", ramp)) as source:
        rgb, _ = source.read_window(0, 0, 4_000, 10)
    share = np.linspace(0, 1, 4_000)
    wanted = np.clip(255 * (share - 0.02) / 0.96, 0, 255)
    assert np.abs(rgb[0, :, 1] - wanted).max() <= 1.5


def test_alpha_nodata_and_nan_hold_no_data(tmp_path: Path) -> None:
    samples = np.full((4, 60, 80), 90, np.uint8)
    samples[3, :, 50:] = 0
    with open_source(tiff(tmp_path / "alpha.tif", samples, alpha=True)) as source:
        rgb, mask = source.read_window(0, 0, 80, 60)
        assert source.read_window(0, 0, 50, 60)[1] is None
    assert (rgb[:, :50] == 90).all()
    assert mask is not None
    assert mask[:, :50].all()
    assert not mask[:, 50:].any()

    # Nodata of one band is a colour like any other; of all bands it is none.
    samples = np.full((3, 60, 80), 90, np.uint8)
    samples[0, :10], samples[:, 10:20] = 0, 0
    with open_source(tiff(tmp_path / "nodata.tif", samples, nodata=0)) as source:
        _, mask = source.read_window(0, 0, 80, 60)
    assert mask is not None
    assert mask[:10].all()
    assert not mask[10:20].any()
    assert mask[20:].all()

    floats = np.full((1, 60, 80), 3.5, np.float32)
    floats[0, :, 70:] = np.nan
    floats[0, 0, :40] = 2.5
    with open_source(tiff(tmp_path / "nan.tif", floats)) as source:
        rgb, mask = source.read_window(0, 0, 80, 60)
    assert mask is not None
    assert mask[:, :70].all()
    assert not mask[:, 70:].any()


def test_a_real_orthomosaic_hides_what_its_alpha_hides(data_dir: Path) -> None:
    path = data_dir / "rasters" / "rio_tiler" / "pix4d_alpha_nodata.tif"
    with rasterio.open(path) as dataset:
        alpha, colours = dataset.read(4), dataset.read([1, 2, 3])
    with open_source(path) as source:
        rgb, mask = source.read_window(0, 0, source.width_px, source.height_px)
        reduced, reduced_mask = source.read_reduced(200)
    assert mask is not None
    assert np.array_equal(mask, alpha > 0)
    assert np.array_equal(rgb, colours.transpose(1, 2, 0))
    assert reduced.shape == (200, 181, 3)
    assert reduced_mask is not None
    assert reduced_mask.mean() == pytest.approx(mask.mean(), abs=0.01)


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@pytest.mark.parametrize(("name", "size"), NITF.items())
def test_nitf_is_read_as_gdal_reads_it(data_dir: Path, name: str, size: tuple[int, int]) -> None:
    path = data_dir / "rasters" / "nitf" / name
    data = path.read_bytes()
    header = read_header(data)
    assert header.kind is sniff(data[:16]) is MediaKind.NITF
    assert (header.width_px, header.height_px) == size
    if name in REFUSED:
        with pytest.raises(UnreadableImageError, match="the NITF is damaged or of a form not"):
            read_image(data)
        return
    image = read_image(data)
    assert image.rgb.shape == (size[1], size[0], 3)
    with rasterio.open(path, driver="NITF") as dataset:
        assert header.georeferenced == (dataset.crs is not None)
        samples = dataset.read()
        if dataset.colorinterp[0] is ColorInterp.palette:
            table = np.array([dataset.colormap(1).get(i, (0, 0, 0, 0))[:3] for i in range(256)])
            assert np.array_equal(image.rgb, table[samples[0]])
        elif samples.dtype == np.uint8:
            assert np.array_equal(
                image.rgb, np.broadcast_to(samples, (3, *size[::-1])).transpose(1, 2, 0)
            )


def test_a_cut_or_empty_nitf_is_refused(data_dir: Path) -> None:
    data = (data_dir / "rasters" / "nitf" / "i_3113g.ntf").read_bytes()
    for share in (0.001, 0.005, 0.01):
        with pytest.raises(UnreadableImageError):
            read_image(data[: int(len(data) * share)])
    with pytest.raises(UnreadableImageError, match="holds no image"):
        read_header(data[:360] + b"000" + data[363:])


def test_claims_are_held_against_limits_and_length(tmp_path: Path) -> None:
    path = tmp_path / "claim.tif"
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=60_000,
        height=60_000,
        count=1,
        dtype="uint8",
        tiled=True,
        blockxsize=2048,
        blockysize=2048,
        SPARSE_OK=True,
        BIGTIFF="YES",
        transform=Affine(1, 0, 100, 0, -1, 200),
    ):
        pass
    assert path.stat().st_size < 100_000
    with pytest.raises(UnreadableImageError, match="too many for"), open_source(path):
        pass
    small = tiff(tmp_path / "b.tif", np.zeros((3, 40, 50), np.uint8))
    for limits in (RasterLimits(max_pixels=1_999), RasterLimits(max_side_px=49)):
        with pytest.raises(UnreadableImageError, match="the limit is"), open_source(small, limits):
            pass
    few = RasterLimits(max_bands=2)
    with pytest.raises(UnreadableImageError, match="bands"), open_source(small, few):
        pass


def test_an_error_inside_the_block_is_the_callers_own(tmp_path: Path) -> None:
    path = tiff(tmp_path / "a.tif", np.zeros((3, 40, 50), np.uint8))
    with pytest.raises(ValueError, match="mine"), open_source(path):
        raise ValueError("mine")
