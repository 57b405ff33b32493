"""A camera over terrain as a window on the ground."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.taxonomy import GROUPS
from pipelines.camera import project
from pipelines.geometry import footprint as footprints
from pipelines.geometry.contact import PERSON_HEIGHT_RATIO, VEHICLE_HEIGHT_RATIO, contact_pixels
from pipelines.geometry.geodesy import ecef_from_geodetic
from pipelines.geometry.georeference import georeference
from pipelines.geometry.terrain import FlatTerrain
from pipelines.geometry.viewpoint import Viewpoint
from pipelines.ground import GroundPoint

Floats = NDArray[np.float64]

_GRAZING_M, _GRAZING_SHARE = 0.5, 0.002


@dataclass(frozen=True, kw_only=True, slots=True)
class CameraView:
    """A viewpoint as a `pipelines.geometry.ground_view.GroundView`.

    Attributes:
        viewpoint: camera, pose and terrain.
    """

    viewpoint: Viewpoint

    def locate(self, pixels: Floats) -> tuple[GroundPoint, ...]:
        """The places of pixels (N, 2)."""
        return georeference(self.viewpoint, pixels)

    def place_boxes(
        self, xyxy: NDArray[np.float32], categories: Sequence[str]
    ) -> tuple[GroundPoint, ...]:
        """The places where the objects in boxes (N, 4) touch the ground."""
        pixels, sigma_px = contact_pixels(xyxy, self.viewpoint, VEHICLE_HEIGHT_RATIO)
        upright = np.array([category in GROUPS["person"] for category in categories], np.bool_)
        if upright.any():
            pixels[upright], sigma_px[upright] = contact_pixels(
                xyxy[upright], self.viewpoint, PERSON_HEIGHT_RATIO
            )
        return georeference(self.viewpoint, pixels, sigma_px)

    def project(self, longitude_deg: Floats, latitude_deg: Floats) -> Floats:
        """Pixels (N, 2) of places on the terrain; NaN behind the camera or in a gap."""
        hae_m = self.viewpoint.terrain.height_m(latitude_deg, longitude_deg)
        offset = ecef_from_geodetic(latitude_deg, longitude_deg, hae_m)
        offset = offset - self.viewpoint.position_ecef
        return project(offset @ self.viewpoint.ecef_from_camera, self.viewpoint.intrinsics)

    def visible(self, longitude_deg: Floats, latitude_deg: Floats) -> NDArray[np.bool_]:
        """(N,) whether the ray to a place on the terrain meets no other ground before it."""
        terrain = self.viewpoint.terrain
        if isinstance(terrain, FlatTerrain):
            return np.ones(len(longitude_deg), np.bool_)
        hae_m = terrain.height_m(latitude_deg, longitude_deg)
        offset = ecef_from_geodetic(latitude_deg, longitude_deg, hae_m)
        offset = offset - self.viewpoint.position_ecef
        distance = np.linalg.norm(offset, axis=1)
        known = np.flatnonzero(np.isfinite(distance) & (distance > 0.0))
        seen = np.zeros(len(longitude_deg), np.bool_)
        if not known.size:
            return seen
        way = offset[known] / distance[known, None]
        origin = np.broadcast_to(self.viewpoint.position_ecef, way.shape)
        crossings = terrain.meet(origin, way)
        # The ray meets the place itself; where it grazes the ground there, a little sooner.
        short = distance[known] - crossings.range_m
        missed = np.isnan(crossings.range_m)
        seen[known] = missed | (short <= _GRAZING_M + _GRAZING_SHARE * distance[known])
        return seen

    def footprint(self) -> Floats | None:
        """(M, 2) closed ring of the ground that the frame shows."""
        return footprints.footprint(self.viewpoint)
