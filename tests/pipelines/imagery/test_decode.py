from __future__ import annotations

import io
import struct
import subprocess
import sys
import time
import warnings
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
import rasterio
from PIL import Image
from rasterio.transform import Affine

from models.errors import UnreadableImageError
from pipelines.imagery.decode import DecodeLimits, read_image
from pipelines.imagery.media import MediaKind

ROOT = Path(__file__).resolve().parents[2]
RNG = np.random.default_rng(7)


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def noise(height: int = 90, width: int = 120, bands: int = 3) -> np.ndarray:
    return RNG.integers(0, 256, (height, width, bands), np.uint8)


def tiff(tmp_path: Path, samples: np.ndarray, **profile: object) -> bytes:
    """A TIFF of samples (bands, rows, columns), written by GDAL."""
    path = tmp_path / "made.tif"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with rasterio.open(
            path,
            "w",
            driver="GTiff",
            count=samples.shape[0],
            height=samples.shape[1],
            width=samples.shape[2],
            dtype=samples.dtype,
            **profile,
        ) as dataset:
            dataset.write(samples)
    return path.read_bytes()


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_lossless_pixels_come_back_as_they_were(kind: str) -> None:
    pixels = noise()
    image = read_image(encoded(Image.fromarray(pixels), kind))
    assert image.kind is MediaKind[kind]
    assert (image.rgb == pixels).all()
    assert image.rgb.flags.c_contiguous
    assert image.rgb.dtype == np.uint8
    assert (image.geotransform, image.crs) == (None, None)


def test_jpeg_pixels_are_those_another_decoder_reads(data_dir: Path) -> None:
    path = data_dir / "photos/brighton_beach/DJI_0018.JPG"
    ours = read_image(path.read_bytes()).rgb
    with Image.open(path) as image:
        theirs = np.asarray(image.convert("RGB"))
    assert ours.shape == (2250, 4000, 3)
    # Red is red: the channels are not swapped. Chroma is upsampled in two ways.
    assert np.abs(ours[::7, ::7].astype(int) - theirs[::7, ::7]).mean() < 1.0


def test_orientation_tags_are_not_applied() -> None:
    exif = Image.Exif()
    exif[274] = 6
    data = encoded(Image.fromarray(noise(90, 120)), "JPEG", exif=exif)
    assert read_image(data).rgb.shape == (90, 120, 3)
    exif_png = encoded(Image.fromarray(noise(90, 120)), "PNG", exif=exif)
    assert read_image(exif_png).rgb.shape == (90, 120, 3)


def test_alpha_is_dropped_and_grey_and_palette_are_spread(tmp_path: Path) -> None:
    pixels = noise(bands=4)
    assert (read_image(encoded(Image.fromarray(pixels), "PNG")).rgb == pixels[..., :3]).all()
    grey = pixels[..., 0]
    assert (read_image(encoded(Image.fromarray(grey), "PNG")).rgb == grey[..., None]).all()
    two = read_image(tiff(tmp_path, np.stack([grey, pixels[..., 1]])))
    assert (two.rgb == grey[..., None]).all()
    palette = Image.fromarray(pixels[..., :3]).quantize(17)
    wanted = np.asarray(palette.convert("RGB"))
    assert (read_image(encoded(palette, "PNG")).rgb == wanted).all()


def test_sixteen_bits_are_stretched_between_percentiles(tmp_path: Path) -> None:
    ramp = np.linspace(20_000, 24_000, 256 * 200).reshape(1, 256, 200).astype(np.uint16)
    rgb = read_image(tiff(tmp_path, ramp)).rgb
    # 20,000 + 4,000 q is grey value 255 (q - 0.02) / 0.96.
    share = (ramp[0] - 20_000) / 4_000
    wanted = np.clip(255 * (share - 0.02) / 0.96, 0, 255)
    assert np.abs(rgb[..., 0] - wanted).max() <= 1.0
    with io.BytesIO() as out:
        Image.fromarray(ramp[0]).save(out, "PNG")
        assert np.abs(read_image(out.getvalue()).rgb[..., 1] - wanted).max() <= 1.0


def test_floats_with_gaps_are_stretched_without_them(tmp_path: Path) -> None:
    samples = np.full((1, 64, 64), -9999.0, np.float32)
    samples[0, 10:50] = np.linspace(280, 310, 40 * 64).reshape(40, 64)
    samples[0, 0, 0] = np.nan
    rgb = read_image(tiff(tmp_path, samples, nodata=-9999.0)).rgb
    assert rgb[:10].max() == 0
    assert rgb[10:50].min() == 0
    assert rgb[49].max() == 255
    flat = read_image(tiff(tmp_path, np.full((1, 8, 8), 7, np.uint16))).rgb
    assert flat.max() == 0


def test_a_georeference_is_passed_on(tmp_path: Path) -> None:
    transform = Affine(0.5, 0.1, 300_000.0, 0.1, -0.5, 4_000_000.0)
    data = tiff(tmp_path, noise().transpose(2, 0, 1), crs="EPSG:32736", transform=transform)
    image = read_image(data)
    assert image.geotransform == (0.5, 0.1, 300_000.0, 0.1, -0.5, 4_000_000.0)
    assert image.crs is not None
    assert "36S" in image.crs


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9, 0.98])
def test_a_file_cut_short_is_refused(kind: str, share: float) -> None:
    data = encoded(Image.fromarray(noise(300, 400)), kind)
    with pytest.raises(UnreadableImageError):
        read_image(data[: int(len(data) * share)])


