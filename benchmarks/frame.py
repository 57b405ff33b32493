"""What a frame costs from its located detections to its incidents, besides detection.

`python -m benchmarks.frame [--json FILE]`. A mission of 10,000 positions and 1,000,000 stored
detections, with some hundred objects followed around one post. A typical frame shows five of them:
people that walk, a car that drives, cars that stand. A crowd is forty people that walk toward the
post. Milliseconds of processor time, medians over successive frames two seconds apart, each ending
its job in one transaction on SQLite.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import ParamSpec, TypeVar

import numpy as np
from numpy.typing import NDArray

from benchmarks import proximity
from models.detections import Detections
from pipelines.ground import GroundPoint
from pipelines.outcome import Outcome
from pipelines.threats.incidents import sentry
from pipelines.threats.positions.local_plane import LocalPlane
from pipelines.threats.positions.position import Position, PositionKind
from pipelines.threats.positions.position_index import PositionIndex
from pipelines.threats.proximity.reach import positions_around
from pipelines.threats.proximity.weighing import weigh
from pipelines.threats.rules.default_rules import DEFAULT_RULES
from pipelines.threats.rules.rule import Rule
from service.ledger import watch
from service.ledger.store import Ledger
from service.position_register import PositionRegister

P = ParamSpec("P")
R = TypeVar("R")

_START = datetime(2026, 11, 24, 12, tzinfo=UTC)
_STEP = timedelta(seconds=2)
_FOLLOWED = 300
_AROUND_M = 350.0
# Seen before anything is measured, so that tracks have histories and velocities.
_BEFORE = 6
# What is measured within the end of a job: where it is called, and what it is.
_PARTS: tuple[tuple[ModuleType, str, str], ...] = (
    (watch, "_read", "tracks and incidents read"),
    (sentry, "advance", "tracks advanced"),
    (sentry, "judge", "judged"),
    (sentry, "fold", "folded into incidents"),
)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Crowd:
    """Objects on the ground around a post, N of them.

    Attributes:
        place_m: (N, 2) east and north of the post at the start.
        velocity_m_s: (N, 2).
        categories: of each.
        confidence: (N,) of their detections.
    """

    place_m: NDArray[np.float64]
    velocity_m_s: NDArray[np.float64]
    categories: tuple[str, ...]
    confidence: NDArray[np.float64]


@dataclass(kw_only=True, slots=True)
class Clock:
    """Processor time by part, of one frame after the other."""

    spent: dict[str, list[float]] = field(default_factory=dict)

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Time what is done within."""
        started = time.process_time()
        try:
            yield
        finally:
            self.spent.setdefault(name, []).append((time.process_time() - started) * 1e3)

    def wrapped(self, name: str, way: Callable[P, R]) -> Callable[P, R]:
        """The same function, timed."""

        def timed(*args: P.args, **kwargs: P.kwargs) -> R:
            with self.part(name):
                return way(*args, **kwargs)

        return timed


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="write the figures to this file as well")
    parser.add_argument("--positions", type=int, default=10_000)
    parser.add_argument("--detections", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=30)
    arguments = parser.parse_args()
    machine = f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores"
    print(f"{arguments.positions} positions, {arguments.detections} detections; {machine}")
    figures: list[proximity.Figure] = []
    with tempfile.TemporaryDirectory(prefix="vedette-bench-") as folder:
        opened = Ledger.open(f"sqlite:///{Path(folder) / 'ledger.sqlite3'}")
        opened.migrate()
        positions = proximity.mission_positions(arguments.positions)
        proximity.fill_ledger(opened, positions, arguments.detections)
        for name, seen in (("typical", typical()), ("crowd", crowd())):
            figures += frames(opened, positions, name, seen, arguments.repeats)
        opened.close()
    for figure in figures:
        print(f"{figure.name:58} {figure.value:12.2f} {figure.unit}")
    if arguments.json:
        document = {
            "benchmark": "frame",
            "machine": machine,
            "positions": arguments.positions,
            "detections": arguments.detections,
            "figures": [asdict(figure) for figure in figures],
        }
        arguments.json.write_text(json.dumps(document, indent=2) + "\n")


def typical() -> Crowd:
    """Five objects: two people that walk, one car that drives, two that stand."""
    return Crowd(
        place_m=np.array([[180.0, 40.0], [220.0, -30.0], [300.0, 20.0], [150.0, 90.0], [240, 60]]),
        velocity_m_s=np.array([[-1.3, 0.2], [-1.0, 0.5], [-6.0, 0.0], [0.0, 0.0], [0.0, 0.0]]),
        categories=("person", "person", "car", "car", "truck"),
        confidence=np.array([0.6, 0.5, 0.8, 0.7, 0.6]),
    )


def crowd() -> Crowd:
    """Forty people that walk toward the post."""
    rng = np.random.default_rng(6)
    place = rng.uniform([120.0, -90.0], [300.0, 90.0], (40, 2))
    return Crowd(
        place_m=place,
        velocity_m_s=-1.3 * place / np.hypot(*place.T)[:, None] + rng.normal(0, 0.2, (40, 2)),
        categories=("person",) * 40,
        confidence=rng.uniform(0.3, 0.9, 40),
    )


