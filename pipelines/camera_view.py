"""A camera over terrain as a view of the ground, as products ask for it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.camera import project
from pipelines.footprint import footprint
from pipelines.geodesy import ecef_from_geodetic
from pipelines.georeference import georeference
from pipelines.ground import GroundPoint
from pipelines.ray_march import MAX_RANGE_M
from pipelines.viewpoint import Viewpoint


@dataclass(frozen=True, kw_only=True, slots=True)
class CameraView:
    """A `pipelines.ground_view.GroundView` of one frame.

    Attributes:
        viewpoint: its camera.
    """

    viewpoint: Viewpoint

    def locate(self, pixels: NDArray[np.float64]) -> tuple[GroundPoint, ...]:
        """The places of pixels (N, 2)."""
        return georeference(self.viewpoint, pixels)

    def project(
        self, longitude_deg: NDArray[np.float64], latitude_deg: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Pixels (N, 2) of places (N,) on the terrain; NaN where there is none.

        A place that nearer ground hides is projected all the same.
        """
        longitude = np.asarray(longitude_deg, np.float64)
        latitude = np.asarray(latitude_deg, np.float64)
        height = self.viewpoint.terrain.height_m(latitude, longitude)
        offset = ecef_from_geodetic(latitude, longitude, height) - self.viewpoint.position_ecef
        offset[~(np.linalg.norm(offset, axis=1) <= MAX_RANGE_M)] = np.nan
        return project(offset @ self.viewpoint.ecef_from_camera, self.viewpoint.intrinsics)

    def footprint(self) -> NDArray[np.float64] | None:
        """(M, 2) closed ring of what the frame shows; see `pipelines.footprint`."""
        return footprint(self.viewpoint)
