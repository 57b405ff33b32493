"""EXIF and XMP as a DJI aircraft writes them into its photographs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction

from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from scenes.camera import Camera, Viewpoint

_GPS_IFD, _EXIF_IFD = 0x8825, 0x8769
_SECONDS_DENOMINATOR = 10_000_000  # of an arc second: 3e-12 degrees


@dataclass(frozen=True, kw_only=True, slots=True)
class Rtk:
    """One sigma of a carrier-phase fix, as RtkStd* tell it.

    Attributes:
        horizontal_m: of latitude and of longitude.
        vertical_m: of the height.
    """

    horizontal_m: float
    vertical_m: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """What the aircraft believes of its own pose when the shutter opens.

    Attributes:
        viewpoint: position and gimbal attitude.
        relative_height_m: above the ground at take-off.
        undulation_m: geoid above the ellipsoid; without RTK the absolute height is above the geoid.
        captured_at: aware time.
        rtk: the carrier-phase fix; None where there is none.
    """

    viewpoint: Viewpoint
    relative_height_m: float
    undulation_m: float
    captured_at: datetime
    rtk: Rtk | None

    @property
    def absolute_height_m(self) -> float:
        """Height above the ellipsoid with an RTK fix, else above the geoid."""
        hae = self.viewpoint.hae_m
        return hae if self.rtk is not None else hae - self.undulation_m


def exif_bytes(camera: Camera, reading: Reading) -> bytes:
    """The EXIF block: camera, times in UTC, and position to a hundredth of a millimetre."""
    exif = Image.Exif()
    at = reading.captured_at.astimezone(UTC)
    stamp = at.strftime("%Y:%m:%d %H:%M:%S")
    exif[0x010F], exif[0x0110] = camera.make, camera.model
    exif[0x010E] = "Rendered scene, not a photograph"
    exif[0x0112] = 1
    exif[0x0131] = "Vedette scenes"
    exif[0x0132] = stamp
    detail = exif.get_ifd(_EXIF_IFD)
    detail[0x9003] = detail[0x9004] = stamp
    detail[0x9010] = detail[0x9011] = detail[0x9012] = "+00:00"
    detail[0x9291] = f"{at.microsecond // 1000:03d}"
    detail[0x829A], detail[0x829D], detail[0x8827] = IFDRational(1, 800), IFDRational(56, 10), 100
    detail[0x920A] = _rational(camera.focal_length_mm, 100)
    detail[0xA002], detail[0xA003] = camera.width_px, camera.height_px
    detail[0xA404] = IFDRational(1, 1)
    place = exif.get_ifd(_GPS_IFD)
    view = reading.viewpoint
    place[0] = b"\x02\x03\x00\x00"
    place[1] = "N" if view.latitude_deg >= 0 else "S"
    place[2] = _sexagesimal(view.latitude_deg)
    place[3] = "E" if view.longitude_deg >= 0 else "W"
    place[4] = _sexagesimal(view.longitude_deg)
    place[5] = b"\x00" if reading.absolute_height_m >= 0 else b"\x01"
    place[6] = _rational(abs(reading.absolute_height_m), 1000)
    seconds = Fraction(at.second) + Fraction(at.microsecond, 1_000_000)
    place[7] = (IFDRational(at.hour), IFDRational(at.minute), IFDRational(seconds))
    place[0x12] = "WGS-84"
    place[0x1D] = at.strftime("%Y:%m:%d")
    return bytes(exif.tobytes())


def xmp_bytes(camera: Camera, reading: Reading) -> bytes:
    """The XMP packet with the `drone-dji` namespace."""
    view = reading.viewpoint
    fields = {
        "GpsStatus": "RTK" if reading.rtk else "Normal",
        "AltitudeType": "RtkAlt" if reading.rtk else "GpsFusionAlt",
        "GpsLatitude": f"{view.latitude_deg:+.11f}",
        "GpsLongitude": f"{view.longitude_deg:+.11f}",
        "AbsoluteAltitude": f"{reading.absolute_height_m:+.3f}",
        "RelativeAltitude": f"{reading.relative_height_m:+.3f}",
        "GimbalRollDegree": _degrees(view.roll_deg),
        "GimbalYawDegree": _degrees((view.yaw_deg + 180) % 360 - 180),
        "GimbalPitchDegree": _degrees(view.pitch_deg),
        "FlightRollDegree": "+1.10",
        "FlightYawDegree": _degrees((view.yaw_deg + 180.7) % 360 - 180),
        "FlightPitchDegree": "-2.30",
        "GimbalReverse": "0",
        "CamReverse": "0",
        "CalibratedFocalLength": f"{camera.fx_px:.6f}",
        "CalibratedOpticalCenterX": f"{camera.cx_px:.6f}",
        "CalibratedOpticalCenterY": f"{camera.cy_px:.6f}",
    }
    if reading.rtk is not None:
        fields |= {
            "RtkFlag": "50",
            "RtkStdLon": f"{reading.rtk.horizontal_m:.5f}",
            "RtkStdLat": f"{reading.rtk.horizontal_m:.5f}",
            "RtkStdHgt": f"{reading.rtk.vertical_m:.5f}",
        }
    if any(camera.distortion):
        inner = (
            camera.fx_px,
            camera.fy_px,
            camera.cx_px - camera.width_px / 2,
            camera.cy_px - camera.height_px / 2,
            *camera.distortion,
        )
        fields["DewarpData"] = "2026-01-15;" + ",".join(f"{value:.12f}" for value in inner)
        fields["DewarpFlag"] = "0"
    lines = "\n".join(f'   drone-dji:{name}="{value}"' for name, value in fields.items())
    day = reading.captured_at.astimezone(UTC).date().isoformat()
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">\n'
        ' <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">\n'
        '  <rdf:Description rdf:about="DJI Meta Data"\n'
        '   xmlns:tiff="http://ns.adobe.com/tiff/1.0/"\n'
        '   xmlns:xmp="http://ns.adobe.com/xap/1.0/"\n'
        '   xmlns:drone-dji="http://www.dji.com/drone-dji/1.0/"\n'
        f'   xmp:ModifyDate="{day}"\n'
        f'   xmp:CreateDate="{day}"\n'
        f'   tiff:Make="{camera.make}"\n'
        f'   tiff:Model="{camera.model}"\n'
        f"{lines}>\n"
        "  </rdf:Description>\n"
        " </rdf:RDF>\n"
        "</x:xmpmeta>\n"
        '<?xpacket end="w"?>'
    ).encode()


def _degrees(angle: float) -> str:
    """Two decimals, as the aircraft writes; more where the angle needs them to stay exact."""
    short = f"{angle:+.2f}"
    return short if abs(float(short) - angle) < 1e-9 else f"{angle:+.9f}"


def _rational(value: float, denominator: int) -> IFDRational:
    return IFDRational(round(value * denominator), denominator)


def _sexagesimal(angle_deg: float) -> tuple[IFDRational, IFDRational, IFDRational]:
    """Degrees, minutes and seconds of the angle's size."""
    total = round(abs(angle_deg) * 3600 * _SECONDS_DENOMINATOR)
    minutes, seconds = divmod(total, 60 * _SECONDS_DENOMINATOR)
    degrees, minutes = divmod(minutes, 60)
    return IFDRational(degrees), IFDRational(minutes), IFDRational(seconds, _SECONDS_DENOMINATOR)