def frames(
    opened: Ledger, positions: list[Position], name: str, seen: Crowd, repeats: int
) -> Iterator[proximity.Figure]:
    """Milliseconds of each part of a frame."""
    post = _post(positions, 0 if name == "typical" else 1)
    plane = LocalPlane(latitude_deg=post.latitude_deg, longitude_deg=post.longitude_deg)
    register = PositionRegister(opened)
    rng = np.random.default_rng(7)
    others = Crowd(
        place_m=rng.uniform(-_AROUND_M, _AROUND_M, (_FOLLOWED, 2)),
        velocity_m_s=np.zeros((_FOLLOWED, 2)),
        categories=("person", "car", "two-wheeler") * (_FOLLOWED // 3),
        # Too faint for the rule: followed, and never told of.
        confidence=np.full(_FOLLOWED, 0.2),
    )
    clock = Clock()
    sighted, near_by = 0, 0
    for number in range(_BEFORE + repeats):
        moment = _START + number * _STEP
        if number == _BEFORE:
            clock.spent.clear()
        shown = [others] if number < 3 else [seen]
        ground, categories, confidence = _looked(shown, plane, number, rng)
        ring = _ring(plane, shown)
        with clock.part("positions and rules read"):
            index, rules = _in_force(register, opened, moment)
        with clock.part("objects weighed"):
            found = weigh(ground, categories, confidence, index, rules)
            near = positions_around(index, rules, ring, ground).positions
        sighted, near_by = len(found), len(near)
        record = proximity.imagery_record(f"{name}-{number:04}", moment)
        opened.accept_imagery(record, record.imagery_id, moment)
        lease = opened.lease_job("bench", moment, 600.0)
        if lease is None:
            raise AssertionError("a job was just accepted")
        assessment = replace(
            proximity.frame_assessment(ground, ring, moment),
            categories=tuple(categories),
            detections=_detections(confidence),
            sightings=found,
        )
        with ExitStack() as stack:
            for module, attribute, part in _PARTS:
                stack.enter_context(_timed(clock, module, attribute, part))
            with clock.part("end of the job"):
                opened.finish_job(
                    lease, assessment, [], now=moment, positions=near, rules=tuple(rules)
                )
    yield from _figures(name, clock)
    yield proximity.Figure(name=f"{name}: sightings", value=float(sighted), unit="")
    yield proximity.Figure(name=f"{name}: positions near by", value=float(near_by), unit="")


@contextmanager
def _timed(clock: Clock, module: ModuleType, attribute: str, part: str) -> Iterator[None]:
    """One function of a module timed, for as long as this lasts."""
    way = getattr(module, attribute)
    setattr(module, attribute, clock.wrapped(part, way))
    try:
        yield
    finally:
        setattr(module, attribute, way)


def _in_force(
    register: PositionRegister, opened: Ledger, moment: datetime
) -> tuple[PositionIndex, tuple[Rule, ...]]:
    rules = opened.rules_in_force(proximity.MISSION) or DEFAULT_RULES
    return register.at(proximity.MISSION, moment), rules


def _figures(name: str, clock: Clock) -> Iterator[proximity.Figure]:
    """The parts and their sum; writing is what the end of a job takes beside the others."""
    parts = {part: statistics.median(spent) for part, spent in clock.spent.items()}
    inner = [part for _, _, part in _PARTS]
    ends = np.array(clock.spent["end of the job"])
    parts["written"] = float(np.median(ends - np.sum([clock.spent[it] for it in inner], axis=0)))
    outer = [part for part in clock.spent if part not in {*inner, "end of the job"}]
    for part in [*outer, *inner, "written"]:
        yield proximity.Figure(name=f"{name}: {part}", value=parts[part], unit="ms")
    computed = [*outer[1:], *inner[1:]]
    whole = np.sum([clock.spent[part] for part in outer], axis=0) + ends
    yield proximity.Figure(
        name=f"{name}: all that is computed", value=sum(parts[it] for it in computed), unit="ms"
    )
    yield proximity.Figure(name=f"{name}: all of it", value=float(np.median(whole)), unit="ms")


def _post(positions: list[Position], order: int) -> Position:
    """A post among the positions, another one for each order."""
    posts = [it for it in positions if it.kind is PositionKind.POST]
    return posts[order]


def _looked(
    shown: list[Crowd], plane: LocalPlane, number: int, rng: np.random.Generator
) -> tuple[list[GroundPoint], list[str], NDArray[np.float32]]:
    """Detections of one frame: one error of pose for all, and one of each."""
    common = rng.normal(0.0, 3.0, 2)
    ground, categories = [], []
    for group in shown:
        places = group.place_m + group.velocity_m_s * (number * _STEP.total_seconds())
        for place, category in zip(places, group.categories, strict=True):
            latitude, longitude = plane.place(place + common + rng.normal(0.0, 1.0, 2))
            ground.append(
                GroundPoint(
                    outcome=Outcome.LOCATED,
                    latitude_deg=latitude,
                    longitude_deg=longitude,
                    hae_m=400.0,
                    covariance_enu_m2=np.diag([64.0, 36.0, 25.0]),
                    ce90_m=15.0,
                    le90_m=8.0,
                    terrain="flat:bench",
                )
            )
            categories.append(category)
    confidence = np.concatenate([group.confidence for group in shown]).astype(np.float32)
    return ground, categories, confidence


def _ring(plane: LocalPlane, shown: list[Crowd]) -> NDArray[np.float64]:
    places = np.concatenate([group.place_m for group in shown])
    (west, south), (east, north) = places.min(axis=0) - 40.0, places.max(axis=0) + 20.0
    corners = [(west, south), (east, south), (east, north), (west, north), (west, south)]
    return np.array([plane.place(np.array(corner))[::-1] for corner in corners])


def _detections(confidence: NDArray[np.float32]) -> Detections:
    side = np.arange(len(confidence), dtype=np.float32) * 20
    return Detections(
        xyxy=np.stack([side, side, side + 9, side + 9], axis=1),
        confidence=confidence,
        class_id=np.zeros(len(confidence), np.int32),
    )


if __name__ == "__main__":
    main()
