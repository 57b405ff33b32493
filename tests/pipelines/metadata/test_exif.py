from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from PIL import Image

from pipelines.imagery.media import read_header
from pipelines.metadata.exif import read_exif
from tests.pipelines.photographs import dms, photograph


def test_what_pillow_writes_is_read() -> None:
    data = photograph(
        main={271: "DJI\x00\x00", 272: " FC6310 ", 274: 6},
        camera={
            36867: "2024:05:06 07:08:09",
            36881: "+02:00",
            37386: 8.8,
            41989: 24,
            41988: 1.5,
            40962: 5472,
            40963: 3648,
        },
        gps={
            1: "S",
            2: dms(12.5),
            3: "W",
            4: dms(100.75),
            5: b"\x01",
            6: 30.5,
            7: (Fraction(5), Fraction(8), Fraction(91, 10)),
            29: "2024:05:06",
            31: 1.5,
        },
    )
    exif = read_exif(read_header(data).exif)
    assert (exif.make, exif.model, exif.orientation) == ("DJI", "FC6310", 6)
    assert (exif.taken, exif.offset) == ("2024:05:06 07:08:09", "+02:00")
    assert (exif.focal_mm, exif.focal_35mm, exif.digital_zoom) == (8.8, 24.0, 1.5)
    assert (exif.width_px, exif.height_px) == (5472, 3648)
    assert exif.latitude_deg == pytest.approx(-12.5, abs=1e-9)
    assert exif.longitude_deg == pytest.approx(-100.75, abs=1e-9)
    assert exif.altitude_m == -30.5
    assert exif.gps_time == (5.0, 8.0, 9.1)
    assert exif.gps_date == "2024:05:06"
    assert exif.horizontal_error_m == 1.5
    assert exif.faults == ()


def test_zeros_and_nan_are_not_values() -> None:
    data = photograph(camera={41988: 0.0, 41989: 0, 37386: 0.0})
    exif = read_exif(read_header(data).exif)
    assert (exif.digital_zoom, exif.focal_35mm, exif.focal_mm) == (None, None, None)


def test_a_latitude_without_its_hemisphere_is_none() -> None:
    exif = read_exif(read_header(photograph(gps={2: dms(12.5), 3: "E", 4: dms(3.0)})).exif)
    assert exif.latitude_deg is None
    assert exif.longitude_deg == pytest.approx(3.0)


@pytest.mark.parametrize(
    "name",
    ["skydio/skydio-catilina.jpg", "parrot/parrot-1.jpg", "brighton_beach/DJI_0018.JPG"],
)
def test_real_photographs_read_as_pillow_reads_them(data_dir: Path, name: str) -> None:
    path = data_dir / "photos" / name
    exif = read_exif(read_header(path.read_bytes()).exif)
    with Image.open(path) as image:
        theirs = image.getexif()
    camera, gps = theirs.get_ifd(0x8769), theirs.get_ifd(0x8825)
    assert exif.make == theirs[271].strip("\x00 ")
    assert exif.focal_mm == pytest.approx(float(camera[37386]))
    assert exif.focal_35mm == camera[41989]
    assert (exif.width_px, exif.height_px) == (camera[40962], camera[40963])
    degrees, minutes, seconds = (float(part) for part in gps[2])
    assert exif.latitude_deg == pytest.approx(degrees + minutes / 60 + seconds / 3600)
    assert exif.altitude_m == pytest.approx(float(gps[6]))


def test_broken_exif_is_a_fault_and_no_crash() -> None:
    assert read_exif(None).faults == ()
    assert "damaged" in read_exif(b"II*\x00\xff\xff\xff\xff").faults[0]
    data = bytearray(read_header(photograph(gps={1: "N"})).exif or b"")
    for at in range(len(data)):
        broken = bytearray(data)
        broken[at] ^= 0xFF
        read_exif(bytes(broken))
