"""Rasters placed by ground control points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyproj
from numpy.typing import NDArray
from pyproj.exceptions import ProjError

from pipelines.geometry.geodesy import metres_per_degree
from pipelines.geometry.ground_control import ControlFit, fit_control
from pipelines.geometry.raster_ground import (
    DEFAULT_SIGMA_M,
    box_centres,
    edge_pixels,
    flat_points,
)
from pipelines.ground import GroundPoint
from pipelines.imagery.placement import ControlPoint

Floats = NDArray[np.float64]

TERRAIN_LABEL = "raster:ground_control"


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ControlView:
    """A raster with ground control as a `pipelines.geometry.ground_view.GroundView`.

    Attributes:
        fit: from pixels to metres east and north of the origin, each along its axis of degrees.
        origin_deg: longitude and latitude of the origin.
        metres: of a degree of longitude and of latitude there.
        covariance_m2: (2, 2) east and north, of the points predicted from one another.
        width_px: columns.
        height_px: rows.
        points: how many there are.
        checked: whether any could be predicted from the others; else the error is assumed.
    """

    fit: ControlFit
    origin_deg: tuple[float, float]
    metres: tuple[float, float]
    covariance_m2: Floats
    width_px: int
    height_px: int
    points: int
    checked: bool

    @property
    def sigma_m(self) -> float:
        """Root mean square of one axis."""
        return float(np.sqrt(np.trace(self.covariance_m2) / 2.0))

    @property
    def statement(self) -> str:
        """How the raster is placed and how well, in words."""
        if not self.checked:
            return (
                f"the file places itself by {self.points} ground control points, too few to tell "
                f"how well, and one sigma of {self.sigma_m:g} m is assumed"
            )
        return (
            f"the file places itself by {self.points} ground control points, through a "
            f"{self.fit.name}; each predicted from the others, one sigma is {self.sigma_m:.3g} m"
        )

    def locate(self, pixels: Floats) -> tuple[GroundPoint, ...]:
        """The places of pixels (N, 2); no height is known."""
        lonlat = self._lonlat(pixels)
        return flat_points(
            pixels,
            lonlat[:, 0],
            lonlat[:, 1],
            size=(self.width_px, self.height_px),
            covariance_m2=self.covariance_m2,
            label=TERRAIN_LABEL,
        )

    def place_boxes(
        self, xyxy: NDArray[np.float32], categories: Sequence[str]
    ) -> tuple[GroundPoint, ...]:
        """The places of boxes (N, 4): seen from straight above, their centres."""
        del categories
        return self.locate(box_centres(xyxy, self.width_px, self.height_px))

    def project(self, longitude_deg: Floats, latitude_deg: Floats) -> Floats:
        """Pixels (N, 2) of places."""
        turned = (longitude_deg - self.origin_deg[0] + 180.0) % 360.0 - 180.0
        plane = np.stack([turned, latitude_deg - self.origin_deg[1]], axis=1) * self.metres
        return self.fit.invert(plane)

    def visible(self, longitude_deg: Floats, latitude_deg: Floats) -> NDArray[np.bool_]:
        """(N,) all: where the sensor stood the file does not tell."""
        del latitude_deg
        return np.ones(len(longitude_deg), np.bool_)

    def footprint(self) -> Floats:
        """(M, 2) closed ring of its outer edge, longitude and latitude."""
        return self._lonlat(edge_pixels(self.width_px, self.height_px))

    def _lonlat(self, pixels: Floats) -> Floats:
        lonlat = self.fit.apply(pixels) / self.metres + self.origin_deg
        lonlat[:, 0] = (lonlat[:, 0] + 180.0) % 360.0 - 180.0
        return lonlat


def control_view(
    control: Sequence[ControlPoint], crs_wkt: str | None, width_px: int, height_px: int
) -> ControlView | None:
    """The view of a raster with ground control.

    Returns:
        The view; None where there are fewer than three points, they lie on a line, or their system
        has no place on the Earth.
    """
    lonlat = control_lonlat(control, crs_wkt)
    if lonlat is None:
        return None
    pixels = np.array([(one.column_px, one.row_px) for one in control])
    origin = lonlat[0].copy()
    turned = lonlat - origin
    turned[:, 0] = (turned[:, 0] + 180.0) % 360.0 - 180.0
    origin += turned.mean(axis=0)
    turned -= turned.mean(axis=0)
    north_m, east_m = (float(value) for value in metres_per_degree(float(origin[1])))
    fit = fit_control(pixels, turned * (east_m, north_m))
    if fit is None:
        return None
    known = fit.errors[np.isfinite(fit.errors).all(axis=1)]
    # Of an error nobody could check, what is assumed of any orthomosaic.
    covariance = known.T @ known / len(known) if len(known) else np.eye(2) * DEFAULT_SIGMA_M**2
    return ControlView(
        fit=fit,
        origin_deg=(float(origin[0]), float(origin[1])),
        metres=(east_m, north_m),
        covariance_m2=covariance,
        width_px=width_px,
        height_px=height_px,
        points=len(control),
        checked=len(known) > 0,
    )


def control_lonlat(control: Sequence[ControlPoint], crs_wkt: str | None) -> Floats | None:
    """(P, 2) longitude and latitude of control points; None where they have none."""
    if crs_wkt is None or not control:
        return None
    try:
        crs = pyproj.CRS.from_wkt(crs_wkt).to_2d()
        transformer = pyproj.Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
        longitude, latitude = transformer.transform(
            [one.x for one in control], [one.y for one in control]
        )
    except ProjError:
        return None
    lonlat = np.column_stack([longitude, latitude])
    return lonlat if np.isfinite(lonlat).all() else None
