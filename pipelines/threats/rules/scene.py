"""What is on the ground around a frame when its sightings are judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from pipelines.threats.positions.local_plane import LocalPlane
from pipelines.threats.positions.position import Position
from pipelines.threats.proximity.weighing import Sighting
from pipelines.threats.rules.closing import (
    Approach,
    Outline,
    approach,
    in_plane,
    outline_of,
    probability_near,
)
from pipelines.threats.rules.looks import Look
from pipelines.threats.tracks.fusion import horizontal
from pipelines.threats.tracks.track import Track

PRESENT_S = 60.0
"""What another frame showed so long before or after is taken to be there still."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Present:
    """An object on the ground at the time of the frame.

    Attributes:
        key: its track, or the detection where it has none.
        category: taxonomy category.
        confidence: 0 to 1.
        place_m: (2,) east and north in the plane of the scene.
        track: None where it has none.
    """

    key: str
    category: str
    confidence: float
    place_m: NDArray[np.float64]
    track: Track | None


class Scene:
    """One frame with what is known around it; what is worked out is kept for the next question."""

    def __init__(
        self,
        sightings: Sequence[Sighting],
        *,
        track_of: Mapping[int, Track],
        tracks: Sequence[Track],
        positions: Mapping[str, Position],
        looks: Sequence[Look],
        captured_at: datetime | None,
    ) -> None:
        self.track_of = track_of
        self.tracks = tracks
        self.positions = positions
        self.looks = looks
        self.captured_at = captured_at
        self._approaches: dict[tuple[int, str, float], Approach | None] = {}
        origin = horizontal(sightings[0].ground) if sightings else (0.0, 0.0, None)
        self.plane = LocalPlane(latitude_deg=origin[0], longitude_deg=origin[1])
        self._sightings = sightings
        self._present: tuple[Present, ...] | None = None

    def name_of(self, position_id: str) -> str:
        """What people call a position; its identifier where it is gone."""
        position = self.positions.get(position_id)
        return position_id if position is None else position.display_name

    def key_of(self, sighting: Sighting) -> str:
        """The object of a sighting among those present."""
        track = self.track_of.get(sighting.detection_index)
        return f"detection {sighting.detection_index}" if track is None else track.track_id

    @property
    def present(self) -> tuple[Present, ...]:
        """All objects on the ground, in order of their keys; found when a group is asked for."""
        if self._present is None:
            self._present = self._presence()
        return self._present

    def approach_of(self, sighting: Sighting, perimeter_m: float) -> Approach | None:
        """How the object moves toward the position; None where that or its velocity is unknown."""
        key = (sighting.detection_index, sighting.position_id, perimeter_m)
        if key not in self._approaches:
            self._approaches[key] = self._approach(sighting, perimeter_m)
        return self._approaches[key]

    def inside(self, sighting: Sighting, perimeter_m: float) -> float:
        """Probability that the object is at the perimeter; 0 where the position is gone."""
        moves = self.approach_of(sighting, perimeter_m)
        if moves is not None:
            return moves.within(0.0)
        latitude, longitude, covariance = horizontal(sighting.ground)
        found = self.located(sighting, latitude, longitude, covariance)
        if found is None or sighting.range_low_m > perimeter_m:
            return 0.0
        outline, place, error, _ = found
        return probability_near(outline, place, error, perimeter_m)

    def _approach(self, sighting: Sighting, perimeter_m: float) -> Approach | None:
        track = self.track_of.get(sighting.detection_index)
        if track is None or track.velocity_m_s is None or track.velocity_covariance is None:
            return None
        found = self.located(sighting, track.latitude_deg, track.longitude_deg, track.covariance_m2)
        if found is None:
            return None
        outline, place, covariance, turn = found
        return approach(
            outline,
            place,
            covariance,
            turn @ track.velocity_m_s,
            turn @ track.velocity_covariance @ turn.T,
            perimeter_m,
        )

    def located(
        self,
        sighting: Sighting,
        latitude_deg: float,
        longitude_deg: float,
        covariance_m2: NDArray[np.float64],
    ) -> tuple[Outline, NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]] | None:
        """A place in the plane of a sighting's position; None where the position is gone.

        Returns:
            The outline, the place (2,), the covariance (2, 2) of object and position together, and
            the rotation (2, 2) into that plane.
        """
        position = self.positions.get(sighting.position_id)
        if position is None:
            return None
        place, turn = in_plane(position, latitude_deg, longitude_deg)
        # As it was when it was weighed: a patrol's error grows with the age of its report.
        error = sighting.position_sigma_m**2 * np.eye(2)
        return outline_of(position), place, turn @ covariance_m2 @ turn.T + error, turn

    def _presence(self) -> tuple[Present, ...]:
        shown: dict[str, tuple[float, float, Sighting | Track]] = {}
        for sighting in self._sightings:
            # As this frame shows it: within one frame, errors of pose are the same for all.
            latitude, longitude, _ = horizontal(sighting.ground)
            shown[self.key_of(sighting)] = latitude, longitude, sighting
        for track in (*self.track_of.values(), *(it for it in self.tracks if self._near(it))):
            if track.track_id not in shown:
                shown[track.track_id] = track.latitude_deg, track.longitude_deg, track
        keys = sorted(shown)
        if not keys:
            return ()
        places = self.plane.enu(
            np.array([shown[key][0] for key in keys]), np.array([shown[key][1] for key in keys])
        )
        return tuple(
            Present(
                key=key,
                category=seen.category,
                confidence=seen.confidence,
                place_m=place,
                track=self.track_of.get(seen.detection_index)
                if isinstance(seen, Sighting)
                else seen,
            )
            for key, place, seen in zip(keys, places, (shown[key][2] for key in keys), strict=True)
        )

    def _near(self, track: Track) -> bool:
        if self.captured_at is None or track.last_seen_at is None:
            return False
        return abs((self.captured_at - track.last_seen_at).total_seconds()) <= PRESENT_S
