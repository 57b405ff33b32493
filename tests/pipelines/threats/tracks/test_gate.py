from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from numpy.typing import NDArray

from pipelines.ground import GroundPoint
from pipelines.outcome import Outcome
from pipelines.threats.positions.local_plane import LocalPlane
from pipelines.threats.tracks import pairing, tracker
from pipelines.threats.tracks.association import GATE_CHI2
from pipelines.threats.tracks.gate import within_gate
from pipelines.threats.tracks.motion import BOX_SIGMA_M, motion_sigma_m
from pipelines.threats.tracks.track import Mobility, Track, TrackPoint
from pipelines.threats.tracks.track_anchor import Anchor, anchor
from pipelines.threats.tracks.track_state import begin_track
from pipelines.threats.tracks.tracker import Frame, TrackUpdate, advance, footprints_needed

Floats = NDArray[np.float64]
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
# A scene lies across the antimeridian as well.
PLANES = (
    LocalPlane(latitude_deg=4.0, longitude_deg=18.0),
    LocalPlane(latitude_deg=-61.0, longitude_deg=179.999),
)
SPEEDS = {"person": 1.4, "car": 9.0, "two-wheeler": 4.0, "animal": 0.8}


def scene(seed: int, *, frames: int = 24, objects: int = 240) -> Iterator[Frame]:
    """Frames of 180 by 120 m, here and there over 600 m of standing, walking and driving objects.

    Some come late, some from another flight, some without a time or a footprint, and some twice.
    """
    random = np.random.default_rng(seed)
    plane = PLANES[seed % len(PLANES)]
    spots = random.uniform(-300.0, 300.0, (objects, 2))
    categories = random.choice(list(SPEEDS), objects)
    fast = np.array([SPEEDS[it] for it in categories]) * (random.random(objects) < 0.3)
    turn = random.uniform(0.0, 2.0 * np.pi, objects)
    velocity = fast[:, None] * np.column_stack([np.sin(turn), np.cos(turn)])
    centre = np.zeros(2)
    for number in range(frames):
        seconds = 2.0 * number - (30.0 if number % 7 == 6 else 0.0)
        sigma = random.choice([1.5, 4.0, 12.0])
        bias = random.normal(0.0, sigma / 2.0, 2)
        centre = np.clip(centre + random.normal(0.0, 90.0, 2), -240.0, 240.0)
        places = spots + velocity * seconds
        half = np.array([90.0, 60.0])
        shown = (np.abs(places - centre) < half).all(axis=1) & (random.random(objects) < 0.75)
        corners = half * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1], [-1, -1]]) + centre + bias
        yield Frame(
            imagery_id=f"i{number if number % 11 != 10 else number - 1}",
            captured_at=None if number % 13 == 12 else NOON + timedelta(seconds=seconds),
            ground=[
                located(plane, places[it] + bias + random.normal(0.0, 0.5, 2), sigma)
                for it in np.flatnonzero(shown)
            ],
            categories=[str(it) for it in categories[shown]],
            confidences=random.uniform(0.3, 0.9, int(shown.sum())).tolist(),
            footprint_lonlat=None
            if number % 9 == 8
            else np.array([plane.place(it)[::-1] for it in corners]),
            sortie_id="one" if number % 5 else "two",
        )


def located(plane: LocalPlane, place_m: Floats, sigma_m: float) -> GroundPoint:
    latitude, longitude = plane.place(place_m)
    return GroundPoint(
        outcome=Outcome.LOCATED,
        latitude_deg=latitude,
        longitude_deg=longitude,
        hae_m=400.0,
        covariance_enu_m2=np.diag([sigma_m**2, 0.5 * sigma_m**2, 4.0]),
        ce90_m=2.146 * sigma_m,
        le90_m=3.3,
    )


def gated(tracks: Sequence[Track], looks: Sequence[TrackPoint]) -> list[Track]:
    at = NOON + timedelta(seconds=2.0)
    return within_gate(tracks, looks, captured_at=at, sortie_id="")


def told(update: TrackUpdate) -> dict[str, object]:
    """All that an update tells, in values that compare."""
    found: dict[str, object] = {it.name: getattr(update, it.name) for it in fields(update)}
    found["track_of"] = {index: track.track_id for index, track in update.track_of.items()}
    found["changed"] = [_values(track) for track in update.changed]
    return found


def _values(track: Track) -> list[object]:
    values = []
    for it in fields(track):
        value = getattr(track, it.name)
        if it.name == "points":
            value = [(point.imagery_id, point.detection_index) for point in value]
        values.append(value.tolist() if isinstance(value, np.ndarray) else value)
    return values


def narrow(axis: Floats, sigma_m: float) -> Floats:
    """The covariance of what is sure but along an axis: there a gate has nothing to spare."""
    return sigma_m**2 * np.outer(axis, axis) + 1e-4 * np.eye(2)


