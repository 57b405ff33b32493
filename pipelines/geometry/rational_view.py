"""Satellite scenes placed by rational polynomials over terrain."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyproj
from numpy.typing import NDArray

from pipelines.geometry.control_view import control_lonlat
from pipelines.geometry.elevation import TerrainSource
from pipelines.geometry.geodesy import metres_per_degree
from pipelines.geometry.raster_ground import box_centres, edge_pixels
from pipelines.geometry.rational import RationalCamera
from pipelines.geometry.terrain import FlatTerrain, Terrain
from pipelines.geometry.uncertainty import LE90_SIGMAS, confidence_radius_m
from pipelines.ground import GroundPoint
from pipelines.imagery.placement import ControlPoint, Placement
from pipelines.outcome import Outcome

Floats = NDArray[np.float64]

UNSTATED_SIGMA_M = 23.0 / 2.146
"""One sigma of each axis where the file tells none: QuickBird's 23 m CE90 without control
(DigitalGlobe, QuickBird imagery products, product guide, 2006)."""

DEM_SIGMA_M = 5.0
"""One sigma of an elevation model's heights: SRTM's 16 m LE90 in its specification, 9 m measured
(E. Rodriguez et al., 2006), is 5.5 m."""

_FLAT_LABEL = "flat:rpc_height"
_ROUNDS = 60
_CALM_AFTER = 12
_SETTLED_M = 0.01
_LIFT_M = 10.0


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class RationalView:
    """A scene with rational polynomials as a `pipelines.geometry.ground_view.GroundView`.

    Attributes:
        camera: the polynomials.
        terrain: what rays are met with.
        terrain_sigma_m: one sigma of its heights.
        sigma_m: one sigma of each horizontal axis, the terrain's left out.
        width_px: columns.
        height_px: rows.
        statement: how the scene is placed and how well, in words.
    """

    camera: RationalCamera
    terrain: Terrain
    terrain_sigma_m: float
    sigma_m: float
    width_px: int
    height_px: int
    statement: str

    def locate(self, pixels: Floats) -> tuple[GroundPoint, ...]:
        """The places of pixels (N, 2) on the terrain."""
        pixels = np.asarray(pixels, np.float64).reshape(-1, 2)
        size = np.array([self.width_px, self.height_px])
        inside = np.all((pixels >= 0.0) & (pixels <= size), axis=1)
        longitude, latitude, hae, gap = self._meet(pixels)
        lean = self._lean(pixels, hae, latitude)
        covariance = np.zeros((len(pixels), 3, 3))
        covariance[:, 0, 0] = covariance[:, 1, 1] = self.sigma_m**2
        # A height error moves the place along the ray: up by one, and sideways by the lean.
        way = np.column_stack([lean, np.ones(len(pixels))]) * self.terrain_sigma_m
        covariance += way[:, :, None] * way[:, None, :]
        ce90 = confidence_radius_m(covariance)
        le90 = LE90_SIGMAS * self.terrain_sigma_m
        points = []
        for index in range(len(pixels)):
            if not inside[index]:
                points.append(GroundPoint(outcome=Outcome.OUTSIDE_IMAGE))
            elif gap[index]:
                points.append(GroundPoint(outcome=Outcome.DEM_GAP))
            elif math.isnan(hae[index]) or not np.isfinite(covariance[index]).all():
                points.append(GroundPoint(outcome=Outcome.NO_INTERSECTION))
            else:
                points.append(
                    GroundPoint(
                        outcome=Outcome.LOCATED,
                        latitude_deg=float(latitude[index]),
                        longitude_deg=float(longitude[index]),
                        hae_m=float(hae[index]),
                        covariance_enu_m2=covariance[index],
                        ce90_m=float(ce90[index]),
                        le90_m=le90,
                        terrain=self.terrain.label,
                    )
                )
        return tuple(points)

    def place_boxes(
        self, xyxy: NDArray[np.float32], categories: Sequence[str]
    ) -> tuple[GroundPoint, ...]:
        """The places of boxes (N, 4): seen from so high above, their centres."""
        del categories
        return self.locate(box_centres(xyxy, self.width_px, self.height_px))

    def project(self, longitude_deg: Floats, latitude_deg: Floats) -> Floats:
        """Pixels (N, 2) of places on the terrain; NaN in a gap."""
        hae = self.terrain.height_m(latitude_deg, longitude_deg)
        return self.camera.project(longitude_deg, latitude_deg, hae)

    def visible(self, longitude_deg: Floats, latitude_deg: Floats) -> NDArray[np.bool_]:
        """(N,) all: from that high, what a crest hides is narrower than a post."""
        del latitude_deg
        return np.ones(len(longitude_deg), np.bool_)

    def footprint(self) -> Floats | None:
        """(M, 2) closed ring of its outer edge; None where part of it lies in a gap."""
        longitude, latitude, hae, _ = self._meet(edge_pixels(self.width_px, self.height_px))
        if not np.isfinite(hae).all():
            return None
        return np.column_stack([longitude, latitude])

    def _meet(self, pixels: Floats) -> tuple[Floats, Floats, Floats, NDArray[np.bool_]]:
        """Longitude, latitude and height (N,) of where pixels meet the terrain, and gaps (N,).

        The height of the terrain at the place that a height gives is taken for the next, until it
        stays: that settles wherever the ground is less steep than the ray. Where it does not at
        once, half steps do.
        """
        start = self.camera.coefficients.height_offset
        hae = np.full(len(pixels), start)
        gap = np.zeros(len(pixels), np.bool_)
        change = np.full(len(pixels), np.inf)
        longitude, latitude = self.camera.locate(pixels, hae)
        for number in range(_ROUNDS):
            ground = self.terrain.height_m(latitude, longitude)
            gap = np.isnan(ground) & np.isfinite(latitude)
            change = ground - hae
            share = 1.0 if number < _CALM_AFTER else 0.5
            hae = hae + share * np.where(np.isfinite(change), change, 0.0)
            longitude, latitude = self.camera.locate(pixels, hae)
            if not (np.abs(change) > _SETTLED_M).any():
                break
        settled = np.abs(change) <= _SETTLED_M
        nowhere = np.where(settled, 0.0, np.nan)
        return longitude + nowhere, latitude + nowhere, hae + nowhere, gap

    def _lean(self, pixels: Floats, hae: Floats, latitude: Floats) -> Floats:
        """(N, 2) metres east and north that a place moves by for each metre of height."""
        above = self.camera.locate(pixels, hae + _LIFT_M)
        below = self.camera.locate(pixels, hae - _LIFT_M)
        north_m, east_m = metres_per_degree(latitude)
        east = (above[0] - below[0]) * east_m / (2 * _LIFT_M)
        north = (above[1] - below[1]) * north_m / (2 * _LIFT_M)
        return np.column_stack([east, north])


def rational_view(
    placement: Placement, width_px: int, height_px: int, source: TerrainSource
) -> RationalView | None:
    """The view of a scene with rational polynomials; None where it has none that work.

    Where the file holds ground control too, the polynomials are shifted onto it, and what the
    points then differ by is their error.
    """
    known = placement.rational
    if known is None:
        return None
    camera = RationalCamera(coefficients=known)
    middle = np.array([[width_px / 2.0, height_px / 2.0]])
    longitude, latitude = camera.locate(middle, np.array([known.height_offset]))
    if not (np.isfinite(longitude).all() and np.isfinite(latitude).all()):
        return None
    dem = source.near(float(latitude[0]), float(longitude[0]))
    terrain: Terrain
    if dem is not None:
        terrain, terrain_sigma_m, ground = dem, DEM_SIGMA_M, f"over {dem.label}"
    else:
        # The scale is half the range of heights in the scene.
        terrain = FlatTerrain(hae_m=known.height_offset, label=_FLAT_LABEL)
        terrain_sigma_m = max(DEM_SIGMA_M, known.height_scale / 2.0)
        ground = (
            f"over flat ground {known.height_offset:g} m above the ellipsoid, for no elevation "
            f"model covers it: one sigma of its height is {terrain_sigma_m:g} m"
        )
    stated = [value for value in (known.bias_m, known.random_m) if value is not None]
    sigma_m = math.hypot(*stated) if stated else UNSTATED_SIGMA_M
    words = "as the file states" if stated else "as assumed, for the file states none"
    view = RationalView(
        camera=camera,
        terrain=terrain,
        terrain_sigma_m=terrain_sigma_m,
        sigma_m=sigma_m,
        width_px=width_px,
        height_px=height_px,
        statement=f"the file places itself by rational polynomials, {ground}; one sigma of "
        f"{sigma_m:.3g} m {words}",
    )
    shift = control_shift(camera, placement.control, placement.control_crs)
    if shift is None:
        return view
    shift_px, sigma_px = shift
    metre_px = _pixel_m(view)
    refined_m = sigma_px * metre_px
    return replace(
        view,
        camera=replace(camera, shift_px=shift_px),
        sigma_m=refined_m,
        statement=f"the file places itself by rational polynomials, {ground}, shifted by "
        f"{math.hypot(*shift_px):.1f} pixels onto its {len(placement.control)} ground control "
        f"points; one sigma is {refined_m:.3g} m",
    )


def control_shift(
    camera: RationalCamera, control: Sequence[ControlPoint], crs_wkt: str | None
) -> tuple[tuple[float, float], float] | None:
    """The shift in pixels that takes the polynomials to ground control, and one sigma of it.

    Returns:
        The mean difference, and the root mean square with which it predicts a further point, for
        each axis; None for fewer than three points, or points without a height above the ellipsoid.
    """
    lonlat = control_lonlat(control, crs_wkt)
    count = len(control)
    if lonlat is None or crs_wkt is None or count < 3:
        return None
    if len(pyproj.CRS.from_wkt(crs_wkt).axis_info) != 3:
        return None
    seen = np.array([(one.column_px, one.row_px) for one in control])
    heights = np.array([one.z for one in control])
    difference = seen - camera.project(lonlat[:, 0], lonlat[:, 1], heights)
    if not np.isfinite(difference).all():
        return None
    shift = difference.mean(axis=0)
    spread = ((difference - shift) ** 2).sum() / (2.0 * (count - 1))
    sigma_px = math.sqrt(spread * (1.0 + 1.0 / count))
    return (float(shift[0]), float(shift[1])), sigma_px


def _pixel_m(view: RationalView) -> float:
    """Ground length of a pixel's side at the middle of the scene."""
    middle = np.array([view.width_px / 2.0, view.height_px / 2.0])
    pixels = middle + np.array([[-1.0, 0.0], [1.0, 0.0], [0.0, -1.0], [0.0, 1.0]])
    height = np.full(4, view.camera.coefficients.height_offset)
    longitude, latitude = view.camera.locate(pixels, height)
    north_m, east_m = metres_per_degree(float(latitude[0]))
    east, north = longitude * east_m, latitude * north_m
    across = (east[1] - east[0], east[3] - east[2])
    along = (north[1] - north[0], north[3] - north[2])
    return math.sqrt(abs(float(across[0] * along[1] - across[1] * along[0]))) / 2.0
