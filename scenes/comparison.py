"""What somebody made of a rendered sortie, held against its truth."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from pyproj import Geod

from scenes.sortie import Frame, Sortie
from scenes.truth import BoxTruth, ThingTruth

VEHICLES = frozenset({"car", "van", "truck", "bus"})
_GEOD = Geod(ellps="WGS84")
_SAME_BOX_IOU = 0.4
_WHOLE = 0.95
_NEAREST_M = 6.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """One object that somebody says is in a picture.

    Attributes:
        file_name: the picture.
        category: what it is said to be.
        confidence: 0 to 1.
        xyxy_px: left, top, right, bottom in pixels.
        latitude_deg: where it is said to stand, WGS 84; None where no place is given.
        longitude_deg: the same.
        ce90_m: the stated radius that holds 90 % of horizontal errors.
    """

    file_name: str
    category: str
    confidence: float
    xyxy_px: tuple[float, float, float, float]
    latitude_deg: float | None
    longitude_deg: float | None
    ce90_m: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """One thing in one picture that shows it whole.

    Attributes:
        file_name: the picture.
        thing: what stands there.
        claim: what was said of it; None when it was missed.
        error_m: horizontal distance of the claim from the truth; None without a place.
    """

    file_name: str
    thing: ThingTruth
    claim: Claim | None
    error_m: float | None

    @property
    def inside(self) -> bool | None:
        """Whether the truth lies within the stated CE90; None without a place."""
        if self.claim is None or self.error_m is None or self.claim.ce90_m is None:
            return None
        return self.error_m <= self.claim.ce90_m


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """Every case, and the claims that belong to nothing.

    Attributes:
        cases: one for each thing wholly shown in each picture.
        cut: claims of things that an edge of the picture cuts, or second claims of one thing.
        false_claims: claims where nothing stands.
    """

    cases: tuple[Case, ...]
    cut: tuple[Claim, ...]
    false_claims: tuple[Claim, ...]

    def of(self, thing_ids: frozenset[str]) -> Comparison:
        """The cases of some things only."""
        kept = tuple(case for case in self.cases if case.thing.thing_id in thing_ids)
        return Comparison(cases=kept, cut=self.cut, false_claims=self.false_claims)

    @property
    def located(self) -> tuple[Case, ...]:
        """Cases with a place."""
        return tuple(case for case in self.cases if case.error_m is not None)

    @property
    def inside_share(self) -> float:
        """Share of located cases whose truth lies within CE90; 0 where there are none."""
        located = self.located
        return sum(bool(case.inside) for case in located) / len(located) if located else 0.0

    @property
    def median_error_m(self) -> float:
        """Median error of located cases; infinite where there are none."""
        errors = [case.error_m for case in self.cases if case.error_m is not None]
        return statistics.median(errors) if errors else float("inf")


def compare(sortie: Sortie, claims: Sequence[Claim]) -> Comparison:
    """Hold claims against the truth, picture by picture.

    A claim belongs to the thing whose box it overlaps most, from an IoU of 0.4; the place plays no
    part in that, so that a wrong place is an error and not a miss. Of several claims of one thing
    the most confident counts.
    """
    things = {thing.thing_id: thing for thing in sortie.things}
    cases: list[Case] = []
    cut: list[Claim] = []
    false_claims: list[Claim] = []
    for frame in sortie.frames:
        mine = [claim for claim in claims if claim.file_name == frame.shot.file_name]
        taken: dict[str, Claim] = {}
        for claim in sorted(mine, key=lambda one: -one.confidence):
            owner = _owner(frame, claim)
            if owner is None:
                false_claims.append(claim)
            elif owner.shown < _WHOLE or owner.thing_id in taken:
                cut.append(claim)
            else:
                taken[owner.thing_id] = claim
        for box in frame.boxes:
            if box.shown >= _WHOLE:
                thing, claimed = things[box.thing_id], taken.get(box.thing_id)
                cases.append(
                    Case(
                        file_name=frame.shot.file_name,
                        thing=thing,
                        claim=claimed,
                        error_m=None if claimed is None else _error_m(thing, claimed),
                    )
                )
    return Comparison(cases=tuple(cases), cut=tuple(cut), false_claims=tuple(false_claims))


def distance_m(
    latitude_deg: float, longitude_deg: float, to_latitude_deg: float, to_longitude_deg: float
) -> float:
    """Length of the geodesic between two places."""
    return float(_GEOD.inv(longitude_deg, latitude_deg, to_longitude_deg, to_latitude_deg)[2])


def things_within(
    sortie: Sortie, latitude_deg: float, longitude_deg: float, radius_m: float
) -> tuple[ThingTruth, ...]:
    """Things no farther than a radius from a place: the planted threats."""
    return tuple(
        thing
        for thing in sortie.things
        if distance_m(latitude_deg, longitude_deg, thing.latitude_deg, thing.longitude_deg)
        <= radius_m
    )


def pair(
    things: Sequence[ThingTruth], places: Sequence[tuple[float, float, float]]
) -> dict[int, str]:
    """Which place is which thing: nearest first, each used once.

    Args:
        things: what stands there.
        places: latitude, longitude and CE90 in metres of each place.

    Returns:
        Thing by index of place; a place farther than its CE90, or 6 m where that is more, from
        every thing that is left is not in it.
    """
    pairs = sorted(
        (distance_m(place[0], place[1], thing.latitude_deg, thing.longitude_deg), index, number)
        for index, place in enumerate(places)
        for number, thing in enumerate(things)
    )
    found: dict[int, str] = {}
    for distance, index, number in pairs:
        name = things[number].thing_id
        reach = max(places[index][2], _NEAREST_M)
        if distance <= reach and index not in found and name not in found.values():
            found[index] = name
    return found


def _error_m(thing: ThingTruth, claim: Claim) -> float | None:
    if claim.latitude_deg is None or claim.longitude_deg is None:
        return None
    return distance_m(
        thing.latitude_deg, thing.longitude_deg, claim.latitude_deg, claim.longitude_deg
    )


def _owner(frame: Frame, claim: Claim) -> BoxTruth | None:
    best = max(frame.boxes, key=lambda box: _iou(box.xyxy_px, claim.xyxy_px), default=None)
    if best is None or _iou(best.xyxy_px, claim.xyxy_px) < _SAME_BOX_IOU:
        return None
    return best


def _iou(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> float:
    width = max(0.0, min(one[2], other[2]) - max(one[0], other[0]))
    height = max(0.0, min(one[3], other[3]) - max(one[1], other[1]))
    common = width * height
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return common / (areas - common) if areas > common else 0.0
