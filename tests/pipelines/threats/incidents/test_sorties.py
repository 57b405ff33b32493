"""Whole simulated sorties: as many tracks as there were objects, in whatever order they come."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from numpy.typing import NDArray

from pipelines.ground import GroundPoint
from pipelines.outcome import Outcome
from pipelines.threats.tracks import tracker
from pipelines.threats.tracks.track import Track
from pipelines.threats.tracks.tracker import advance

Floats = NDArray[np.float64]
Random = np.random.Generator
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATITUDE, LONGITUDE = 4.0, 18.0
# Length of a degree there, WGS 84.
EAST_M = 111_319.49 * math.cos(math.radians(LATITUDE))
NORTH_M = 110_579.0
HALF_M = np.array([30.0, 20.0])
BIAS_M = 3.0
RUNS = 24


@dataclass(frozen=True, kw_only=True)
class Frame:
    """What one photograph claims, and which objects it truly shows."""

    imagery_id: str
    captured_at: datetime
    footprint: Floats
    ground: tuple[GroundPoint, ...]
    objects: tuple[int, ...]


def lonlat(enu_m: Floats) -> Floats:
    return np.asarray(
        np.array([LONGITUDE, LATITUDE]) + enu_m / np.array([EAST_M, NORTH_M]), np.float64
    )


def located(enu_m: Floats, sigma_m: float) -> GroundPoint:
    longitude, latitude = (float(part) for part in lonlat(enu_m))
    return GroundPoint(
        outcome=Outcome.LOCATED,
        latitude_deg=latitude,
        longitude_deg=longitude,
        hae_m=400.0,
        covariance_enu_m2=np.diag([sigma_m**2, sigma_m**2, 4.0]),
        ce90_m=2.146 * sigma_m,
        le90_m=3.3,
    )


def fly(
    random: Random,
    centres: Sequence[tuple[float, float]],
    places: Callable[[float], Floats],
    *,
    seconds: float,
    detected: float = 0.75,
    sigma_m: float = 2.0,
) -> list[Frame]:
    """Frames of 60 by 40 m around some centres, each shifted by a bias of its own up to 3 m."""
    frames = []
    for number, centre in enumerate(centres):
        length, turn = BIAS_M * math.sqrt(random.random()), 2 * math.pi * random.random()
        bias = length * np.array([math.cos(turn), math.sin(turn)])
        at = places(number * seconds)
        shown = (np.abs(at - np.array(centre)) < HALF_M).all(axis=1)
        objects = random.permutation(np.flatnonzero(shown & (random.random(len(at)) < detected)))
        corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1], [-1, -1]]) * HALF_M
        frames.append(
            Frame(
                imagery_id=f"i{number}",
                captured_at=NOON + timedelta(seconds=number * seconds),
                footprint=lonlat(np.array(centre) + bias + corners),
                ground=tuple(
                    located(at[thing] + bias + random.normal(0.0, 0.4, 2), sigma_m)
                    for thing in objects
                ),
                objects=tuple(int(thing) for thing in objects),
            )
        )
    return frames


def parked(random: Random, step_m: float, *, back: bool = False) -> list[Frame]:
    """Six vehicles, at least 8 m apart, along a line that is flown at a frame each 4 s."""
    along = [step_m * number for number in range(8)]
    if back:
        along = [*along[:5], *along[4::-1]]
    spots: list[Floats] = []
    while len(spots) < 6:
        spot = np.array([random.uniform(-30.0, max(along) + 30.0), random.uniform(-20.0, 20.0)])
        if all(np.hypot(*(spot - other)) >= 8.0 for other in spots):
            spots.append(spot)
    standing = np.stack(spots)
    return fly(random, [(east, 0.0) for east in along], lambda _: standing, seconds=4.0)


def driving(random: Random) -> list[Frame]:
    """One vehicle of 3 to 8 m/s, kept in the picture, a frame each second."""
    speed, turn = random.uniform(3.0, 8.0), random.uniform(0.0, 2 * math.pi)
    velocity = speed * np.array([math.cos(turn), math.sin(turn)])
    centres = [tuple(0.9 * velocity * number) for number in range(10)]
    return fly(random, centres, lambda time: (velocity * time)[None], seconds=1.0, detected=0.95)


def neighbours(random: Random) -> list[Frame]:
    """Two vehicles 10 m apart, a metre inside the edges of frames that never show both."""
    standing = np.array([[-5.0, 0.0], [5.0, 0.0]])
    centres = [(-31.0, 0.0), (31.0, 0.0)] * 2
    return fly(random, centres, lambda _: standing, seconds=2.0, detected=1.0, sigma_m=1.4)


def miscounted(frames: Sequence[Frame], order: Sequence[int]) -> int:
    """Tracks more, or fewer, than objects that were seen at all."""
    rings = {frame.imagery_id: frame.footprint for frame in frames}
    known: dict[str, Track] = {}
    for frame in (frames[number] for number in order):
        update = advance(
            known.values(),
            tracker.Frame(
                imagery_id=frame.imagery_id,
                captured_at=frame.captured_at,
                ground=frame.ground,
                categories=["car"] * len(frame.ground),
                confidences=[0.8] * len(frame.ground),
                footprint_lonlat=frame.footprint,
            ),
            footprints=rings,
        )
        known |= {track.track_id: track for track in update.changed}
        for younger in update.merged:
            del known[younger]
    return len(known) - len({thing for frame in frames for thing in frame.objects})


def in_order(frames: Sequence[Frame], _random: Random) -> list[int]:
    return list(range(len(frames)))


def overtaken(frames: Sequence[Frame], random: Random) -> list[int]:
    """As workers finish: each frame may be overtaken by the next two."""
    ready = np.arange(len(frames)) + random.uniform(0.0, 2.5, len(frames))
    return [int(number) for number in np.argsort(ready)]


def shuffled(frames: Sequence[Frame], random: Random) -> list[int]:
    return [int(number) for number in random.permutation(len(frames))]


Order = Callable[[Sequence[Frame], Random], list[int]]


def outcomes(sortie: Callable[[Random], list[Frame]], order: Order) -> NDArray[np.int64]:
    found = []
    for seed in range(RUNS):
        random = np.random.default_rng(seed)
        frames = sortie(random)
        found.append(miscounted(frames, order(frames, random)))
    return np.array(found)


@pytest.mark.parametrize(
    ("sortie", "order"),
    [
        pytest.param(lambda random: parked(random, 20.0), in_order, id="overlapping"),
        pytest.param(lambda random: parked(random, 20.0), overtaken, id="overlapping-overtaken"),
        pytest.param(lambda random: parked(random, 65.0), in_order, id="apart"),
        pytest.param(lambda random: parked(random, 20.0, back=True), shuffled, id="back-shuffled"),
    ],
)
def test_parked_vehicles_are_as_many_tracks(
    sortie: Callable[[Random], list[Frame]], order: Order
) -> None:
    found = outcomes(sortie, order)
    assert np.mean(found == 0) >= 0.9
    # Where errors of 6 m between frames and missed detections leave it open, by one and no more.
    assert np.abs(found).max() <= 1


def test_a_vehicle_in_sight_is_one_track() -> None:
    assert np.mean(outcomes(driving, in_order) == 0) >= 0.95
    assert np.mean(outcomes(driving, overtaken) == 0) >= 0.9


@pytest.mark.parametrize("order", [in_order, overtaken])
def test_two_that_no_frame_shows_together_are_two(order: Order) -> None:
    assert np.mean(outcomes(neighbours, order) == 0) >= 0.9


def test_a_vehicle_out_of_the_frame_is_not_the_one_that_comes_into_it() -> None:
    # The two are 53 m apart, their ellipses wide; four seconds lie between the frames.
    standing = np.array([[0.0, 0.0], [53.0, 0.0]])
    for seed in range(RUNS):
        random = np.random.default_rng(seed)
        frames = fly(
            random,
            [(-10.0, 0.0), (63.0, 0.0)],
            lambda _: standing,
            seconds=4.0,
            detected=1.0,
            sigma_m=10.0,
        )
        assert [frame.objects for frame in frames] == [(0,), (1,)]
        for order in ((0, 1), (1, 0)):
            assert miscounted(frames, order) == 0
