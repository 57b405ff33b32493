"""What ten thousand positions and a million detections cost a frame, besides detection.

`python -m benchmarks.proximity [--json FILE] [--postgresql URL]`. Weighing: 20 located objects of a
frame against 10,000 positions, of which a fifth are polygons and a tenth are routes. Probability:
pairs a second for each shape, against Monte Carlo with as many draws as its error needs to be a
thousandth (250,000). Ledger: what a frame reads and writes where a mission has 10,000 positions,
100 patrols with 1,000 reports each, and 1,000,000 detections. Medians of a warm process; what is
computed in processor time.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from sqlalchemy import insert

from models.detections import Detections
from models.detector import DetectorIdentity
from pipelines.assessment import Assessment
from pipelines.capture import Capture
from pipelines.geometry.ground_scale import GroundCorners, within_reach
from pipelines.ground import GroundPoint
from pipelines.imagery.media import MediaKind
from pipelines.metadata.pose_check import DEFAULT_SIGMAS
from pipelines.outcome import Outcome
from pipelines.threats.positions.patrols import PatrolReport
from pipelines.threats.positions.position import Position, PositionKind, placed
from pipelines.threats.positions.position_index import PositionIndex
from pipelines.threats.positions.shapes import Line, Polygon, plane_shape
from pipelines.threats.proximity.area_probability import distances, probability_near
from pipelines.threats.proximity.disc_probability import probability_within
from pipelines.threats.proximity.reach import positions_around, reach
from pipelines.threats.proximity.weighing import weigh
from pipelines.threats.rules.rule import DEFAULT_RULE
from service.ledger.records import Area, ImageryRecord, ImageryState, Marking, PledgeRecord
from service.ledger.store import Ledger
from service.ledger.tables import detections, imagery, patrol_reports
from service.position_register import PositionRegister

MISSION = "bench"
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
RULE = replace(DEFAULT_RULE, position_kinds=frozenset(), min_confidence=0.1)
_OBJECTS = 20
_DRAWS = 250_000
# Two hundred kilometres to each side: a mission's area of operations.
_HALF_DEG = 1.8
_DETECTIONS_A_FRAME = 100
# What is computed is told in processor time, however loaded the machine; the ledger as it is waited
# for.
_CPU = time.process_time


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """One figure of the report."""

    name: str
    value: float
    unit: str


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="write the figures to this file as well")
    parser.add_argument("--positions", type=int, default=10_000)
    parser.add_argument("--detections", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=30)
    parser.add_argument("--postgresql", help="URL of an empty database to measure as well")
    arguments = parser.parse_args()
    machine = f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores"
    print(f"{arguments.positions} positions, {arguments.detections} detections; {machine}")
    figures = [*probabilities(arguments.repeats), *frames(arguments.positions, arguments.repeats)]
    with tempfile.TemporaryDirectory(prefix="vedette-bench-") as folder:
        urls = {"sqlite": f"sqlite:///{Path(folder) / 'ledger.sqlite3'}"}
        if arguments.postgresql:
            urls["postgresql"] = arguments.postgresql
        for dialect, url in urls.items():
            figures += ledger(
                dialect, url, arguments.positions, arguments.detections, arguments.repeats
            )
    for figure in figures:
        print(f"{figure.name:58} {figure.value:12.2f} {figure.unit}")
    if arguments.json:
        document = {
            "benchmark": "proximity",
            "machine": machine,
            "positions": arguments.positions,
            "detections": arguments.detections,
            "figures": [asdict(figure) for figure in figures],
        }
        arguments.json.write_text(json.dumps(document, indent=2) + "\n")


def probabilities(repeats: int) -> Iterator[Figure]:
    """Pairs a second of each shape, and how much faster that is than Monte Carlo."""
    rng = np.random.default_rng(1)
    count = 200
    mean = rng.uniform(-900.0, 900.0, (count, 2))
    sigma = rng.uniform(3.0, 40.0, (count, 2))
    covariance = np.stack([np.diag(pair**2) for pair in sigma])
    yard = plane_shape(_yard(31.0, 4.0, 200.0), 4.0, 31.0)
    road = plane_shape(_road(31.0, 4.0, np.random.default_rng(2)), 4.0, 31.0)
    ways: dict[str, Callable[[], object]] = {
        "point": lambda: probability_within(mean, covariance, np.full(count, 500.0)),
        "polygon of 8": lambda: probability_near(yard, mean, covariance, 500.0),
        "route of 40": lambda: probability_near(road, mean, covariance, 500.0),
    }
    seconds = {name: _median(way, repeats, _CPU) for name, way in ways.items()}
    draws = rng.standard_normal((_DRAWS, 2))

    def monte_carlo() -> object:
        return np.mean(distances(yard, mean[0] + draws * sigma[0]) <= 500.0)

    one = _median(monte_carlo, max(3, repeats // 10), _CPU)
    for name, taken in seconds.items():
        yield Figure(name=f"P(within R), {name}", value=count / taken, unit="pairs/s")
    taken = seconds["polygon of 8"] / count
    yield Figure(name="P(within R), polygon: Monte Carlo over ours", value=one / taken, unit="x")


def frames(count: int, repeats: int) -> Iterator[Figure]:
    """Milliseconds a frame for everything that is done with positions."""
    positions = mission_positions(count)
    started = time.perf_counter()
    index = PositionIndex.of(positions)
    reach(index, [RULE])
    yield Figure(
        name="index made once a change of the register",
        value=(time.perf_counter() - started) * 1e3,
        unit="ms",
    )
    ground, ring = _frame(positions)
    corners = _corners(ring)
    categories, confidences = ["car"] * len(ground), [0.9] * len(ground)
    discs = reach(index, [RULE])
    if discs is None:
        raise AssertionError("there are positions")
    ways: dict[str, Callable[[], object]] = {
        "reach of all positions": lambda: reach(index, [RULE]),
        "tiles of the frame held against it": lambda: within_reach(corners, discs),
        f"{len(ground)} objects weighed": lambda: weigh(
            ground, categories, confidences, index, [RULE]
        ),
        "positions near by": lambda: positions_around(index, [RULE], ring, ground),
    }
    seconds = {name: _median(way, repeats, _CPU) for name, way in ways.items()}
    found = weigh(ground, categories, confidences, index, [RULE])
    for name, taken in seconds.items():
        yield Figure(name=f"frame: {name}", value=taken * 1e3, unit="ms")
    yield Figure(name="frame: all of it", value=sum(seconds.values()) * 1e3, unit="ms")
    yield Figure(name="frame: sightings found", value=float(len(found)), unit="")


def ledger(
    dialect: str, url: str, position_count: int, detection_count: int, repeats: int
) -> Iterator[Figure]:
    """Milliseconds of what a frame reads and writes in a full ledger."""
    opened = Ledger.open(url)
    opened.migrate()
    positions = mission_positions(position_count)
    fill_ledger(opened, positions, detection_count)
    register = PositionRegister(opened)
    yield Figure(
        name=f"{dialect}: register read after a change",
        value=_once(lambda: register.at(MISSION, NOW)) * 1e3,
        unit="ms",
    )
    ground, ring = _frame(positions)
    middle = ring.mean(axis=0)
    area = Area(
        south_deg=float(middle[1]) - 0.005,
        west_deg=float(middle[0]) - 0.005,
        north_deg=float(middle[1]) + 0.005,
        east_deg=float(middle[0]) + 0.005,
    )
    moments = iter(NOW - timedelta(seconds=37 * step) for step in range(10 * repeats))
    ways: dict[str, Callable[[], object]] = {
        "positions in use, 100 patrols placed": lambda: register.at(MISSION, next(moments)),
        "rules in force": lambda: opened.rules_in_force(MISSION),
        "detections of an area, a page of 100": lambda: opened.list_detections(MISSION, area=area),
    }
    for name, way in ways.items():
        yield Figure(name=f"{dialect}: {name}", value=_median(way, repeats) * 1e3, unit="ms")
    near = positions_around(register.at(MISSION, NOW), [RULE], ring, ground).positions
    commits = [_commit(opened, number, ground, ring, near) for number in range(repeats)]
    yield Figure(
        name=f"{dialect}: end of a job, {len(ground)} detections written",
        value=statistics.median(commits[1:]) * 1e3,
        unit="ms",
    )
    opened.close()


def _commit(
    opened: Ledger,
    number: int,
    ground: list[GroundPoint],
    ring: NDArray[np.float64],
    positions: tuple[Position, ...],
) -> float:
    """Seconds of the transaction that ends a job whose frame is new and sees nobody near."""
    record = imagery_record(f"new-{number:06}", NOW + timedelta(minutes=number))
    opened.accept_imagery(record, record.imagery_id, record.received_at)
    lease = opened.lease_job("bench", record.received_at, 600.0)
    if lease is None:
        raise AssertionError("a job was just accepted")
    found = frame_assessment(ground, ring, record.received_at)
    started = time.perf_counter()
    opened.finish_job(lease, found, [], now=record.received_at, positions=positions, rules=(RULE,))
    return time.perf_counter() - started


def fill_ledger(opened: Ledger, positions: list[Position], detection_count: int) -> None:
    """A mission with these positions, reports of its patrols, and detections by the hundred."""
    opened.create_pledge(
        PledgeRecord(
            mission_id=MISSION,
            pledge_id="pledge",
            contributor="NOR",
            capability="",
            platform="",
            marking=Marking.UNCLASSIFIED,
            created_at=NOW,
        )
    )
    opened.import_positions(
        MISSION, positions, replace_existing=False, validate_only=False, now=NOW
    )
    rng = np.random.default_rng(3)
    with opened._writing() as connection:  # noqa: SLF001 - a million rows one by one take an hour
        for patrol in [it for it in positions if it.kind is PositionKind.PATROL]:
            connection.execute(
                insert(patrol_reports),
                [_report_row(patrol, step, rng) for step in range(1_000)],
            )
        for first in range(0, detection_count, 100 * _DETECTIONS_A_FRAME):
            frames_here = range(first // _DETECTIONS_A_FRAME, first // _DETECTIONS_A_FRAME + 100)
            connection.execute(insert(imagery), [_imagery_row(number) for number in frames_here])
            connection.execute(
                insert(detections),
                [row for number in frames_here for row in _detection_rows(number, rng)],
            )


def _report_row(patrol: Position, step: int, rng: np.random.Generator) -> dict[str, Any]:
    report = PatrolReport(
        reported_at=NOW - timedelta(seconds=60 * step),
        latitude_deg=patrol.latitude_deg + float(rng.normal(0, 0.01)),
        longitude_deg=patrol.longitude_deg + float(rng.normal(0, 0.01)),
        sigma_m=10.0,
    )
    return {
        "mission_id": MISSION,
        "position_id": patrol.position_id,
        "received_at": report.reported_at,
        **asdict(report),
    }


def _imagery_row(number: int) -> dict[str, Any]:
    record = imagery_record(f"image-{number:06}", NOW - timedelta(seconds=30 * number + 3600))
    return {
        "mission_id": MISSION,
        "imagery_id": record.imagery_id,
        "pledge_id": record.pledge_id,
        "sortie_id": record.sortie_id,
        "file_name": record.file_name,
        "size_bytes": record.size_bytes,
        "sha256": record.sha256,
        "media_kind": record.media_kind.value,
        "state": ImageryState.PROCESSED.value,
        "failure": "",
        "received_at": record.received_at,
        "captured_at": record.received_at,
        "width_px": 4000,
        "height_px": 3000,
        "outcome": Outcome.LOCATED.value,
        "findings": [],
        "detection_count": _DETECTIONS_A_FRAME,
        "model_name": "bench",
        "marking": Marking.UNCLASSIFIED.value,
    }


def _detection_rows(number: int, rng: np.random.Generator) -> Iterator[dict[str, Any]]:
    centre = rng.uniform(-_HALF_DEG, _HALF_DEG, 2)
    for index in range(_DETECTIONS_A_FRAME):
        latitude, longitude = (np.array([4.0, 31.0]) + centre + rng.normal(0, 1e-3, 2)).tolist()
        yield {
            "mission_id": MISSION,
            "imagery_id": f"image-{number:06}",
            "detection_index": index,
            "category": "car",
            "confidence": 0.5,
            "left_px": 0.0,
            "top_px": 0.0,
            "right_px": 9.0,
            "bottom_px": 9.0,
            "latitude_deg": latitude,
            "longitude_deg": longitude,
            "ground": {"outcome": "located", "terrain": "", "occlusion_risk": False},
            "captured_at": NOW - timedelta(seconds=30 * number + 3600),
            "received_at": NOW - timedelta(seconds=30 * number + 3600),
        }


def imagery_record(imagery_id: str, received_at: datetime) -> ImageryRecord:
    """A frame that waits for its job."""
    return ImageryRecord(
        mission_id=MISSION,
        imagery_id=imagery_id,
        pledge_id="pledge",
        sortie_id="sortie",
        file_name="a.jpg",
        size_bytes=1,
        sha256=hashlib.sha256(imagery_id.encode()).hexdigest(),
        media_kind=MediaKind.JPEG,
        state=ImageryState.QUEUED,
        failure="",
        received_at=received_at,
        stated_pose=None,
        stated_captured_at=None,
        captured_at=None,
        width_px=0,
        height_px=0,
        outcome=None,
        findings=(),
        detection_count=0,
        model_name="",
        marking=Marking.UNCLASSIFIED,
    )


def frame_assessment(
    ground: list[GroundPoint], ring: NDArray[np.float64], captured_at: datetime
) -> Assessment:
    """What is found in a frame: cars at these places."""
    count = len(ground)
    side = np.arange(count, dtype=np.float32) * 20
    return Assessment(
        capture=Capture(
            width_px=4000,
            height_px=3000,
            make="",
            model="",
            captured_at=captured_at,
            pose=None,
            relative_height_m=None,
            intrinsics=None,
            sigmas=DEFAULT_SIGMAS,
            outcome=Outcome.LOCATED,
            findings=(),
        ),
        detector=DetectorIdentity(
            name="bench", engine="none", sha256={}, categories=("car",), input_px=640
        ),
        detections=Detections(
            xyxy=np.stack([side, side, side + 9, side + 9], axis=1),
            confidence=np.full(count, 0.9, np.float32),
            class_id=np.zeros(count, np.int32),
        ),
        categories=("car",) * count,
        ground=tuple(ground),
        footprint_lonlat=ring,
        sightings=(),
        products=(),
    )


def mission_positions(count: int) -> list[Position]:
    """Posts, patrols, camps and routes over a mission's area, always the same."""
    rng = np.random.default_rng(4)
    found = []
    for number in range(count):
        longitude = 31.0 + float(rng.uniform(-_HALF_DEG, _HALF_DEG))
        latitude = 4.0 + float(rng.uniform(-_HALF_DEG, _HALF_DEG))
        kind, sigma = PositionKind.POST, 5.0
        shape: Polygon | Line | None = None
        if number % 10 in (1, 2):
            kind, shape = PositionKind.CAMP, _yard(longitude, latitude, 200.0)
        elif number % 10 == 3:
            kind, shape = PositionKind.ROUTE, _road(longitude, latitude, rng)
        elif number % 100 == 4:
            kind, sigma = PositionKind.PATROL, 50.0
        found.append(
            placed(
                Position(
                    position_id=f"p{number:05}",
                    display_name=f"Position {number}",
                    kind=kind,
                    latitude_deg=latitude,
                    longitude_deg=longitude,
                    sigma_m=sigma,
                    shape=shape,
                )
            )
        )
    return found


