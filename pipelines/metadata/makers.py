"""Whose metadata a file bears, and what they say in one form."""

from __future__ import annotations

from pipelines.metadata.autel import is_autel, read_autel
from pipelines.metadata.dji import read_dji
from pipelines.metadata.exif import Exif
from pipelines.metadata.parrot import read_parrot
from pipelines.metadata.pix4d import is_fisheye_model, pix4d_calibration, unknown_frame
from pipelines.metadata.sensefly import read_sensefly
from pipelines.metadata.skydio import read_skydio
from pipelines.metadata.teal import is_teal, read_teal
from pipelines.metadata.telemetry import Telemetry, gnss_sigma
from pipelines.metadata.xmp import Xmp


def read_telemetry(exif: Exif, xmp: Xmp, make: str | None, model: str | None) -> Telemetry:
    """What the metadata say of camera and flight, by the maker whose properties are there.

    Args:
        exif: of the file.
        xmp: of the file.
        make: maker, from EXIF or its copy in XMP.
        model: model, from the same.
    """
    dji, skydio, parrot = (xmp.group(f"drone-{name}") for name in ("dji", "skydio", "parrot"))
    camera, copied, sensefly = (xmp.group(name) for name in ("camera", "exif", "sensefly"))
    # Autel writes DJI's schema, and calls itself otherwise in EXIF than in XMP.
    if is_autel(make, model) or is_autel(xmp.group("tiff").get("Make"), model):
        telemetry = read_autel(exif, model, dji, camera)
    elif dji:
        telemetry = read_dji(exif, dji)
    elif skydio:
        telemetry = read_skydio(exif, skydio)
    elif sensefly:
        telemetry = read_sensefly(exif, sensefly)
    elif parrot or (make or "").upper() == "PARROT":
        telemetry = read_parrot(exif, model, parrot, camera, copied)
    elif is_teal(make, copied):
        telemetry = read_teal(exif, copied)
    else:
        telemetry = Telemetry(
            latitude_deg=exif.latitude_deg,
            longitude_deg=exif.longitude_deg,
            horizontal_sigma_m=gnss_sigma(exif.horizontal_error_m),
            calibration=pix4d_calibration(exif, camera),
            fisheye=is_fisheye_model(camera),
            findings=unknown_frame(camera),
        )
    return telemetry
