"""A frame whose truth is a page of school geometry, for the tests of products."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray
from pyproj import Geod

from models.detections import Detections
from models.detector import DetectorIdentity
from pipelines.assessment import Assessment, Provenance
from pipelines.capture import Capture
from pipelines.ground import GroundPoint
from pipelines.outcome import Finding, Outcome, Severity
from pipelines.pose import Sigmas
from pipelines.threats.positions.position import Position, PositionKind
from pipelines.threats.proximity.weighing import Level, Sighting

_GEOD = Geod(ellps="WGS84")


@dataclass(frozen=True, kw_only=True)
class PlaneView:
    """A pinhole over a flat plane: a `GroundView` that shares no code with the product."""

    latitude_deg: float = 33.2
    longitude_deg: float = 35.5
    height_m: float = 100.0
    focal_px: float = 1000.0
    width_px: int = 800
    height_px: int = 600
    yaw_deg: float = 0.0
    pitch_deg: float = -90.0

    @property
    def metres_per_degree(self) -> tuple[float, float]:
        """East and north, from PROJ's geodesics."""
        lon, lat = self.longitude_deg, self.latitude_deg
        east = _GEOD.inv(lon - 5e-4, lat, lon + 5e-4, lat)[2] * 1e3
        north = _GEOD.inv(lon, lat - 5e-4, lon, lat + 5e-4)[2] * 1e3
        return east, north

    def axes(self) -> NDArray[np.float64]:
        """Rows right, down, forward of the camera in east, north, up; no roll."""
        yaw, pitch = math.radians(self.yaw_deg), math.radians(self.pitch_deg)
        right = [math.cos(yaw), -math.sin(yaw), 0.0]
        forward = [
            math.cos(pitch) * math.sin(yaw),
            math.cos(pitch) * math.cos(yaw),
            math.sin(pitch),
        ]
        return np.array([right, np.cross(forward, right), forward])

    def enu(self, pixels: NDArray[np.float64]) -> NDArray[np.float64]:
        """(N, 2) east and north of where pixels meet the plane; NaN at and above the horizon."""
        x = (pixels[:, 0] - self.width_px / 2) / self.focal_px
        y = (pixels[:, 1] - self.height_px / 2) / self.focal_px
        rays = np.column_stack([x, y, np.ones(len(x))]) @ self.axes()
        steps = np.where(rays[:, 2] < -1e-9, self.height_m / -rays[:, 2], np.nan)
        met: NDArray[np.float64] = rays[:, :2] * steps[:, None]
        return met

    def locate(self, pixels: NDArray[np.float64]) -> tuple[GroundPoint, ...]:
        east_m, north_m = self.metres_per_degree
        found = []
        for east, north in self.enu(np.asarray(pixels, np.float64)):
            if math.isnan(east):
                found.append(GroundPoint(outcome=Outcome.ABOVE_HORIZON))
                continue
            slant = math.hypot(east, north, self.height_m)
            found.append(
                GroundPoint(
                    outcome=Outcome.LOCATED,
                    latitude_deg=self.latitude_deg + north / north_m,
                    longitude_deg=self.longitude_deg + east / east_m,
                    hae_m=412.5,
                    covariance_enu_m2=np.array(
                        [[9.0, 4.0, 0.0], [4.0, 16.0, 0.0], [0.0, 0.0, 4.0]]
                    ),
                    ce90_m=8.0,
                    le90_m=3.29,
                    slant_range_m=slant,
                    depression_deg=math.degrees(math.asin(self.height_m / slant)),
                    terrain="flat:test",
                )
            )
        return tuple(found)

    def project(
        self, longitude_deg: NDArray[np.float64], latitude_deg: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        east_m, north_m = self.metres_per_degree
        east = (longitude_deg - self.longitude_deg) * east_m
        north = (latitude_deg - self.latitude_deg) * north_m
        rays = np.column_stack([east, north, np.full(len(east), -self.height_m)]) @ self.axes().T
        ahead = np.where(rays[:, 2] > 0.0, rays[:, 2], np.nan)
        scaled: NDArray[np.float64] = self.focal_px * rays[:, :2] / ahead[:, None]
        scaled += np.array([self.width_px / 2, self.height_px / 2])
        return scaled

    def visible(
        self, longitude_deg: NDArray[np.float64], latitude_deg: NDArray[np.float64]
    ) -> NDArray[np.bool_]:
        """All: a plane hides nothing."""
        assert len(longitude_deg) == len(latitude_deg)
        return np.ones(len(longitude_deg), np.bool_)

    def place_boxes(
        self, xyxy: NDArray[np.float32], categories: Sequence[str]
    ) -> tuple[GroundPoint, ...]:
        """Centres of boxes."""
        assert len(xyxy) == len(categories)
        return self.locate((xyxy[:, :2] + xyxy[:, 2:]).astype(np.float64) / 2)

    def footprint(self) -> NDArray[np.float64]:
        """The four corners, of a frame that shows no sky."""
        w, h = self.width_px, self.height_px
        corners = self.locate(np.array([[0, 0], [w, 0], [w, h], [0, h], [0, 0]], np.float64))
        return np.array([(point.longitude_deg, point.latitude_deg) for point in corners])


@dataclass(frozen=True, kw_only=True)
class Seen:
    """Everything a product is made from."""

    provenance: Provenance
    assessment: Assessment
    positions: tuple[Position, ...]
    view: PlaneView
    rgb: NDArray[np.uint8]


def _assessment(view: PlaneView, *, located: bool) -> Assessment:
    boxes = np.array([[100, 100, 140, 130], [500, 300, 520, 340], [700, 500, 760, 560]], np.float32)
    outcome = Outcome.LOCATED if located else Outcome.NO_ATTITUDE
    centres = (boxes[:, :2] + boxes[:, 2:]).astype(np.float64) / 2
    ground = view.locate(centres) if located else (GroundPoint(outcome=outcome),) * 3
    confidence = np.array([0.91, 0.6, 0.3], np.float32)
    sightings = tuple(
        Sighting(
            detection_index=index,
            category=category,
            confidence=float(confidence[index]),
            ground=ground[index],
            position_id="post-7",
            rule_id="vehicles-near-posts",
            rule_revision=2,
            radius_m=500.0,
            probability=probability,
            level=level,
            range_m=300.4,
            range_low_m=287.9,
            range_high_m=313.2,
            bearing_deg=44.6,
        )
        for index, category, probability, level in (
            (0, "vehicle", 0.97, Level.ALERT),
            (1, "person", 0.22, Level.POSSIBLE),
        )
        if located
    )
    return Assessment(
        capture=Capture(
            width_px=view.width_px,
            height_px=view.height_px,
            make="Maker",
            model="Camera",
            captured_at=datetime(2026, 11, 24, 10, 2, 11, tzinfo=UTC) if located else None,
            pose=None,
            relative_height_m=None,
            intrinsics=None,
            sigmas=Sigmas(
                horizontal_m=2.0,
                vertical_m=3.0,
                yaw_deg=1.0,
                pitch_deg=0.5,
                roll_deg=0.5,
                pixel_px=1.0,
                terrain_m=1.0,
            ),
            outcome=outcome,
            findings=(Finding(code="A_NOTE", severity=Severity.NOTE, message="worth knowing"),),
        ),
        detector=DetectorIdentity(
            name="vedette-n",
            version="2.1.0",
            engine="openvino 2026.4.1 CPU",
            sha256={"vedette-n.bin": "ab" * 32},
            categories=("person", "vehicle"),
            input_px=640,
        ),
        detections=Detections(
            xyxy=boxes, confidence=confidence, class_id=np.array([1, 0, 1], np.int32)
        ),
        categories=("vehicle", "person", "vehicle"),
        ground=ground,
        footprint_lonlat=view.footprint() if located else None,
        sightings=sightings,
        products=(),
    )


def seen_frame(*, located: bool = True) -> Seen:
    """A nadir frame over a plane with an alert, a possible sighting and a plain detection."""
    view = PlaneView()
    shade = np.linspace(60, 200, view.width_px, dtype=np.uint8)
    return Seen(
        provenance=Provenance(
            mission_id="unifil",
            pledge_id="kor-uas-1",
            contributor="KOR",
            sortie_id="S-0412",
            imagery_id="img-1",
            file_name="DJI_0001.JPG",
            sha256="cd" * 32,
            marking="CONFIDENTIAL",
        ),
        assessment=_assessment(view, located=located),
        positions=(
            Position(
                position_id="post-7",
                display_name="Poste avancé 7",
                kind=PositionKind.POST,
                latitude_deg=33.198,
                longitude_deg=35.498,
            ),
        ),
        view=view,
        rgb=np.repeat(np.tile(shade, (view.height_px, 1))[..., None], 3, axis=2),
    )
