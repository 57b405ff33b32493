"""Rasters that carry their own place as an affine transform: orthomosaics.

Such a file needs no camera: its affine transform and coordinate reference system place every
pixel. How good that placement is the file does not say, so an error is assumed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyproj
from numpy.typing import NDArray
from pyproj.exceptions import ProjError

from pipelines.geometry.uncertainty import confidence_radius_m
from pipelines.ground import GroundPoint
from pipelines.outcome import Outcome

Floats = NDArray[np.float64]

TERRAIN_LABEL = "raster:geotransform"
DEFAULT_SIGMA_M = 5.0
"""One sigma of each axis of an orthomosaic without ground control: that of its GNSS positions."""

_EDGE_POINTS = 16


@dataclass(frozen=True, kw_only=True, slots=True)
class RasterView:
    """A georeferenced raster as a `pipelines.geometry.ground_view.GroundView`.

    Attributes:
        crs_wkt: its coordinate reference system.
        transform: (2, 3) from column and row, counted from the outer corner of the first pixel, to
            the coordinates of that system.
        width_px: columns.
        height_px: rows.
        sigma_m: one sigma of each horizontal axis of its placement.
    """

    crs_wkt: str
    transform: Floats
    width_px: int
    height_px: int
    sigma_m: float = DEFAULT_SIGMA_M

    @property
    def statement(self) -> str:
        """How the raster is placed and how well, in words."""
        return (
            "the file carries its own place on the ground; how good that is it does not say, "
            f"and one sigma of {self.sigma_m:g} m is assumed"
        )

    def locate(self, pixels: Floats) -> tuple[GroundPoint, ...]:
        """The places of pixels (N, 2); no height is known."""
        longitude, latitude = self._lonlat(pixels)
        return flat_points(
            pixels,
            longitude,
            latitude,
            size=(self.width_px, self.height_px),
            covariance_m2=np.eye(2) * self.sigma_m**2,
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
        x, y = self._to_wgs84().transform(longitude_deg, latitude_deg, direction="INVERSE")
        rotation, origin = self.transform[:, :2], self.transform[:, 2]
        offset = np.stack([np.asarray(x), np.asarray(y)]) - origin[:, None]
        pixels = np.linalg.solve(rotation, offset).T
        return np.where(np.isfinite(pixels), pixels, np.nan)

    def footprint(self) -> Floats:
        """(M, 2) closed ring of its outer edge, longitude and latitude."""
        longitude, latitude = self._lonlat(edge_pixels(self.width_px, self.height_px))
        return np.column_stack([longitude, latitude])

    def visible(self, longitude_deg: Floats, latitude_deg: Floats) -> NDArray[np.bool_]:
        """(N,) all: an orthomosaic hides nothing."""
        del latitude_deg
        return np.ones(len(longitude_deg), np.bool_)

    def _lonlat(self, pixels: Floats) -> tuple[Floats, Floats]:
        x, y = self.transform[:, :2] @ pixels.T + self.transform[:, 2:]
        longitude, latitude = self._to_wgs84().transform(x, y)
        return np.asarray(longitude, np.float64), np.asarray(latitude, np.float64)

    def _to_wgs84(self) -> pyproj.Transformer:
        return pyproj.Transformer.from_crs(self.crs_wkt, "EPSG:4326", always_xy=True)


def flat_points(
    pixels: Floats,
    longitude_deg: Floats,
    latitude_deg: Floats,
    *,
    size: tuple[int, int],
    covariance_m2: Floats,
    label: str,
) -> tuple[GroundPoint, ...]:
    """Places without heights, all with one error; pixels outside the image have none.

    Args:
        pixels: (N, 2).
        longitude_deg: (N,) WGS 84; not finite where a pixel has no place.
        latitude_deg: (N,) WGS 84.
        size: columns and rows of the image.
        covariance_m2: (2, 2) east and north.
        label: what the places rest on.
    """
    inside = np.all((pixels >= 0.0) & (pixels <= np.array(size)), axis=1)
    inside &= np.isfinite(longitude_deg) & np.isfinite(latitude_deg)
    covariance = np.zeros((3, 3))
    covariance[:2, :2] = covariance_m2
    covariance[2, 2] = np.trace(covariance_m2) / 2.0
    ce90_m = float(confidence_radius_m(covariance[None, :2, :2])[0])
    return tuple(
        GroundPoint(
            outcome=Outcome.LOCATED,
            latitude_deg=float(latitude_deg[index]),
            longitude_deg=float(longitude_deg[index]),
            covariance_enu_m2=covariance,
            ce90_m=ce90_m,
            terrain=label,
        )
        if inside[index]
        else GroundPoint(outcome=Outcome.OUTSIDE_IMAGE)
        for index in range(len(pixels))
    )


def box_centres(xyxy: NDArray[np.float32], width_px: int, height_px: int) -> Floats:
    """(N, 2) centres of boxes (N, 4) inside an image: where things seen from above are."""
    boxes = xyxy.astype(np.float64)
    return np.clip((boxes[:, :2] + boxes[:, 2:]) / 2.0, 0.0, (width_px, height_px))


def edge_pixels(width_px: int, height_px: int) -> Floats:
    """(M, 2) closed ring of pixels along the outer edge of an image, from its first corner."""
    share = np.arange(_EDGE_POINTS) / _EDGE_POINTS
    nothing = np.zeros(_EDGE_POINTS)
    across = np.concatenate([share, nothing + 1.0, 1.0 - share, nothing, [0.0]])
    down = np.concatenate([nothing, share, nothing + 1.0, 1.0 - share, [0.0]])
    return np.column_stack([across * width_px, down * height_px])


def affine_view(
    geotransform: tuple[float, float, float, float, float, float] | None,
    crs_wkt: str | None,
    width_px: int,
    height_px: int,
) -> RasterView | None:
    """The view of an image that carries a coordinate reference system and a transform.

    Returns:
        The view; None where the file carries no usable affine placement.
    """
    if crs_wkt is None or geotransform is None:
        return None
    a, b, c, d, e, f = geotransform
    # A file with a system but no transform is given the identity by its reader.
    if (a, b, c, d, e, f) == (1.0, 0.0, 0.0, 0.0, 1.0, 0.0) or a * e == b * d:
        return None
    try:
        crs = pyproj.CRS.from_wkt(crs_wkt).to_2d()
        pyproj.Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
    except ProjError:
        # A local or engineering system places nothing on the Earth.
        return None
    return RasterView(
        crs_wkt=crs.to_wkt(),
        transform=np.array([[a, b, c], [d, e, f]]),
        width_px=width_px,
        height_px=height_px,
    )
