"""Reads EXIF: what a camera says of its lens, its place and its time.

Source: CIPA DC-008 (Exif 2.32); section 4.6.6 for GPS.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from pipelines.imagery.tiff_directory import (
    TagValue,
    TiffError,
    integer,
    read_directory,
    real,
    text,
)

_MAKE, _MODEL, _ORIENTATION, _SOFTWARE, _EXIF_IFD, _GPS_IFD = 271, 272, 274, 305, 34665, 34853
_MAIN = frozenset({_MAKE, _MODEL, _ORIENTATION, _SOFTWARE, _EXIF_IFD, _GPS_IFD})
_TAKEN, _DIGITIZED, _OFFSET_TAKEN, _OFFSET_DIGITIZED = 36867, 36868, 36881, 36882
_FOCAL, _FOCAL_35, _ZOOM, _WIDTH, _HEIGHT = 37386, 41989, 41988, 40962, 40963
_PLANE_X, _PLANE_Y, _PLANE_UNIT = 41486, 41487, 41488
_CAMERA = frozenset(
    {
        _PLANE_X,
        _PLANE_Y,
        _PLANE_UNIT,
        _TAKEN,
        _DIGITIZED,
        _OFFSET_TAKEN,
        _OFFSET_DIGITIZED,
        _FOCAL,
        _FOCAL_35,
        _ZOOM,
        _WIDTH,
        _HEIGHT,
    }
)
_LAT_REF, _LAT, _LON_REF, _LON, _ALT_REF, _ALT, _TIME, _DATE, _ERROR = 1, 2, 3, 4, 5, 6, 7, 29, 31
_GPS = frozenset({_LAT_REF, _LAT, _LON_REF, _LON, _ALT_REF, _ALT, _TIME, _DATE, _ERROR})


@dataclass(frozen=True, kw_only=True, slots=True)
class Exif:
    """EXIF as read, not yet believed; every field is None where it is absent or unreadable.

    Attributes:
        make: maker of the camera.
        model: model of the camera.
        software: firmware of the camera, or the program that saved the file last.
        orientation: 1 to 8, how a viewer should turn the picture; pixels on disk are not turned.
        focal_mm: focal length.
        focal_35mm: focal length whose field of view on 24 x 36 mm film is the same.
        focal_plane_per_mm: pixels of the picture in a millimetre of the sensor, across and down.
        digital_zoom: above 1 where the picture is an enlarged centre of the sensor's.
        width_px: width when it was taken.
        height_px: height when it was taken.
        latitude_deg: WGS 84.
        longitude_deg: WGS 84.
        altitude_m: in a datum that EXIF leaves open (above sea level by name, often ellipsoidal).
        horizontal_error_m: the receiver's own estimate.
        gps_date: "YYYY:MM:DD", UTC.
        gps_time: hour, minute and second, UTC.
        taken: "YYYY:MM:DD HH:MM:SS" by the camera's clock, of a zone that only `offset` tells.
        offset: "+HH:MM" from UTC.
        faults: one sentence for each part that could not be read.
    """

    make: str | None = None
    model: str | None = None
    software: str | None = None
    orientation: int | None = None
    focal_mm: float | None = None
    focal_35mm: float | None = None
    focal_plane_per_mm: tuple[float, float] | None = None
    digital_zoom: float | None = None
    width_px: int | None = None
    height_px: int | None = None
    latitude_deg: float | None = None
    longitude_deg: float | None = None
    altitude_m: float | None = None
    horizontal_error_m: float | None = None
    gps_date: str | None = None
    gps_time: tuple[float, float, float] | None = None
    taken: str | None = None
    offset: str | None = None
    faults: tuple[str, ...] = ()


def read_exif(block: bytes | None) -> Exif:
    """Read a TIFF structure that holds EXIF; never raises for what a file holds."""
    if block is None:
        return Exif()
    faults: list[str] = []
    try:
        main = read_directory(block, wanted=_MAIN)
    except TiffError as error:
        return Exif(faults=(f"the EXIF is damaged: {error}",))
    camera = _sub(block, main, _EXIF_IFD, _CAMERA, "camera part", faults)
    gps = _sub(block, main, _GPS_IFD, _GPS, "GPS part", faults)
    # The time of taking, else of digitising: for a digital camera they are one.
    taken, offset = text(camera, _TAKEN), text(camera, _OFFSET_TAKEN)
    if taken is None:
        taken, offset = text(camera, _DIGITIZED), text(camera, _OFFSET_DIGITIZED)
    return Exif(
        make=text(main, _MAKE),
        model=text(main, _MODEL),
        software=text(main, _SOFTWARE),
        orientation=integer(main, _ORIENTATION),
        focal_mm=_above_zero(camera, _FOCAL),
        focal_35mm=_above_zero(camera, _FOCAL_35),
        focal_plane_per_mm=_focal_plane(camera),
        digital_zoom=_above_zero(camera, _ZOOM),
        width_px=_size(camera, _WIDTH),
        height_px=_size(camera, _HEIGHT),
        latitude_deg=_angle(gps, _LAT, _LAT_REF, "N", "S"),
        longitude_deg=_angle(gps, _LON, _LON_REF, "E", "W"),
        altitude_m=_altitude(gps),
        horizontal_error_m=_above_zero(gps, _ERROR),
        gps_date=text(gps, _DATE),
        gps_time=_triple(gps, _TIME),
        taken=taken,
        offset=offset,
        faults=tuple(faults),
    )


def _sub(
    block: bytes,
    main: dict[int, TagValue],
    pointer: int,
    wanted: frozenset[int],
    name: str,
    faults: list[str],
) -> dict[int, TagValue]:
    offset = integer(main, pointer)
    if offset is None:
        return {}
    try:
        return read_directory(block, wanted=wanted, offset=offset)
    except TiffError as error:
        faults.append(f"the {name} of the EXIF is damaged: {error}")
        return {}


def _above_zero(tags: dict[int, TagValue], tag: int) -> float | None:
    """Makers write 0 for "not known"."""
    value = real(tags, tag)
    return value if value is not None and value > 0.0 else None


def _focal_plane(tags: dict[int, TagValue]) -> tuple[float, float] | None:
    """Units are inch (the default) and centimetre, and millimetre and micrometre as some write."""
    x, y = _above_zero(tags, _PLANE_X), _above_zero(tags, _PLANE_Y)
    millimetres = {2: 25.4, 3: 10.0, 4: 1.0, 5: 0.001}.get(integer(tags, _PLANE_UNIT) or 2)
    if x is None or millimetres is None:
        return None
    return x / millimetres, (y or x) / millimetres


def _size(tags: dict[int, TagValue], tag: int) -> int | None:
    value = integer(tags, tag)
    return value if value is not None and value > 0 else None


def _triple(tags: dict[int, TagValue], tag: int) -> tuple[float, float, float] | None:
    value = tags.get(tag)
    if not isinstance(value, tuple) or len(value) != 3:
        return None
    if not all(math.isfinite(part) for part in value):
        return None
    return value[0], value[1], value[2]


def _angle(
    tags: dict[int, TagValue], tag: int, ref_tag: int, positive: str, negative: str
) -> float | None:
    """Degrees, minutes, seconds with their hemisphere; without it the side is not known."""
    parts, hemisphere = _triple(tags, tag), text(tags, ref_tag)
    if parts is None or hemisphere is None or hemisphere.upper() not in (positive, negative):
        return None
    degrees = parts[0] + parts[1] / 60.0 + parts[2] / 3600.0
    return -degrees if hemisphere.upper() == negative else degrees


def _altitude(tags: dict[int, TagValue]) -> float | None:
    value, below = real(tags, _ALT), integer(tags, _ALT_REF)
    if value is None:
        return None
    # Reference 1 is below sea level, 3 below the ellipsoid (Exif 3.0).
    return -value if below in (1, 3) else value