def some_track(random: np.random.Generator, plane: LocalPlane, axis: Floats) -> Track:
    """A track of any kind, its looks anywhere on a line, of any flights, with times or without."""
    seconds = np.sort(random.uniform(-60.0, 0.0, random.integers(1, 6)))
    along = random.choice([0.0, 4.0, 30.0]) * random.standard_normal(len(seconds))
    places = [plane.place(axis * it) for it in along]
    points = tuple(
        TrackPoint(
            imagery_id=f"i{number}",
            detection_index=0,
            captured_at=None if random.random() < 0.1 else NOON + timedelta(seconds=at),
            latitude_deg=latitude,
            longitude_deg=longitude,
            covariance_m2=narrow(axis, random.choice([0.1, 2.0, 20.0])),
            category=str(random.choice(list(SPEEDS))),
            confidence=0.8,
            sortie_id=str(random.choice(["one", "one", "two", ""])),
        )
        for number, (at, (latitude, longitude)) in enumerate(
            zip(seconds.tolist(), places, strict=True)
        )
    )
    times = [it.captured_at for it in points if it.captured_at is not None]
    begun = begin_track("it", points[-1], shown_m2=0.0)
    velocity = axis * random.choice([-12.0, -1.0, 0.5, 8.0])
    state = begun.state_covariance.copy()
    state[2:, 2:] = narrow(axis, random.choice([0.1, 3.0]))
    return replace(
        begun,
        points=points,
        sighting_count=len(points),
        first_seen_at=min(times, default=None),
        last_seen_at=max(times, default=None),
        mobility=list(Mobility)[random.integers(len(Mobility))],
        velocity_m_s=None if random.random() < 0.3 else velocity,
        drift_m_s=velocity,
        state_covariance=state,
    )


def edges(track: Track, at: Anchor, axis: Floats, covariance_m2: Floats) -> list[Floats]:
    """The farthest looks of a covariance along an axis that association pairs with an anchor."""
    pair = at.fresh_share * (at.covariance_m2 + covariance_m2) + 2.0 * BOX_SIGMA_M**2 * np.eye(2)
    moving = track.mobility is Mobility.MOVING
    moved = motion_sigma_m(track.group, at.gap_s, driving=moving) ** 2 * np.eye(2)
    ways = [(np.zeros(2), pair + moved)]
    if np.isfinite(at.drift_m).all():
        ways.append((at.drift_m, pair + at.drift_covariance_m2))
    return [
        step + sign * axis * np.sqrt(GATE_CHI2 / float(axis @ np.linalg.solve(spread, axis)))
        for step, spread in ways
        for sign in (-1.0, 1.0)
    ]


@pytest.mark.parametrize("seed", [0, 1, 20])
def test_the_gate_is_as_wide_as_the_anchor_asks(seed: int) -> None:
    random = np.random.default_rng(seed)
    plane = PLANES[seed % len(PLANES)]
    drove, late = 0, 0
    for _ in range(1000):
        turn = random.uniform(0.0, 2.0 * np.pi)
        axis = np.array([np.sin(turn), np.cos(turn)])
        track = some_track(random, plane, axis)
        gap_s = random.choice([-70.0, -40.0, -10.0, 0.5, 4.0, 15.0, 60.0, 400.0])
        moment = None if random.random() < 0.1 else NOON + timedelta(seconds=gap_s)
        at = anchor(track, moment, "one")
        drove, late = drove + bool(np.isfinite(at.drift_m).all()), late + at.late
        covariance = narrow(axis, random.choice([0.1, 6.0]))
        around = LocalPlane(latitude_deg=at.latitude_deg, longitude_deg=at.longitude_deg)
        for offset in edges(track, at, axis, covariance):
            latitude, longitude = around.place(offset)
            look = replace(
                track.points[0],
                imagery_id="now",
                captured_at=moment,
                latitude_deg=latitude,
                longitude_deg=longitude,
                covariance_m2=covariance,
                sortie_id="one",
            )
            kept = within_gate([track], [look], captured_at=moment, sortie_id="one")
            assert kept == [track], (track.mobility, gap_s, offset)
    assert drove > 100
    assert late > 100


@pytest.mark.parametrize("seed", range(8))
def test_what_the_gate_leaves_out_changes_nothing(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    known: dict[str, Track] = {}
    rings: dict[str, Floats] = {}
    asked, all_asked, pinned = 0, 0, set[str]()
    for number, frame in enumerate(scene(seed)):
        tracks = tuple(known.values())
        needed = footprints_needed(tracks, frame)
        update = advance(
            tracks,
            frame,
            footprints={name: ring for name, ring in rings.items() if name in needed},
            pinned=pinned,
        )
        with monkeypatch.context() as everything:
            for module in (tracker, pairing):
                everything.setattr(module, "within_gate", lambda tracks, _, **__: list(tracks))
            whole = advance(tracks, frame, footprints=rings, pinned=pinned)
            all_asked += len(footprints_needed(tracks, frame))
        assert told(update) == told(whole), f"frame {number}"
        asked += len(needed)
        for name in update.removed | update.merged.keys():
            del known[name]
        known |= {track.track_id: track for track in update.changed}
        if frame.footprint_lonlat is not None:
            rings[frame.imagery_id] = frame.footprint_lonlat
        pinned = set(sorted(known)[::17])
    assert len(known) > 60
    assert asked < all_asked


def test_hundreds_of_tracks_far_away_are_left_out() -> None:
    plane = PLANES[0]
    spots = np.stack(np.meshgrid(np.arange(20.0), np.arange(15.0)), axis=-1).reshape(-1, 2) * 30.0
    first = Frame(
        imagery_id="all",
        captured_at=NOON,
        ground=[located(plane, spot, 2.0) for spot in spots],
        categories=["car"] * len(spots),
        confidences=[0.8] * len(spots),
    )
    tracks = advance((), first).changed
    assert len(tracks) == 300
    look = Frame(
        imagery_id="one",
        captured_at=NOON + timedelta(seconds=2.0),
        ground=[located(plane, np.array([1.0, 0.0]), 2.0)],
        categories=["car"],
        confidences=[0.8],
    ).looks()[0]
    kept = gated(tracks, [look])
    # 3.7 sigma of both places, of both boxes and of what a car may have moved: 31 m.
    near = np.hypot(*(spots - np.array([1.0, 0.0])).T) < 35.0
    assert {track.points[0].detection_index for track in kept} == set(np.flatnonzero(near))
    assert gated(tracks, []) == gated((), [look]) == []
