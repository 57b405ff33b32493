"""Which of the ways in which a raster places itself is taken."""

from __future__ import annotations

from typing import Protocol

from pipelines.geometry.control_view import control_view
from pipelines.geometry.elevation import TerrainSource
from pipelines.geometry.ground_view import GroundView
from pipelines.geometry.raster_ground import affine_view
from pipelines.geometry.rational_view import rational_view
from pipelines.imagery.placement import Placement


class PlacedRaster(GroundView, Protocol):
    """A raster that needs no camera."""

    @property
    def statement(self) -> str:
        """How it is placed and how well, in words."""
        ...


def placed_raster(
    placement: Placement, width_px: int, height_px: int, source: TerrainSource
) -> PlacedRaster | None:
    """The view of a raster that places itself; None where it does not.

    An affine transform stands first: who wrote one has laid the pixels on the ground. Rational
    polynomials know of terrain, ground control points do not.

    Args:
        placement: what the file says.
        width_px: columns.
        height_px: rows.
        source: elevation models, for rational polynomials.
    """
    return (
        affine_view(placement.geotransform, placement.crs, width_px, height_px)
        or rational_view(placement, width_px, height_px, source)
        or control_view(placement.control, placement.control_crs, width_px, height_px)
    )
