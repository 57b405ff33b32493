from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.metadata.capture_reader import read_capture
from pipelines.metadata.spectrum import is_thermal
from pipelines.metadata.xmp import read_xmp

DJI = "http://www.dji.com/drone-dji/1.0/"
CAMERA = "http://pix4d.com/camera/1.0"


def packet(uri: str, **values: str) -> bytes:
    told = " ".join(f'x:{name}="{value}"' for name, value in values.items())
    return (
        '<x0:xmpmeta xmlns:x0="adobe:ns:meta/"><rdf:RDF xmlns:rdf='
        '"http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description xmlns:x="{uri}" {told}/></rdf:RDF></x0:xmpmeta>'
    ).encode()


@pytest.mark.parametrize(
    ("make", "model", "xmp", "expected"),
    [
        # One drone, two lenses: the tag tells them apart.
        ("DJI", "M3T", packet(DJI, ImageSource="InfraredCamera"), True),
        ("DJI", "M3T", packet(DJI, ImageSource="WideCamera"), False),
        ("DJI", "M3T", packet(DJI, ImageSource="ZoomCamera"), False),
        ("DJI", "M3T", packet(DJI, GimbalYawDegree="1"), None),
        ("MicaSense", "Altum", packet(CAMERA, BandName="LWIR"), True),
        ("MicaSense", "Altum", packet(CAMERA, BandName="Red"), False),
        ("Parrot", "Sequoia", packet(CAMERA, CentralWavelength="660"), False),
        ("X", "Y", packet(CAMERA, CentralWavelength="11000"), True),
        ("X", "Y", packet(CAMERA, CentralWavelength="eleven"), None),
        ("FLIR", "Vue Pro R 640", b"", True),
        ("DJI", "ZENMUSE XT", b"", True),
        ("DJI", "FC300S", b"", None),
        (None, None, b"", None),
    ],
)
def test_the_source_beside_the_frame_tells(
    make: str | None, model: str | None, xmp: bytes, expected: bool | None
) -> None:
    assert is_thermal(make, model, read_xmp([xmp] if xmp else [])) is expected


def test_photographs_that_do_not_say_are_not_guessed_at(data_dir: Path) -> None:
    files = sorted((data_dir / "photos" / "brighton_beach").glob("*.JPG"))
    assert files
    assert {read_capture(path.read_bytes()).thermal for path in files} == {None}
