"""What each frame of a flight shows, what the detector makes of it, and where that is placed.

True objects are projected by the true camera over the true ground (`scenes.frame`, which shares no
code with the product). The pixels are then placed by the product's own georeferencing from the pose
that the metadata would tell and over the ground that its elevation model would have: so every
place is wrong by what poses, pixels and ground are wrong by, and carries the covariance that the
product states.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks import incident_rates as rates
from benchmarks.incident_flights import Flight
from benchmarks.incident_world import Thing
from models.taxonomy import group_of
from pipelines.geometry.camera_height import Unlocatable, decide_height
from pipelines.geometry.elevation import TerrainSource
from pipelines.geometry.footprint import footprint
from pipelines.geometry.georeference import ground_points, locate
from pipelines.geometry.viewpoint import Viewpoint, set_up, stated_heights
from pipelines.ground import GroundPoint
from pipelines.pose import HeightReference, Pose
from scenes.camera import Viewpoint as TrueViewpoint
from scenes.frame import LocalFrame, enu_basis

Floats = NDArray[np.float64]

CLUTTER = -1
"""The truth behind a detection of nothing is this less the number of the place, so negative."""
LEAST_SIDE_PX = 4.0
"""Nothing smaller is ever reported."""
FARTHEST_M = 1500.0


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Ground:
    """The ground of an area: level, but for the errors of its elevation model.

    Attributes:
        frame: east, north and up of the area.
        waves: (K, 4) of its relief: wave numbers east and north, phase, amplitude in metres.
        clutter_m: (C, 2) places that may be taken for something.
        clutter_group: (C,) "person" or "vehicle": what for.
        clutter_logit: (C,) how much it looks like that.
    """

    frame: LocalFrame
    waves: Floats
    clutter_m: Floats
    clutter_group: NDArray[np.str_]
    clutter_logit: Floats

    def height_m(self, place_m: Floats) -> Floats:
        """Height of (..., 2) over the level that the elevation model tells."""
        phase = place_m @ self.waves[:, :2].T + self.waves[:, 2]
        return np.asarray(np.sin(phase) @ self.waves[:, 3])

    def ecef_m(self, place_m: Floats) -> Floats:
        """(..., 3) ECEF of places (..., 2) on the ground."""
        hae = self.frame.hae_m + self.height_m(place_m)
        up = self.frame.up_of_height(place_m[..., 0], place_m[..., 1], hae)
        enu = np.concatenate([place_m, up[..., None]], axis=-1)
        return np.asarray(enu @ self.frame.basis + self.frame.origin_ecef_m)


def make_ground(
    chance: np.random.Generator, frame: LocalFrame, half_side_m: float, terrain_sigma_m: float
) -> Ground:
    """Ground of a square, with the errors of an elevation model and places that fool a detector."""
    length = chance.uniform(150.0, 900.0, 24)
    turn = chance.uniform(0.0, 2.0 * np.pi, 24)
    number = 2.0 * np.pi / length
    waves = np.column_stack(
        [
            number * np.cos(turn),
            number * np.sin(turn),
            chance.uniform(0.0, 2.0 * np.pi, 24),
            np.full(24, terrain_sigma_m * np.sqrt(2.0 / 24)),
        ]
    )
    places, groups = [], []
    for group in rates.FALSE_PER_KM2:
        count = chance.poisson(rates.clutter_per_km2(group) * (2e-3 * half_side_m) ** 2)
        places.append(chance.uniform(-half_side_m, half_side_m, (count, 2)))
        groups += [group] * count
    repeated = rates.CLUTTER_SIGMA * np.sqrt(rates.REPEATED_SHARE)
    return Ground(
        frame=frame,
        waves=waves,
        clutter_m=np.concatenate(places),
        clutter_group=np.array(groups),
        clutter_logit=chance.normal(rates.CLUTTER_LOGIT, repeated, len(groups)),
    )


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Look:
    """One frame, as it comes to the program, and what is behind it.

    Attributes:
        imagery_id: its name.
        flight: name of the flight.
        contributor: who flies it.
        taken_s: when it was truly taken, seconds of the day.
        arrives_s: when it comes to the program.
        tells_time: whether it carries its time.
        footprint_lonlat: (K, 2) ring of the ground that it is thought to show.
        ground: place of each detection, N.
        categories: of each detection.
        confidence: (N,) of each detection.
        xyxy: (N, 4) box of each, pixels.
        truth: (N,) number of the thing behind each detection; of a place of `Ground.clutter_m`,
            `CLUTTER` less its number.
        in_view: numbers of the things that lie within the frame.
        copy_of: the frame that this one repeats; empty for none.
    """

    imagery_id: str
    flight: str
    contributor: str
    taken_s: float
    arrives_s: float
    tells_time: bool
    footprint_lonlat: Floats | None
    ground: tuple[GroundPoint, ...]
    categories: tuple[str, ...]
    confidence: Floats
    xyxy: Floats
    truth: NDArray[np.intp]
    in_view: frozenset[int]
    copy_of: str = ""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Boxes:
    """Boxes of one flight, all frames together; N rows."""

    frame: NDArray[np.intp]
    truth: NDArray[np.intp]
    category: NDArray[np.str_]
    pixel: Floats
    side_px: Floats
    logit: Floats


def look_at(
    ground: Ground, things: list[Thing], flight: Flight, chance: np.random.Generator
) -> list[Look]:
    """All frames of a flight, in the order in which they are taken."""
    written = _written_poses(ground, flight, chance)
    position, axes = _true_cameras(ground, flight)
    shown, seen = [], []
    for thing in things:
        place = thing.path.at(flight.time_s)
        boxes = _of_thing(thing, place, ground, flight, position, axes, chance)
        shown.append(boxes[0])
        seen.append(boxes[1])
    found = _joined([*seen, _of_clutter(ground, flight, position, axes, chance)])
    return _as_looks(flight, written, found, np.stack(shown), chance)


def _written_poses(ground: Ground, flight: Flight, chance: np.random.Generator) -> list[Viewpoint]:
    """What the metadata tell of each frame: the truth, a flight's own error, and each frame's."""
    count, sigmas = len(flight.time_s), flight.sigmas

    def error(sigma: float, kind: str) -> Floats:
        return flight.error_scale * sigma * _wrong(rates.MEMORY[kind], flight, chance)

    east = flight.place_m[:, 0] + error(sigmas.horizontal_m, "horizontal")
    north = flight.place_m[:, 1] + error(sigmas.horizontal_m, "horizontal")
    height = flight.place_m[:, 2] + error(sigmas.vertical_m, "vertical")
    yaw = flight.yaw_deg + error(sigmas.yaw_deg, "yaw")
    pitch = flight.pitch_deg + error(sigmas.pitch_deg, "pitch")
    roll = error(sigmas.roll_deg, "roll")
    level = ground.frame.hae_m
    up = ground.frame.up_of_height(east, north, level + height)
    where = ground.frame.to_geodetic(np.column_stack([east, north, up]))
    views = []
    for index in range(count):
        pose = Pose(
            latitude_deg=float(where[index, 0]),
            longitude_deg=float(where[index, 1]),
            height_m=float(height[index]),
            height_reference=HeightReference.ABOVE_GROUND,
            yaw_deg=float(yaw[index] % 360.0),
            pitch_deg=float(pitch[index]),
            roll_deg=float(roll[index]),
        )
        decided = decide_height(
            stated_heights(pose, sigmas), TerrainSource(None), ground_hae_m=level
        )
        view = set_up(pose, flight.lens, sigmas, decided)
        if isinstance(view, Unlocatable):
            raise TypeError(f"{flight.name} has no viewpoint: {view.outcome}")
        views.append(view)
    return views


def _wrong(memory: rates.Memory, flight: Flight, chance: np.random.Generator) -> Floats:
    """(F,) one error of unit variance over the frames of a flight.

    What wanders is a Gauss-Markov process of the first order. What changes with the heading is the
    deviation of a compass, its semicircular and quadrantal terms (Admiralty Manual of the
    Deviations of the Compass, 1920).
    """
    count = len(flight.time_s)
    found = np.sqrt(memory.flight) * chance.standard_normal()
    found = found + np.sqrt(memory.frame) * chance.standard_normal(count)
    kept = np.exp(-np.diff(flight.time_s, prepend=flight.time_s[0]) / rates.SLOW_S)
    fresh, wander = chance.standard_normal(count), np.empty(count)
    wander[0] = fresh[0]
    for index in range(1, count):
        step = np.sqrt(1.0 - kept[index] ** 2) * fresh[index]
        wander[index] = kept[index] * wander[index - 1] + step
    heading = np.radians(flight.yaw_deg)
    terms = np.stack([np.sin(heading), np.cos(heading), np.sin(2 * heading), np.cos(2 * heading)])
    deviation = chance.standard_normal(4) @ terms / np.sqrt(2.0)
    return np.asarray(
        found + np.sqrt(memory.slow) * wander + np.sqrt(memory.heading) * deviation, np.float64
    )


def _true_cameras(ground: Ground, flight: Flight) -> tuple[Floats, Floats]:
    """(F, 3) projection centres and (F, 3, 3) columns right, down, forward, in ECEF."""
    east, north, height = flight.place_m.T
    hae = ground.frame.hae_m + height
    enu = np.column_stack([east, north, ground.frame.up_of_height(east, north, hae)])
    where = ground.frame.to_geodetic(enu)
    axes = np.empty((len(east), 3, 3))
    for index, (latitude, longitude, _) in enumerate(where):
        view = TrueViewpoint(
            latitude_deg=float(latitude),
            longitude_deg=float(longitude),
            hae_m=float(hae[index]),
            yaw_deg=float(flight.yaw_deg[index]),
            pitch_deg=float(flight.pitch_deg[index]),
        )
        right_north_down = view.camera_axes_ned
        enu_axes = right_north_down[[1, 0, 2]] * np.array([[1.0], [1.0], [-1.0]])
        axes[index] = enu_basis(float(latitude), float(longitude)).T @ enu_axes
    return enu @ ground.frame.basis + ground.frame.origin_ecef_m, axes


def _in_frame(
    ground: Ground, place_m: Floats, flight: Flight, position: Floats, axes: Floats
) -> tuple[NDArray[np.bool_], Floats, Floats, Floats]:
    """Where ground places (F, 2), one for each frame, stand in it.

    Returns:
        (F,) whether it shows it; (F, 2) pixels; (F,) distance; (F,) sine of the depression.
    """
    away = ground.ecef_m(place_m) - position
    local = np.einsum("fi,fij->fj", away, axes)
    with np.errstate(divide="ignore", invalid="ignore"):
        pixel = local[:, :2] / local[:, 2:] * flight.lens.fx_px
        pixel += np.array([flight.lens.cx_px, flight.lens.cy_px])
        distance = np.linalg.norm(away, axis=1)
        inside = (local[:, 2] > 0.0) & (distance < FARTHEST_M)
        inside &= (pixel > 0.0).all(axis=1)
        inside &= (pixel < (flight.lens.width_px, flight.lens.height_px)).all(axis=1)
        sine = flight.place_m[:, 2] / distance
    return inside, pixel, distance, sine


def _of_thing(
    thing: Thing,
    place_m: Floats,
    ground: Ground,
    flight: Flight,
    position: Floats,
    axes: Floats,
    chance: np.random.Generator,
) -> tuple[NDArray[np.bool_], _Boxes]:
    """(F,) which frames show a thing, and the boxes that the detector puts on it."""
    inside, pixel, distance, sine = _in_frame(ground, place_m, flight, position, axes)
    at = np.flatnonzero(inside)
    extent = rates.EXTENTS[thing.category]
    flat = np.sqrt(extent.length_m * extent.width_m)
    cosine = np.sqrt(1.0 - np.minimum(sine[at], 1.0) ** 2)
    tall = extent.height_m * cosine + flat * sine[at]
    side = flight.lens.fx_px / distance[at] * np.sqrt(flat * tall)
    split = np.sqrt([rates.REPEATED_SHARE, 1.0 - rates.REPEATED_SHARE])
    own = chance.standard_normal() * split[0]
    logit = rates.expected_logit(thing.category, side, thermal=flight.thermal)
    logit += rates.LOGIT_SIGMA * (own + split[1] * chance.standard_normal(len(at)))
    names, weights = zip(*rates.CONFUSION[thing.category].items(), strict=True)
    usual = chance.choice(names, p=weights)
    called = chance.choice(names, len(at), p=weights)
    called[chance.uniform(size=len(at)) < rates.CONFUSION_REPEATED] = usual
    first = _Boxes(
        frame=at,
        truth=np.full(len(at), thing.number),
        category=called,
        pixel=pixel[at],
        side_px=side,
        logit=logit,
    )
    group = group_of(thing.category)
    least = rates.logit(rates.OPERATING)
    twice = chance.uniform(size=len(at)) < rates.SECOND_BOX[group]
    again = np.flatnonzero(twice & (logit >= least))
    aside = chance.normal(0.0, 0.35, (len(again), 2)) * side[again, None]
    boxes = [
        first,
        _Boxes(
            frame=at[again],
            truth=first.truth[again],
            category=called[again],
            pixel=pixel[at[again]] + aside,
            side_px=0.7 * side[again],
            logit=np.minimum(
                least + chance.exponential(rates.SECOND_BOX_LOGIT, len(again)), logit[again]
            ),
        ),
    ]
    if thing.category == "two-wheeler":
        rider = np.flatnonzero(chance.uniform(size=len(at)) < rates.RIDER_SEEN)
        small = 0.6 * side[rider]
        level = rates.expected_logit("person", small, thermal=flight.thermal)
        noise = own + split[1] * chance.standard_normal(len(rider))
        boxes.append(
            _Boxes(
                frame=at[rider],
                truth=first.truth[rider],
                category=np.full(len(rider), "person"),
                pixel=pixel[at[rider]],
                side_px=small,
                logit=level + rates.LOGIT_SIGMA * noise,
            )
        )
    return inside, _joined(boxes)


def _of_clutter(
    ground: Ground,
    flight: Flight,
    position: Floats,
    axes: Floats,
    chance: np.random.Generator,
) -> _Boxes:
    """Boxes on places where nothing is, again and again at the same ones."""
    boxes = []
    reach = np.linalg.norm(ground.clutter_m[:, None] - flight.place_m[None, ::10, :2], axis=2).min(
        axis=1
    )
    frames = len(flight.time_s)
    fresh = rates.CLUTTER_SIGMA * np.sqrt(1.0 - rates.REPEATED_SHARE)
    for index in np.flatnonzero(reach < FARTHEST_M):
        place = np.broadcast_to(ground.clutter_m[index], (frames, 2))
        inside, pixel, distance, _ = _in_frame(ground, place, flight, position, axes)
        at = np.flatnonzero(inside)
        group = str(ground.clutter_group[index])
        side = flight.lens.fx_px / distance[at] * rates.CLUTTER_SIDE_M[group]
        boxes.append(
            _Boxes(
                frame=at,
                truth=np.full(len(at), CLUTTER - index),
                category=np.full(len(at), "person" if group == "person" else "car"),
                pixel=pixel[at],
                side_px=side,
                logit=ground.clutter_logit[index]
                + _smaller(group, side, flight)
                + fresh * chance.standard_normal(len(at)),
            )
        )
    return _joined(boxes)


def _smaller(group: str, side_px: Floats, flight: Flight) -> Floats:
    """What clutter loses by being shown smaller than where it was counted."""
    category = "person" if group == "person" else "car"
    usual = np.full_like(side_px, rates.CLUTTER_MEASURED_PX[group])
    shown = rates.expected_logit(category, side_px, thermal=flight.thermal)
    counted = rates.expected_logit(category, usual, thermal=flight.thermal)
    return np.minimum(shown - counted, 0.0)


def _joined(boxes: list[_Boxes]) -> _Boxes:
    if not boxes:
        none = np.zeros(0)
        return _Boxes(
            frame=none.astype(np.intp),
            truth=none.astype(np.intp),
            category=none.astype(str),
            pixel=none.reshape(0, 2),
            side_px=none,
            logit=none,
        )
    return _Boxes(
        **{name: np.concatenate([getattr(one, name) for one in boxes]) for name in _Boxes.__slots__}
    )


def _as_looks(
    flight: Flight,
    written: list[Viewpoint],
    boxes: _Boxes,
    shown: NDArray[np.bool_],
    chance: np.random.Generator,
) -> list[Look]:
    """Keep what the detector reports, place it, and sort it into frames."""
    confidence = rates.confidence(boxes.logit)
    kept = np.flatnonzero((confidence >= rates.OPERATING) & (boxes.side_px >= LEAST_SIDE_PX))
    sigma = np.hypot(flight.sigmas.pixel_px, rates.BOX_EDGE * boxes.side_px[kept])
    pixel = boxes.pixel[kept] + flight.error_scale * sigma[:, None] * chance.standard_normal(
        (len(kept), 2)
    )
    edge = (flight.lens.width_px - 0.01, flight.lens.height_px - 0.01)
    pixel = np.clip(pixel, 0.01, edge)
    station = boxes.frame[kept]
    half = boxes.side_px[kept, None] / 2
    xyxy = np.concatenate([pixel - half, pixel + half], axis=1)
    places = locate(written, station, pixel, np.stack([sigma, sigma], axis=1))
    points = ground_points(places, written, station)
    rows: list[list[int]] = [[] for _ in written]
    for row, frame in enumerate(station):
        rows[frame].append(row)
    looks = []
    for index, view in enumerate(written):
        mine = np.array(rows[index], np.intp)
        mine = mine[np.argsort(-confidence[kept[mine]], kind="stable")]
        looks.append(
            Look(
                imagery_id=f"{flight.name}-{index:04d}",
                flight=flight.name,
                contributor=flight.contributor,
                taken_s=float(flight.time_s[index]),
                arrives_s=float(flight.time_s[index] + chance.uniform(0.0, flight.late_s)),
                tells_time=flight.tells_time,
                footprint_lonlat=footprint(view),
                ground=tuple(points[row] for row in mine),
                categories=tuple(str(boxes.category[kept[row]]) for row in mine),
                confidence=confidence[kept[mine]],
                xyxy=xyxy[mine],
                truth=boxes.truth[kept[mine]],
                in_view=frozenset(np.flatnonzero(shown[:, index]).tolist()),
            )
        )
    return looks
