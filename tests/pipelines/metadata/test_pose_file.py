from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import InvalidInputError
from pipelines.camera import Distortion
from pipelines.metadata.pose_check import DEFAULT_SIGMAS
from pipelines.metadata.pose_file import parse_pose
from pipelines.pose import HeightReference

LEAST: dict[str, Any] = {
    "latitude_deg": 12.5,
    "longitude_deg": -30,
    "height_m": 120,
    "height_reference": "above_ground",
    "yaw_deg": 45.5,
    "pitch_deg": -60,
}
CAMERA: dict[str, Any] = {
    "make": "DJI",
    "model": "FC6310",
    "width_px": 5472,
    "height_px": 3648,
    "fx_px": 3666.5,
    "fy_px": 3660,
    "cx_px": 2730.1,
    "cy_px": 1820.2,
    "distortion": {"k1": 0.1, "k2": -0.2, "p1": 0.001, "p2": -0.002, "k3": 0.3},
}


def test_every_field_arrives_where_it_belongs() -> None:
    stated = parse_pose(
        json.dumps(
            LEAST
            | {
                "roll_deg": -3,
                "camera": CAMERA,
                "sigmas": {
                    "horizontal_m": 1,
                    "vertical_m": 2,
                    "yaw_deg": 3,
                    "pitch_deg": 4,
                    "roll_deg": 5,
                    "pixel_px": 6,
                    "terrain_m": 7,
                },
                "captured_at": "2026-03-01T14:00:00+02:00",
            }
        )
    )
    pose, inner, sigmas = stated.pose, stated.intrinsics, stated.sigmas
    assert (pose.latitude_deg, pose.longitude_deg, pose.height_m) == (12.5, -30.0, 120.0)
    assert pose.height_reference is HeightReference.ABOVE_GROUND
    assert (pose.yaw_deg, pose.pitch_deg, pose.roll_deg) == (45.5, -60.0, -3.0)
    assert inner is not None
    assert (inner.width_px, inner.height_px) == (5472, 3648)
    assert (inner.fx_px, inner.fy_px, inner.cx_px, inner.cy_px) == (3666.5, 3660, 2730.1, 1820.2)
    assert inner.distortion == Distortion(k1=0.1, k2=-0.2, p1=0.001, p2=-0.002, k3=0.3)
    assert (sigmas.horizontal_m, sigmas.vertical_m, sigmas.yaw_deg) == (1, 2, 3)
    assert (sigmas.pitch_deg, sigmas.roll_deg, sigmas.pixel_px, sigmas.terrain_m) == (4, 5, 6, 7)
    assert stated.captured_at == datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert (stated.make, stated.model) == ("DJI", "FC6310")


def test_what_is_left_out_or_null_is_assumed_as_documented() -> None:
    stated = parse_pose(LEAST | {"camera": None, "sigmas": None, "captured_at": None})
    assert stated.pose.roll_deg == 0.0
    assert stated.intrinsics is None
    assert stated.sigmas == DEFAULT_SIGMAS
    assert stated.captured_at is None
    part = parse_pose(
        LEAST
        | {
            "camera": {"width_px": 400, "height_px": 300, "fx_px": 500},
            "sigmas": {"yaw_deg": 0},
        }
    )
    assert part.intrinsics is not None
    assert (part.intrinsics.fy_px, part.intrinsics.cx_px, part.intrinsics.cy_px) == (500, 200, 150)
    assert part.intrinsics.distortion == Distortion()
    assert part.sigmas.yaw_deg == 0.0
    assert part.sigmas.pitch_deg == DEFAULT_SIGMAS.pitch_deg


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"latitude_deg": None}, "latitude_deg"),
        ({"latitude_deg": 90.1}, "latitude_deg"),
        ({"longitude_deg": "12"}, "longitude_deg"),
        ({"height_m": True}, "height_m"),
        ({"height_m": float("nan")}, "height_m"),
        ({"height_m": -3}, "height_m"),
        ({"height_reference": "agl"}, "height_reference"),
        ({"height_reference": ["hae"]}, "height_reference"),
        ({"yaw_deg": 10**400}, "yaw_deg"),
        ({"pitch_deg": -91}, "pitch_deg"),
        ({"roll": 3}, "roll"),
        ({"camera": 3}, "camera"),
        ({"camera": {"fx_px": 3}}, "camera.width_px"),
        ({"camera": CAMERA | {"fx_px": 0}}, "camera.fx_px"),
        ({"camera": CAMERA | {"fx_px": -5}}, "camera.fx_px"),
        ({"camera": CAMERA | {"fx_px": None}}, "camera.fx_px"),
        ({"camera": CAMERA | {"width_px": 12.5}}, "camera.width_px"),
        ({"camera": CAMERA | {"focal": 8}}, "camera.focal"),
        ({"camera": CAMERA | {"distortion": {"k4": 1}}}, "camera.distortion.k4"),
        ({"camera": CAMERA | {"distortion": {"k1": "1"}}}, "camera.distortion.k1"),
        ({"camera": CAMERA | {"make": 7}}, "camera.make"),
        ({"sigmas": {"yaw_deg": -1}}, "sigmas.yaw_deg"),
        ({"sigmas": {"yaw": 1}}, "sigmas.yaw"),
        ({"captured_at": "2026-03-01T12:00:00"}, "captured_at"),
        ({"captured_at": "yesterday"}, "captured_at"),
        ({"captured_at": 1_700_000_000}, "captured_at"),
        ({"captured_at": "0001-01-01T00:00:00+14:00"}, "captured_at"),
    ],
)
def test_a_fault_is_refused_with_its_field(change: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        parse_pose(LEAST | change)
    assert refused.value.field == field
    assert field in str(refused.value)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", "null", "[" * 60_000, '{"latitude_deg": NaN}', '{"a": ' + "9" * 5_000 + "}"],
)
def test_text_that_is_no_pose_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError):
        parse_pose(text)


def test_a_key_given_twice_is_refused() -> None:
    twice = json.dumps(LEAST)[:-1] + ', "yaw_deg": 90}'
    with pytest.raises(InvalidInputError, match="yaw_deg is given twice"):
        parse_pose(twice)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from([*LEAST, "camera", "sigmas", "x"]), inner)
        ),
        max_leaves=12,
    )
)
def test_any_json_is_read_or_refused(value: object) -> None:
    try:
        parse_pose(json.dumps(value))
    except InvalidInputError as refused:
        assert str(refused)  # noqa: PT017 - either answer is right; nothing else may be raised
