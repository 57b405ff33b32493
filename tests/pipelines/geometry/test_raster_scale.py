"""Scales of placed rasters against the size of a pixel that their transform states."""

from __future__ import annotations

import math

import numpy as np
import pyproj
import pytest

from models.detector import DetectionParameters, DetectorIdentity
from pipelines.geometry.ground_scale import OUT_OF_REACH
from pipelines.geometry.raster_ground import RasterView
from pipelines.geometry.raster_scale import plan_raster, raster_field
from pipelines.threats.positions.position import Position, PositionKind
from pipelines.threats.proximity.reach import reach
from pipelines.threats.rules.rule import DEFAULT_RULE

BEST = (28, 220)
MODEL = DetectorIdentity(
    name="m", engine="test", sha256={}, categories=("car",), input_px=640, car_px=BEST
)
WIDTH_PX, HEIGHT_PX = 3000, 2400
UTM = pyproj.CRS.from_epsg(32633)


def raster(gsd_m: float, turned_deg: float = 0.0) -> RasterView:
    """A raster near 15 degrees east, 10 north, where UTM is 0.9996 of the ground."""
    turn = math.radians(turned_deg)
    rotation = gsd_m * np.array(
        [[math.cos(turn), math.sin(turn)], [math.sin(turn), -math.cos(turn)]]
    )
    return RasterView(
        crs_wkt=UTM.to_wkt(),
        transform=np.column_stack([rotation, [500_000.0, 1_105_000.0]]),
        width_px=WIDTH_PX,
        height_px=HEIGHT_PX,
    )


@pytest.mark.parametrize("turned_deg", [0.0, 37.0])
@pytest.mark.parametrize(
    ("gsd_m", "scale"),
    [
        (0.45, 2.0),  # a car of 4.5 m is 10 pixels long
        (0.05, 1.0),  # 90
        (0.015, 0.5),  # 300
        (0.008, 0.25),  # 560
        (1.2, 1.0),  # under 4: nothing that magnifying shows
    ],
)
def test_cars_are_brought_to_the_size_that_the_model_likes(
    gsd_m: float, scale: float, turned_deg: float
) -> None:
    field = raster_field(raster(gsd_m, turned_deg), (WIDTH_PX, HEIGHT_PX), car_px=BEST)
    assert np.unique(field.scale).tolist() == [scale]
    # UTM's scale on its central meridian.
    assert np.allclose(field.object_px, 12.0 / (gsd_m / 0.9996), rtol=1e-3)
    assert field.unsearched == {}


def test_a_pixel_of_degrees_is_as_long_as_the_ground_under_it() -> None:
    # A ten-thousandth of a degree at 60 north: 11.14 m along the meridian, 5.58 m across it.
    step = 1e-6
    view = RasterView(
        crs_wkt=pyproj.CRS.from_epsg(4326).to_wkt(),
        transform=np.array([[step, 0.0, 15.0], [0.0, -step, 60.0]]),
        width_px=WIDTH_PX,
        height_px=HEIGHT_PX,
    )
    field = raster_field(view, (WIDTH_PX, HEIGHT_PX), car_px=BEST)
    assert np.allclose(field.object_px, 12.0 / math.sqrt(0.1114 * 0.0558), rtol=5e-3)


def test_ground_beyond_every_reach_is_left_out_and_all_of_it_where_that_is_asked() -> None:
    view = raster(0.5)  # 1,500 m wide
    (west,) = view.locate(np.array([[0.0, HEIGHT_PX / 2]]))
    assert west.latitude_deg is not None
    assert west.longitude_deg is not None
    post = Position(
        position_id="post",
        display_name="Post",
        kind=PositionKind.POST,
        latitude_deg=west.latitude_deg,
        longitude_deg=west.longitude_deg,
        radius_m=200.0,
    )
    discs = reach([post], [DEFAULT_RULE])
    assert discs is not None
    # The error of the raster's place is 5 m, of which 8.5 sigmas in two axes are allowed for.
    farthest_px = (float(discs.radius_m[0]) + 8.5 * 5.0 * math.sqrt(2.0)) / 0.5 * 1.01
    plan = plan_raster(view, (WIDTH_PX, HEIGHT_PX), MODEL, DetectionParameters(), discs)
    assert plan.demand is not None
    middle = (np.arange(plan.demand.scale.shape[1]) + 0.5) * plan.demand.cell_px
    row = plan.demand.scale[plan.demand.scale.shape[0] // 2]
    assert (row[middle < discs.radius_m[0] / 0.5] > 0).all()
    assert (row[middle > farthest_px + 2 * plan.demand.cell_px] == 0).all()
    assert 0.2 < plan.unsearched[OUT_OF_REACH] < 0.9
    assert plan.skipped > 0
    everywhere = DetectionParameters(everywhere=True)
    assert not plan_raster(view, (WIDTH_PX, HEIGHT_PX), MODEL, everywhere, discs).unsearched


def test_a_raster_that_does_not_say_where_it_lies_is_looked_at_as_it_is() -> None:
    plan = plan_raster(None, (WIDTH_PX, HEIGHT_PX), MODEL, DetectionParameters())
    assert sorted(set(plan.scale.tolist())) == [0.5, 1.0]