@pytest.mark.parametrize("rows", [0, 150, 299])
def test_a_png_whose_pixels_end_early_is_refused(rows: int) -> None:
    def chunk(name: bytes, body: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(name + body))
        return struct.pack(">I", len(body)) + name + body + checksum

    lines = b"".join(b"\x00" + row.tobytes() for row in noise(300, 400)[:rows])
    data = (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", 400, 300, 8, 2, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(lines))
        + chunk(b"IEND", b"")
    )
    with pytest.raises(UnreadableImageError):
        read_image(data)


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_half_a_jpeg_with_an_end_marker_is_refused_too(data_dir: Path, share: float) -> None:
    smooth = cv2.GaussianBlur(noise(300, 400), (0, 0), 4)
    made = encoded(Image.fromarray(smooth), "JPEG", quality=90)
    for data in (made, (data_dir / "photos/skydio/skydio-catilina.jpg").read_bytes()):
        with pytest.raises(UnreadableImageError, match="cut short"):
            read_image(data[: int(len(data) * share)] + b"\xff\xd9")


def test_a_whole_jpeg_that_ends_in_one_colour_is_no_cut_one() -> None:
    pixels = noise(300, 400)
    pixels[200:] = 128
    assert read_image(encoded(Image.fromarray(pixels), "JPEG")).rgb.shape == (300, 400, 3)


def test_claims_are_checked_before_pixels(tmp_path: Path) -> None:
    path = tmp_path / "huge.tif"
    rasterio.open(
        path,
        "w",
        driver="GTiff",
        count=1,
        height=60_000,
        width=60_000,
        dtype="uint8",
        tiled=True,
        blockxsize=16_384,
        blockysize=16_384,
        sparse_ok=True,
        transform=Affine(1, 0, 9, 0, -1, 9),
    ).close()
    huge = path.read_bytes()
    assert len(huge) < 2_000
    started = time.perf_counter()
    with pytest.raises(UnreadableImageError, match="60000 x 60000"):
        read_image(huge)
    assert time.perf_counter() - started < 0.5
    small = encoded(Image.fromarray(noise()), "PNG")
    for limits in (
        DecodeLimits(max_side_px=100),
        DecodeLimits(max_pixels=10_000),
        DecodeLimits(max_decoded_bytes=30_000),
    ):
        with pytest.raises(UnreadableImageError, match="limit"):
            read_image(small, limits)


def test_bands_blocks_and_complex_numbers_are_bounded(tmp_path: Path) -> None:
    many = tiff(tmp_path, np.zeros((17, 4, 4), np.uint8))
    with pytest.raises(UnreadableImageError, match="17 bands"):
        read_image(many)
    with pytest.raises(UnreadableImageError, match="complex"):
        read_image(tiff(tmp_path, np.zeros((1, 4, 4), np.complex64)))
    tiled = tiff(
        tmp_path,
        np.zeros((1, 8, 8), np.uint8),
        tiled=True,
        blockxsize=16_384,
        blockysize=16_384,
        compress="deflate",
    )
    with pytest.raises(UnreadableImageError, match="blocks of 16384"):
        read_image(tiled, DecodeLimits(max_decoded_bytes=1 << 20))


def test_another_driver_is_never_asked(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    vrt = f'<VRTDataset rasterXSize="5" rasterYSize="5"><SourceFilename>{secret}</SourceFilename>'
    for data in (vrt.encode(), b"II*\x00" + vrt.encode(), b"\x89PNG\r\n\x1a\n" + vrt.encode()):
        with pytest.raises(UnreadableImageError):
            read_image(data)


def test_messages_name_no_memory_file(tmp_path: Path) -> None:
    data = bytearray(tiff(tmp_path, noise(64, 64).transpose(2, 0, 1), compress="deflate"))
    data[200:600] = bytes(400)
    with pytest.raises(UnreadableImageError) as one:
        read_image(bytes(data))
    with pytest.raises(UnreadableImageError) as two:
        read_image(bytes(data))
    assert str(one.value) == str(two.value)
    assert "vsimem" not in str(one.value)


HOSTILE = """
import sys, time, warnings
from pathlib import Path
from models.errors import UnreadableImageError
from pipelines.metadata.capture_reader import read_capture
from pipelines.imagery.decode import read_image
warnings.simplefilter("error")
counts = {"image": 0, "refused": 0, "slow": 0}
for path in sorted(Path(sys.argv[1]).rglob("*")):
    if not path.is_file():
        continue
    data = path.read_bytes()
    started = time.perf_counter()
    try:
        pixels = read_image(data).rgb
        assert pixels.ndim == 3 and pixels.shape[2] == 3 and pixels.flags.c_contiguous
        read_capture(data)
        counts["image"] += 1
    except UnreadableImageError as refused:
        assert str(refused)
        counts["refused"] += 1
    counts["slow"] += time.perf_counter() - started > 5
status = Path("/proc/self/status").read_text().split("VmHWM:")[1]
peak = int(status.split()[0]) // 1024  # of this program alone, unlike ru_maxrss
open_files = len(list(Path("/proc/self/fd").iterdir()))
print(counts["image"], counts["refused"], counts["slow"], peak, open_files)
"""


def test_hostile_files_give_an_image_or_a_reason(data_dir: Path) -> None:
    # In a process of its own: a crash in native code would end the test run, and a leak shows.
    done = subprocess.run(
        [sys.executable, "-c", HOSTILE, data_dir / "hostile"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2_000:]
    image, refused, slow, peak_mb, open_files = (int(word) for word in done.stdout.split())
    assert image + refused >= 280
    assert image > 50
    assert slow == 0
    assert peak_mb < 400
    assert open_files < 20
