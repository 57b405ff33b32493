"""Real photographs through the real service: what can be placed is, what cannot says why."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import rasterio
from pyproj import Geod
from vedette.v1 import ground_pb2, imagery_pb2, incident_pb2, position_pb2

from service.client import Client
from tests.acceptance.conftest import Service

WGS84 = Geod(ellps="WGS84")
# Read off the Skydio photograph by eye: where the car on the road stands, and a place in the sky.
CAR_PX = (438.0, 772.0)
SKY_PX = (700.0, 100.0)


def car_by_hand(dem: Path) -> tuple[float, float]:
    """Latitude and longitude of the car, by plane trigonometry from the photograph's own tags.

    Tags: position 32.518935 N 110.924547 W, 52.566 m over take-off (which lay below the camera),
    yaw 127.444, pitch -7.469 degrees, focal length 2378.5 px at 4056 px width, centre (2029.2,
    1520.3) of 4056 x 3040; the file shows the middle 2282 rows of these, at 1500 x 844.
    """
    scale = 1500 / 4056
    focal = 2378.5 * scale
    right = (CAR_PX[0] - 2029.2 * scale) / focal
    down = (CAR_PX[1] - (1520.3 - (3040 - 2282) / 2) * scale) / focal
    pitch = math.radians(-7.469)
    # Forward and down in the vertical plane of the optical axis.
    forward = math.cos(pitch) + down * math.sin(pitch)
    sink = -math.sin(pitch) + down * math.cos(pitch)
    azimuth = 127.444 + math.degrees(math.atan2(right, forward))
    with rasterio.open(dem) as heights:
        take_off = float(next(heights.sample([(-110.924547, 32.518935)]))[0])
        ground = take_off
        for _ in range(20):
            reach = math.hypot(right, forward) * (take_off + 52.566 - ground) / sink
            longitude, latitude, _ = WGS84.fwd(-110.924547, 32.518935, azimuth, reach)
            ground = float(next(heights.sample([(longitude, latitude)]))[0])
    return latitude, longitude


@pytest.fixture(scope="module")
def over_dem(tmp_path_factory: pytest.TempPathFactory, data_dir: Path) -> Iterator[Service]:
    running = Service(tmp_path_factory.mktemp("photographs") / "data")
    running.start("--dem-dir", str(data_dir / "photos" / "skydio"))
    try:
        yield running
    finally:
        running.stop()


def processed(client: Client, photograph: Path, pledge: str) -> imagery_pb2.Imagery:
    name = client.submit(photograph, pledge=pledge, sortie="sortie-1").imagery.name
    *_, last = client.watch_imagery(name)
    assert last.state == imagery_pb2.IMAGERY_STATE_PROCESSED, last.failure
    return last


def test_the_car_on_the_road_is_an_incident_for_a_position_300_m_away(
    over_dem: Service, data_dir: Path, add_pledge: Callable[[Client, str], str]
) -> None:
    folder = data_dir / "photos" / "skydio"
    latitude, longitude = car_by_hand(folder / "skydio-catilina-dem.tiff")
    away_lon, away_lat, back = WGS84.fwd(longitude, latitude, 200.0, 300.0)
    with over_dem.client() as client:
        pledge = add_pledge(client, "road")
        client.call(
            client.positions.CreatePosition,
            position_pb2.CreatePositionRequest(
                parent="missions/road",
                position_id="post-1",
                position=position_pb2.Position(
                    display_name="Post 1",
                    kind=position_pb2.POSITION_KIND_POST,
                    latitude_deg=away_lat,
                    longitude_deg=away_lon,
                ),
            ),
        )
        seen = processed(client, folder / "skydio-catilina.jpg", pledge)
        listed = client.call(
            client.incidents.ListIncidents,
            incident_pb2.ListIncidentsRequest(parent="missions/road"),
        )
    car = max(listed.incidents, key=lambda it: it.confidence)
    assert car.imagery == seen.name
    assert (car.category, car.level) == ("car", incident_pb2.INCIDENT_LEVEL_ALERT)
    assert car.confidence > 0.7
    _, _, error_m = WGS84.inv(
        longitude, latitude, car.ground.longitude_deg, car.ground.latitude_deg
    )
    # Nearest-post heights and a contact point read by eye: a few metres, well inside CE90.
    assert error_m < 10.0 < car.ground.ce90_m
    assert car.range_m == pytest.approx(300.0, abs=10.0)
    assert car.range_low_m < 300.0 < car.range_high_m
    assert car.bearing_deg == pytest.approx(back % 360, abs=3.0)
    assert car.ground.terrain == "dem:skydio-catilina-dem.tiff"


def test_a_photograph_without_attitude_is_processed_and_says_so(
    over_dem: Service, data_dir: Path, add_pledge: Callable[[Client, str], str]
) -> None:
    with over_dem.client() as client:
        seen = processed(
            client, data_dir / "photos" / "sensefly" / "IMG_0505.jpg", add_pledge(client, "field")
        )
        listed = client.call(
            client.incidents.ListIncidents,
            incident_pb2.ListIncidentsRequest(parent="missions/field"),
        )
    assert ground_pb2.Outcome.Name(seen.outcome) == "OUTCOME_NO_ATTITUDE"
    assert "NO_ATTITUDE" in {finding.code for finding in seen.findings}
    assert seen.detection_count > 0
    assert not listed.incidents


def test_a_click_in_the_sky_is_above_the_horizon(data_dir: Path) -> None:
    folder = data_dir / "photos" / "skydio"
    command = [sys.executable, "-m", "service.cli", "locate", str(folder / "skydio-catilina.jpg")]
    answers = []
    for x, y in (SKY_PX, CAR_PX):
        done = subprocess.run(
            [*command, "--pixel", f"{x},{y}", "--dem", str(folder), "--json"],
            capture_output=True,
            text=True,
            check=True,
        )
        answers.append(json.loads(done.stdout))
    sky, car = answers
    assert sky["outcome"] == "above_horizon"
    assert sky["latitude_deg"] is None
    latitude, longitude = car_by_hand(folder / "skydio-catilina-dem.tiff")
    _, _, error_m = WGS84.inv(longitude, latitude, car["longitude_deg"], car["latitude_deg"])
    assert car["outcome"] == "located"
    assert error_m < 5.0