def _yard(longitude: float, latitude: float, half_m: float) -> Polygon:
    turns = np.linspace(0.0, 2.0 * math.pi, 9)[:-1]
    radius = half_m / 111_000.0 * (1.0 + 0.3 * np.cos(3.0 * turns))
    places = np.column_stack(
        [longitude + radius * np.cos(turns), latitude + radius * np.sin(turns)]
    )
    return Polygon(rings_lonlat=(tuple((float(x), float(y)) for x, y in places),))


def _road(longitude: float, latitude: float, rng: np.random.Generator) -> Line:
    """Twenty kilometres with a bend every half."""
    turns = np.cumsum(rng.normal(0.0, 0.3, 40))
    steps = 500.0 / 111_000.0 * np.column_stack([np.cos(turns), np.sin(turns)])
    places = np.array([longitude, latitude]) + np.cumsum(steps, axis=0) - steps[0]
    return Line(vertices_lonlat=tuple((float(x), float(y)) for x, y in places), buffer_m=15.0)


def _frame(positions: list[Position]) -> tuple[list[GroundPoint], NDArray[np.float64]]:
    """Objects within a kilometre of a camp that has a route beside it, and the ring around them."""
    rng = np.random.default_rng(5)
    routes = shapely.MultiPoint(
        [it.shape.vertices_lonlat[20] for it in positions if isinstance(it.shape, Line)]
    )
    camps = [it for it in positions if it.kind is PositionKind.CAMP]
    camp = min(
        camps, key=lambda it: shapely.Point(it.longitude_deg, it.latitude_deg).distance(routes)
    )
    places = np.array([camp.longitude_deg, camp.latitude_deg]) + rng.normal(0, 0.005, (_OBJECTS, 2))
    ground = [
        GroundPoint(
            outcome=Outcome.LOCATED,
            latitude_deg=float(latitude),
            longitude_deg=float(longitude),
            hae_m=400.0,
            covariance_enu_m2=np.diag([64.0, 36.0, 25.0]),
            ce90_m=15.0,
            le90_m=8.0,
            terrain="flat:bench",
        )
        for longitude, latitude in places
    ]
    low, high = places.min(axis=0), places.max(axis=0)
    ring = np.array([low, [high[0], low[1]], high, [low[0], high[1]], low])
    return ground, ring


def _corners(ring: NDArray[np.float64]) -> GroundCorners:
    low, high = ring.min(axis=0), ring.max(axis=0)
    longitude, latitude = np.meshgrid(
        np.linspace(low[0], high[0], 49), np.linspace(high[1], low[1], 37)
    )
    return GroundCorners(
        latitude_deg=latitude, longitude_deg=longitude, sigma_m=np.full(latitude.shape, 10.0)
    )


def _median(
    way: Callable[[], object], repeats: int, clock: Callable[[], float] = time.perf_counter
) -> float:
    way()
    return statistics.median(_once(way, clock) for _ in range(repeats))


def _once(way: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    started = clock()
    way()
    return clock() - started


if __name__ == "__main__":
    main()
