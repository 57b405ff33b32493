"""Reads senseFly's metadata: a place and a time, and the aircraft's attitude, not the camera's."""

from __future__ import annotations

from pipelines.metadata.exif import Exif
from pipelines.metadata.telemetry import AbsoluteHeight, Telemetry
from pipelines.metadata.xmp import number
from pipelines.outcome import Finding, Severity
from pipelines.pose import HeightReference

_GNSS_SIGMA_M = 10.0


def read_sensefly(exif: Exif, values: dict[str, str]) -> Telemetry:
    """Flight from the `sensefly` properties of XMP, with EXIF beside them.

    How the camera is mounted in the wing is not told, so the aircraft's pitch and roll are not
    the camera's.
    """
    latitude, longitude = number(values, "Latitude"), number(values, "Longitude")
    if latitude is None or longitude is None:
        latitude, longitude = exif.latitude_deg, exif.longitude_deg
    height = number(values, "AltitudeWGS84")
    return Telemetry(
        latitude_deg=latitude,
        longitude_deg=longitude,
        absolute_height=None
        if height is None
        else AbsoluteHeight(height_m=height, reference=HeightReference.HAE, sigma_m=_GNSS_SIGMA_M),
        utc=values.get("UTCTime"),
        findings=(
            Finding(
                code="AIRCRAFT_ATTITUDE_ONLY",
                severity=Severity.NOTE,
                message="the metadata give the aircraft's pitch and roll, not the camera's",
            ),
        ),
    )
