from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image

from models.errors import UnreadableImageError
from pipelines.imagery.media import MediaKind, read_header, sniff
from tests.pipelines.photographs import photograph


@pytest.mark.parametrize(("name", "kind"), [("JPEG", "jpeg"), ("PNG", "png"), ("TIFF", "tiff")])
def test_kind_and_size_of_what_pillow_writes(name: str, kind: str) -> None:
    out = io.BytesIO()
    Image.new("RGB", (123, 45)).save(out, name)
    header = read_header(out.getvalue())
    assert header.kind is MediaKind(kind)
    assert (header.width_px, header.height_px) == (123, 45)


def test_big_tiff_of_both_byte_orders() -> None:
    for order, magic in (("<", b"II"), (">", b"MM")):
        entries = b"".join(
            struct.pack(order + "HHQI4x", tag, 4, 1, value)
            for tag, value in ((256, 70_000), (257, 80_000))
        )
        data = (
            magic
            + struct.pack(order + "HHHQQ", 43, 8, 0, 16, 2)
            + entries
            + struct.pack(order + "Q", 0)
        )
        assert sniff(data) is MediaKind.TIFF
        header = read_header(data)
        assert (header.width_px, header.height_px) == (70_000, 80_000)


@pytest.mark.parametrize(
    ("first", "seen"),
    [
        (b"", "empty"),
        (b"GIF89a", "GIF"),
        (b"<VRTDataset", "virtual"),
        (b"\x00\x00\x00\x18ftypmp42", "video"),
        (b"RIFF\x00\x00\x00\x00WEBP", "WebP"),
        (b"hello wo", "68 65 6c 6c"),
        (b"%PDF-1.7", "PDF"),
    ],
)
def test_a_refusal_names_what_was_seen(first: bytes, seen: str) -> None:
    with pytest.raises(UnreadableImageError, match=seen):
        sniff(first)


def test_a_georeferenced_raster_is_known_from_its_tags(data_dir: Path) -> None:
    dem = data_dir / "photos/skydio/skydio-catilina-dem.tiff"
    plain = data_dir / "photos/skydio/skydio-catilina.jpg"
    assert read_header(dem.read_bytes()).georeferenced
    assert not read_header(plain.read_bytes()).georeferenced
    # By ground control points, and by rational polynomials.
    for name in ("rasters/rio_tiler/cog_gcps.tif", "photos/orthority/rpc/qb2_basic1b.tif"):
        assert read_header((data_dir / name).read_bytes()).georeferenced


def test_extended_xmp_is_put_together_in_order() -> None:
    head = b"http://ns.adobe.com/xmp/extension/\x00"
    whole = b"<x:xmpmeta>" + b"a" * 50 + b"</x:xmpmeta>"
    guid = b"0" * 32
    data = photograph()
    parts = [
        head + guid + struct.pack(">II", len(whole), at) + whole[at : at + 30] for at in (60, 0, 30)
    ]
    segments = b"".join(b"\xff\xe1" + struct.pack(">H", len(p) + 2) + p for p in parts)
    assert read_header(data[:2] + segments + data[2:]).xmp == (whole,)
    missing = b"".join(b"\xff\xe1" + struct.pack(">H", len(p) + 2) + p for p in parts[1:])
    assert read_header(data[:2] + missing + data[2:]).xmp == ()


def test_png_carries_xmp_plain_or_deflated_but_no_bomb() -> None:
    def png(flag: bytes, text: bytes) -> bytes:
        body = b"XML:com.adobe.xmp\x00" + flag + b"\x00\x00\x00" + text
        ihdr = b"IHDR" + struct.pack(">IIBBBBB", 2, 2, 8, 0, 0, 0, 0)
        chunks = b"".join(
            struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
            for chunk in (ihdr, b"iTXt" + body, b"IEND")
        )
        return b"\x89PNG\r\n\x1a\n" + chunks

    assert read_header(png(b"\x00", b"<x/>")).xmp == (b"<x/>",)
    assert read_header(png(b"\x01", zlib.compress(b"<x/>"))).xmp == (b"<x/>",)
    bomb = zlib.compress(bytes(50_000_000), 9)
    assert read_header(png(b"\x01", bomb)).xmp == (b"",)


def test_every_cut_of_a_photograph_is_read_or_refused() -> None:
    data = photograph(b"<x:xmpmeta></x:xmpmeta>", main={271: "DJI"}, gps={1: "N"})
    whole = read_header(data)
    for cut in range(len(data)):
        try:
            header = read_header(data[:cut])
        except UnreadableImageError:
            continue
        assert (header.width_px, header.height_px) == (whole.width_px, whole.height_px)
