from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pyproj import Geod

from pipelines.ground import GroundPoint
from pipelines.outcome import Outcome
from pipelines.threats.positions.position import Position, PositionKind
from pipelines.threats.proximity.weighing import weigh
from pipelines.threats.rules.rule import DEFAULT_RULE
from pipelines.threats.tracks.fusion import horizontal, intersect, placed, reweigh

GEOD = Geod(ellps="WGS84")


def covariance(major: float, minor: float, turn_deg: float) -> NDArray[np.float64]:
    turn = math.radians(turn_deg)
    axes = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    return np.asarray(axes @ np.diag([major**2, minor**2]) @ axes.T, np.float64)


ellipse = st.builds(covariance, st.floats(5.0, 100.0), st.floats(1.0, 5.0), st.floats(0.0, 180.0))


@given(
    first=ellipse,
    second=ellipse,
    angle=st.floats(0.0, 2 * math.pi),
    strength=st.floats(-1.0, 1.0),
)
@settings(max_examples=200, deadline=None)
def test_whatever_the_errors_share_the_fused_ellipse_does_not_claim_too_much(
    first: NDArray[np.float64], second: NDArray[np.float64], angle: float, strength: float
) -> None:
    fused, gain_first, gain_second = intersect(first, second)
    assert np.allclose(gain_first + gain_second, np.eye(2), atol=1e-9)
    # Any cross covariance is A^1/2 U B^1/2 with the norm of U at most one.
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    cross = np.linalg.cholesky(first) @ (strength * turn) @ np.linalg.cholesky(second).T
    true = (
        gain_first @ first @ gain_first.T
        + gain_second @ second @ gain_second.T
        + gain_first @ cross @ gain_second.T
        + gain_second @ cross.T @ gain_first.T
    )
    assert np.linalg.eigvalsh(fused - true).min() >= -1e-9 * np.trace(fused)
    assert np.trace(fused) <= min(np.trace(first), np.trace(second)) * (1 + 1e-9)


def point(lat: float, lon: float, cov: NDArray[np.float64], **changes: object) -> GroundPoint:
    full = np.zeros((3, 3))
    full[:2, :2] = cov
    full[2, 2] = 4.0
    values: dict[str, object] = {
        "outcome": Outcome.LOCATED,
        "latitude_deg": lat,
        "longitude_deg": lon,
        "hae_m": 100.0,
        "covariance_enu_m2": full,
        "ce90_m": 1.0,
        "le90_m": 3.29,
        "terrain": "flat:relative_height",
    }
    return GroundPoint(**(values | changes))  # type: ignore[arg-type]


def test_no_height_is_made_up_and_the_surer_one_is_kept() -> None:
    flat = {"hae_m": None, "le90_m": None}
    cov = np.eye(2)

    def moved(newer: GroundPoint, older: GroundPoint | None) -> GroundPoint:
        return placed(
            newer,
            latitude_deg=5.0,
            longitude_deg=19.0,
            covariance_m2=np.diag([9.0, 9.0]),
            older=older,
        )

    both = moved(point(4.0, 18.0, cov, **flat), point(4.0, 18.0, cov, **flat))
    assert (both.hae_m, both.le90_m) == (None, None)
    one = moved(point(4.0, 18.0, cov, **flat), point(4.0, 18.0, cov))
    assert one.hae_m == 100.0
    assert one.le90_m == pytest.approx(1.645 * 2.0)
    assert (one.latitude_deg, one.longitude_deg) == (5.0, 19.0)
    # The radius that holds 90 % of a circular normal error.
    assert one.ce90_m == pytest.approx(3.0 * math.sqrt(2.0 * math.log(10.0)), rel=1e-3)


@pytest.mark.parametrize("latitude", [-60.0, 0.0, 4.0, 78.0])
@pytest.mark.parametrize("bearing", [0.0, 37.0, 180.0, 291.0])
@pytest.mark.parametrize("distance", [0.5, 300.0, 30_000.0])
def test_a_sighting_weighed_again_at_its_own_place_is_the_same(
    latitude: float, bearing: float, distance: float
) -> None:
    lon, lat, _ = GEOD.fwd(18.0, latitude, bearing, distance)
    position = Position(
        position_id="p",
        display_name="P",
        kind=PositionKind.BASE,
        latitude_deg=latitude,
        longitude_deg=18.0,
        sigma_m=12.0,
        radius_m=distance + 10.0,
    )
    ground = point(lat, lon, covariance(30.0, 4.0, 20.0))
    (sighting,) = weigh([ground], ["car"], [0.9], [position], [DEFAULT_RULE])
    again = reweigh(sighting, ground)
    assert again.range_m == pytest.approx(sighting.range_m, abs=1e-5)
    assert again.bearing_deg == pytest.approx(sighting.bearing_deg, abs=1e-3 / distance + 1e-7)
    assert again.probability == pytest.approx(sighting.probability, abs=1e-6)
    assert again.range_low_m == pytest.approx(sighting.range_low_m, abs=1e-3)


def test_a_place_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="covariance"):
        horizontal(GroundPoint(outcome=Outcome.ABOVE_HORIZON))
