"""What is believed of a camera pose, what is repaired, and how wrong the rest may be.

Metadata lie in known ways. Each fault here is named to the crew: repaired where the repair is
certain, else the frame is not located. Nothing is guessed in silence.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from pipelines.metadata.telemetry import AbsoluteHeight, Attitude, Telemetry
from pipelines.outcome import Finding, Outcome, Severity
from pipelines.pose import HeightReference, Pose, Sigmas

DEFAULT_SIGMAS = Sigmas(
    horizontal_m=2.8,
    vertical_m=2.0,
    yaw_deg=2.5,
    pitch_deg=0.8,
    roll_deg=1.0,
    pixel_px=2.0,
    terrain_m=3.0,
)
"""One standard deviation of each input where neither metadata nor submitter tell another.

They are for a small drone with a gimbal, a compass and satellite positions without corrections.
Each is a figure published for the part, drawn towards what the Thunderstorm field test shows of
real photographs against surveyed ground (Theta-Limited/OA-Accuracy-Testing): 138 points of 26
photographs, of which CE90 then covers 92 %. The yaw is also that of overlapping photographs of
Brighton Beach. `docs/calibration.md` has the sources, the fit and its cross-validation, and
`benchmarks.calibration` repeats it.
"""

_FLIPPED_ROLL_DEG = 150.0
_NEAR_NADIR_DEG = -80.0
_LARGE_ROLL_DEG = 30.0
# No gimbal reaches further past its nadir, or its zenith.
_FARTHEST_PITCH_DEG = 130.0
# Above the horizon by more than this, half of a usual picture is sky.
_LOOKS_UP_DEG = 20.0
# Below this a camera is on the ground or its barometer was never set.
_LOWEST_FLIGHT_M = 1.5
# A height that RTK tells stands even so.
_SURE_HEIGHT_M = 1.0
# Two ways to write one position agree by far less; a receiver loses more in this time.
_POSITIONS_APART_DEG = 0.0005
_OLDEST_POSITION_S = 60.0
_HIGHEST_FLIGHT_M = 10_000.0
_LOWEST_ABSOLUTE_M, _HIGHEST_ABSOLUTE_M = -500.0, 15_000.0


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckedPose:
    """What remains of metadata after the check.

    Attributes:
        pose: None where the frame cannot be located.
        outcome: LOCATED, or the first reason why not.
        sigmas: one standard deviation of each input.
        relative_height_m: above take-off, where believed.
        absolute_height: where believed.
        findings: in the order of the check.
    """

    pose: Pose | None
    outcome: Outcome
    sigmas: Sigmas
    relative_height_m: float | None
    absolute_height: AbsoluteHeight | None
    findings: tuple[Finding, ...]


def check_pose(
    telemetry: Telemetry, *, elsewhere: tuple[float | None, float | None] = (None, None)
) -> CheckedPose:
    """Believe, repair or reject what a maker's metadata say of the pose.

    Args:
        telemetry: what they say.
        elsewhere: latitude and longitude as EXIF tells them, where the maker tells its own.
    """
    findings: list[Finding] = []
    position = _position(telemetry, elsewhere, findings)
    attitude, attitude_outcome, pitch_sigma = _attitude(telemetry.attitude, findings)
    absolute = _absolute(telemetry.absolute_height, findings)
    on_ground = _on_ground(telemetry.relative_height_m, absolute, findings)
    relative = None if on_ground else _relative(telemetry.relative_height_m, findings)
    sigmas = DEFAULT_SIGMAS
    if telemetry.horizontal_sigma_m is not None:
        sigmas = replace(sigmas, horizontal_m=telemetry.horizontal_sigma_m)
    doubt = telemetry.attitude_doubt_deg
    sigmas = replace(
        sigmas,
        yaw_deg=math.hypot(sigmas.yaw_deg, doubt, telemetry.yaw_doubt_deg),
        pitch_deg=math.hypot(pitch_sigma, doubt),
        roll_deg=math.hypot(sigmas.roll_deg, doubt),
    )
    if relative is None and absolute is not None:
        sigmas = replace(sigmas, vertical_m=absolute.sigma_m)
    outcome = position
    if outcome is Outcome.LOCATED:
        outcome = attitude_outcome
    if outcome is Outcome.LOCATED and on_ground and not _sure(absolute):
        outcome = Outcome.POSE_REJECTED
    if relative is None and absolute is None:
        if outcome is Outcome.LOCATED:
            outcome = Outcome.NO_HEIGHT
        findings.append(
            _error(
                "NO_HEIGHT",
                "no height that can be believed; state height_m and height_reference in a pose "
                "file",
            )
        )
    return CheckedPose(
        pose=_pose(telemetry, attitude, relative, absolute) if outcome is Outcome.LOCATED else None,
        outcome=outcome,
        sigmas=sigmas,
        relative_height_m=relative,
        absolute_height=absolute,
        findings=tuple(findings),
    )


def _pose(
    telemetry: Telemetry,
    attitude: Attitude | None,
    relative: float | None,
    absolute: AbsoluteHeight | None,
) -> Pose | None:
    if telemetry.latitude_deg is None or telemetry.longitude_deg is None or attitude is None:
        return None
    if relative is not None:
        height, reference = relative, HeightReference.ABOVE_GROUND
    elif absolute is not None:
        height, reference = absolute.height_m, absolute.reference
    else:
        return None
    return Pose(
        latitude_deg=telemetry.latitude_deg,
        longitude_deg=telemetry.longitude_deg,
        height_m=height,
        height_reference=reference,
        yaw_deg=attitude.yaw_deg,
        pitch_deg=attitude.pitch_deg,
        roll_deg=attitude.roll_deg,
    )


def _position(
    telemetry: Telemetry, elsewhere: tuple[float | None, float | None], findings: list[Finding]
) -> Outcome:
    latitude, longitude = telemetry.latitude_deg, telemetry.longitude_deg
    if latitude is None or longitude is None:
        findings.append(
            _error(
                "NO_POSITION",
                "no GPS position in the metadata; switch on geotagging, submit the original file, "
                "or state the pose",
            )
        )
        return Outcome.NO_POSITION
    if abs(latitude) > 90.0 or abs(longitude) > 180.0:
        findings.append(
            _error(
                "POSITION_OUT_OF_RANGE",
                f"latitude {latitude:g}, longitude {longitude:g} is no place on Earth; state the "
                "pose",
            )
        )
        return Outcome.POSE_REJECTED
    # No place is known to a tenth of a micrometre: an exact zero is a value that was never set.
    unset = latitude == 0.0 or longitude == 0.0
    if unset or (abs(latitude) < 1e-4 and abs(longitude) < 1e-4):
        findings.append(
            _error(
                "POSITION_ZERO",
                f"the position is {latitude:g}, {longitude:g}: the receiver had no fix; wait for "
                "satellites before take-off, or state the pose",
            )
        )
        return Outcome.NO_POSITION
    other_latitude, other_longitude = elsewhere
    if other_latitude is not None and other_longitude is not None:
        east = abs((longitude - other_longitude + 180.0) % 360.0 - 180.0)
        apart = math.hypot(
            latitude - other_latitude, east * math.cos(math.radians(min(abs(latitude), 90.0)))
        )
        if apart > _POSITIONS_APART_DEG:
            findings.append(
                _error(
                    "POSITIONS_DISAGREE",
                    f"EXIF and the maker's metadata place the camera {apart * 111.2:.2f} km apart: "
                    "one was changed later; submit the original file, or state the pose",
                )
            )
            return Outcome.POSE_REJECTED
    age = telemetry.position_age_s
    if age is not None and age > _OLDEST_POSITION_S:
        findings.append(
            _error(
                "POSITION_STALE",
                f"the GPS time is {age:.0f} s before the picture's: the receiver had lost its "
                "satellites and told its last place; if only the camera's clock is wrong, state "
                "the pose",
            )
        )
        return Outcome.NO_POSITION
    return Outcome.LOCATED


def _sure(absolute: AbsoluteHeight | None) -> bool:
    return absolute is not None and absolute.sigma_m <= _SURE_HEIGHT_M


def _on_ground(
    relative: float | None, absolute: AbsoluteHeight | None, findings: list[Finding]
) -> bool:
    """Whether the picture was taken at the height of take-off: before it, or after landing."""
    if relative is None or abs(relative) > _LOWEST_FLIGHT_M:
        return False
    message = (
        f"{relative:g} m above take-off: taken before take-off or after landing. If the aircraft "
        "flew level with a high place of take-off, state the height in a pose file"
    )
    findings.append((_warning if _sure(absolute) else _error)("ON_THE_GROUND", message))
    return True


def _attitude(
    attitude: Attitude | None, findings: list[Finding]
) -> tuple[Attitude | None, Outcome, float]:
    """The attitude to use, the outcome, and the sigma of its pitch in degrees."""
    sigma = DEFAULT_SIGMAS.pitch_deg
    if attitude is None:
        findings.append(
            _error(
                "NO_ATTITUDE",
                "the metadata do not tell where the camera looked; state yaw_deg, pitch_deg and "
                "roll_deg in a pose file",
            )
        )
        return None, Outcome.NO_ATTITUDE, sigma
    yaw, pitch, roll = attitude.yaw_deg, attitude.pitch_deg, attitude.roll_deg
    if yaw == pitch == roll == 0.0:
        # dji-sdk/Mobile-SDK-Android-V5#772
        findings.append(
            _error(
                "ATTITUDE_NOT_REPORTED",
                "yaw, pitch and roll are all exactly zero: the gimbal did not report; update the "
                "firmware or take photographs with the maker's own app, or state the pose",
            )
        )
        return None, Outcome.NO_ATTITUDE, sigma
    if abs(yaw) > 360.0 or abs(pitch) > _FARTHEST_PITCH_DEG or abs(roll) > 180.5:
        findings.append(
            _error(
                "ATTITUDE_OUT_OF_RANGE",
                f"yaw {yaw:g}, pitch {pitch:g}, roll {roll:g} degrees is no attitude; state the "
                "pose",
            )
        )
        return None, Outcome.POSE_REJECTED, sigma
    if abs(roll) >= _FLIPPED_ROLL_DEG:
        return _flipped(attitude, findings)
    if pitch > _LOOKS_UP_DEG:
        findings.append(
            _warning(
                "CAMERA_LOOKS_UP",
                f"the camera looked {pitch:.0f} degrees above the horizon: little of the picture "
                "is ground, and that is far away",
            )
        )
    if abs(roll) > _LARGE_ROLL_DEG:
        findings.append(
            _warning(
                "ROLL_LARGE",
                f"the camera is said to be rolled by {roll:.0f} degrees; check the gimbal",
            )
        )
    return attitude, Outcome.LOCATED, sigma


def _flipped(attitude: Attitude, findings: list[Finding]) -> tuple[Attitude | None, Outcome, float]:
    """A gimbal that turned over its nadir: yaw half a turn on, no roll (orthority#36).

    Straight down the two are one attitude. Off it they lie on opposite sides of the nadir, so
    what is left of the pitch goes into its error.
    """
    if attitude.pitch_deg > _NEAR_NADIR_DEG:
        findings.append(
            _error(
                "CAMERA_UPSIDE_DOWN",
                f"roll {attitude.roll_deg:.0f} degrees at pitch {attitude.pitch_deg:.0f}: a gimbal"
                " does not hold a camera upside down; state the pose",
            )
        )
        return None, Outcome.POSE_REJECTED, DEFAULT_SIGMAS.pitch_deg
    repaired = Attitude(
        yaw_deg=(attitude.yaw_deg + 360.0) % 360.0 - 180.0,
        pitch_deg=attitude.pitch_deg,
        roll_deg=0.0,
    )
    findings.append(
        _warning(
            "GIMBAL_FLIPPED",
            f"the gimbal had flipped (roll {attitude.roll_deg:.0f} at pitch "
            f"{attitude.pitch_deg:.0f}): roll is set to 0 and yaw turned by 180 degrees to "
            f"{repaired.yaw_deg:.1f}",
        )
    )
    sigma = math.hypot(DEFAULT_SIGMAS.pitch_deg, attitude.pitch_deg + 90.0)
    return repaired, Outcome.LOCATED, sigma


def _relative(height: float | None, findings: list[Finding]) -> float | None:
    if height is None:
        return None
    if _LOWEST_FLIGHT_M < height <= _HIGHEST_FLIGHT_M:
        return height
    findings.append(
        _warning(
            "HEIGHT_UNBELIEVABLE",
            f"{height:g} m above take-off is no height to photograph the ground from; it is not "
            "used. If the place of take-off was higher, state the height in a pose file",
        )
    )
    return None


def _absolute(height: AbsoluteHeight | None, findings: list[Finding]) -> AbsoluteHeight | None:
    if height is None:
        return None
    # Exactly zero is what a receiver without a fix writes.
    if height.height_m != 0.0 and _LOWEST_ABSOLUTE_M <= height.height_m <= _HIGHEST_ABSOLUTE_M:
        return height
    findings.append(
        _warning(
            "ALTITUDE_UNBELIEVABLE",
            f"an absolute altitude of {height.height_m:g} m cannot be believed and is not used",
        )
    )
    return None


def _error(code: str, message: str) -> Finding:
    return Finding(code=code, severity=Severity.ERROR, message=message)


def _warning(code: str, message: str) -> Finding:
    return Finding(code=code, severity=Severity.WARNING, message=message)
