"""Whatever stands in the tags of whatever make: an answer or a refusal, never another error."""

from __future__ import annotations

import math
from types import ModuleType

from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.metadata.capture_reader import read_capture
from pipelines.outcome import Outcome, Severity

NAMESPACES = (
    'xmlns:drone-dji="http://www.dji.com/drone-dji/1.0/" '
    'xmlns:drone-skydio="https://www.skydio.com/drone-skydio/1.0/" '
    'xmlns:drone-parrot="http://www.parrot.com/drone-parrot/1.0/" '
    'xmlns:Camera="http://pix4d.com/camera/1.0/" xmlns:exif="http://ns.adobe.com/exif/1.0/" '
    'xmlns:sensefly="http://ns.sensefly.com/sensefly/1.0/"'
)
TAGS = {
    "drone-dji": (
        "GimbalYawDegree GimbalPitchDegree GimbalRollDegree FlightYawDegree RelativeAltitude "
        "AbsoluteAltitude RtkFlag RtkDiffAge RtkStdLon RtkStdHgt GpsLatitude GpsLongitude "
        "CalibratedFocalLength CalibratedOpticalCenterX CalibratedOpticalCenterY DewarpFlag "
        "CamReverse DewarpData ImageSource UTCAtExposure"
    ),
    "drone-skydio": "Latitude Longitude AbsoluteAltitude DewarpData CameraSource",
    "drone-parrot": "CameraYawDegree CameraPitchDegree CameraRollDegree",
    "Camera": (
        "Yaw Pitch Roll AboveGroundAltitude GPSXYAccuracy GPSZAccuracy ModelType PrincipalPoint "
        "PerspectiveFocalLength PerspectiveDistortion"
    ),
    "exif": (
        "PlatformYaw PlatformPitch PlatformRoll CameraYaw CameraPitch CameraRoll DateTimeOriginal"
    ),
    "sensefly": "Latitude Longitude AltitudeWGS84 UTCTime",
}
MAKES = [
    ("DJI", "FC6310"),
    ("DJI", "ZH20T"),
    ("Autel Robotics", "XT705"),
    ("Camera", "XL715"),
    ("Skydio", "X2"),
    ("Parrot", "ANAFIUSA"),
    ("PARROT", "DISCO"),
    ("Teledyne FLIR", "Boson 640"),
    ("SONY", "DSC-RX1RM2"),
]
VALUES = st.one_of(
    st.floats(-400, 400).map(str),
    st.floats().map(str),
    st.sampled_from(["0", "-0.0", "1/0", "3/7", "", "nan", "1e400", "0,1,2,3,4", "1,1,1,1,1,1,1"]),
    st.sampled_from(["2021-10-22T11:30:09+02:00", "9999-12-31T23:59:59-14:00", "InfraredCamera"]),
)
NUMBERS = st.sampled_from([0, 1, 2, 5, 400, 65535, 4_000_000_000])


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(MAKES),
    st.dictionaries(
        st.sampled_from([f"{name}:{tag}" for name, tags in TAGS.items() for tag in tags.split()]),
        VALUES,
        max_size=25,
    ),
    st.dictionaries(st.sampled_from([40962, 40963, 41989]), NUMBERS),
    st.dictionaries(st.sampled_from([37386, 41988, 41486, 41487]), st.floats(0, 1e6)),
)
def test_no_metadata_raise(
    shots: ModuleType,
    make: tuple[str, str],
    tags: dict[str, str],
    sizes: dict[int, int],
    lengths: dict[int, float],
) -> None:
    body = " ".join(f'{name}="{value}"' for name, value in tags.items())
    capture = read_capture(
        shots.photograph(
            shots.packet(f"{body}/>", NAMESPACES),
            size=(40, 32),
            main={271: make[0], 272: make[1]},
            camera={
                tag: value if tag in {40962, 40963} else min(value, 65535)
                for tag, value in sizes.items()
            }
            | lengths,
            gps=shots.GPS | {5: b"\x00", 6: 412.5},
        )
    )
    located = capture.outcome is Outcome.LOCATED
    assert (capture.pose is not None) == located
    if not located:
        assert any(finding.severity is Severity.ERROR for finding in capture.findings)
        return
    pose, inner = capture.pose, capture.intrinsics
    assert pose is not None
    assert inner is not None
    numbers = [
        *(getattr(pose, name) for name in pose.__slots__ if name != "height_reference"),
        *(getattr(capture.sigmas, name) for name in capture.sigmas.__slots__),
        inner.fx_px,
        inner.fy_px,
    ]
    assert all(math.isfinite(number) for number in numbers)
    assert min(inner.fx_px, inner.fy_px) > 0
    assert all(getattr(capture.sigmas, name) >= 0 for name in capture.sigmas.__slots__)
