from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from pipelines.camera import ned_from_camera
from pipelines.metadata.attitude_frames import (
    angle_between,
    attitude_of_pix4d,
    composed_attitude,
)
from pipelines.metadata.telemetry import Attitude


def test_parrots_documentation_gives_one_attitude_in_both_frames() -> None:
    # "Embedded Photo Metadata", the examples of Xmp.Camera and Xmp.drone-parrot.
    found = attitude_of_pix4d(146.781036, 38.011101, -0.041258)
    assert found.yaw_deg == pytest.approx(146.848038, abs=2e-5)
    assert found.pitch_deg == pytest.approx(-51.988888, abs=2e-5)
    assert found.roll_deg == pytest.approx(-0.052789, abs=2e-5)


@pytest.mark.parametrize(
    ("angles", "top", "forward"),
    [
        # Pix4D's own examples: article 202558969.
        ((0.0, 0.0, 0.0), [1, 0, 0], [0, 0, 1]),
        ((90.0, 0.0, 0.0), [0, 1, 0], [0, 0, 1]),
        ((0.0, 90.0, 0.0), [0, 0, -1], [1, 0, 0]),
    ],
)
def test_pix4ds_examples(
    angles: tuple[float, float, float], top: list[float], forward: list[float]
) -> None:
    found = attitude_of_pix4d(*angles)
    rotation = ned_from_camera(found.yaw_deg, found.pitch_deg, found.roll_deg)
    assert np.allclose(-rotation[:, 1], top, atol=1e-9)
    assert np.allclose(rotation[:, 2], forward, atol=1e-9)


def test_a_camera_in_a_banking_aircraft_is_composed_as_scipy_does() -> None:
    platform = Attitude(yaw_deg=200.0, pitch_deg=4.0, roll_deg=-12.0)
    mounted = Attitude(yaw_deg=15.0, pitch_deg=-50.0, roll_deg=2.0)
    found = composed_attitude(platform, mounted)
    bodies = Rotation.from_euler("ZYX", [200.0, 4.0, -12.0], degrees=True) * Rotation.from_euler(
        "ZYX", [15.0, -50.0, 2.0], degrees=True
    )
    yaw, pitch, roll = bodies.as_euler("ZYX", degrees=True)
    assert (found.yaw_deg + 360) % 360 == pytest.approx((yaw + 360) % 360)
    assert (found.pitch_deg, found.roll_deg) == pytest.approx((pitch, roll))


def test_the_angle_between_two_attitudes() -> None:
    one = Attitude(yaw_deg=10.0, pitch_deg=0.0, roll_deg=0.0)
    assert angle_between(one, one) == pytest.approx(0.0, abs=1e-5)
    assert angle_between(one, Attitude(yaw_deg=40.0, pitch_deg=0.0, roll_deg=0.0)) == pytest.approx(
        30.0
    )
