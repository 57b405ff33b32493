"""The frame on the grid of web maps: against PROJ, the scene's own ground and planted hills."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray
from pyproj import Transformer

from pipelines.camera import Intrinsics
from pipelines.capture import Capture
from pipelines.geometry.camera_view import CameraView
from pipelines.geometry.elevation import TerrainSource
from pipelines.geometry.ground_view import GroundView
from pipelines.geometry.viewpoint import Viewpoint, find_viewpoint
from pipelines.outcome import Outcome
from pipelines.pose import HeightReference, Pose, Sigmas
from pipelines.products.orthophoto import Orthophoto, annotated, orthophoto, orthophoto_cog
from pipelines.products.warp import Picture
from scenes import camera as scene_cameras
from scenes.elevation import elevation_geotiff
from scenes.ground_cover import GroundCover
from scenes.render import Sensor, render
from scenes.terrain import Swell, Terrain
from scenes.world import World
from tests.pipelines.analytic_frame import PlaneView, seen_frame

MERCATOR = Transformer.from_crs("EPSG:4326", "EPSG:3857", always_xy=True)
SIGMAS = Sigmas(
    horizontal_m=1.0,
    vertical_m=1.0,
    yaw_deg=0.5,
    pitch_deg=0.5,
    roll_deg=0.5,
    pixel_px=1.0,
    terrain_m=1.0,
)


def _spots(view: PlaneView, pixels: NDArray[np.float64]) -> NDArray[np.uint8]:
    """A dark frame with a bright disc around each pixel."""
    rows, columns = np.mgrid[: view.height_px, : view.width_px] + 0.5
    bright = np.zeros(rows.shape, np.bool_)
    for x, y in pixels:
        bright |= (columns - x) ** 2 + (rows - y) ** 2 <= 36
    return np.repeat(np.where(bright, 255, 40)[..., None], 3, axis=2).astype(np.uint8)


@pytest.mark.parametrize(("yaw_deg", "pitch_deg"), [(0.0, -90.0), (33.0, -90.0), (140.0, -55.0)])
def test_known_ground_lies_where_the_file_says(yaw_deg: float, pitch_deg: float) -> None:
    view = PlaneView(yaw_deg=yaw_deg, pitch_deg=pitch_deg)
    pixels = np.array([[200.0, 150.0], [600.0, 420.0], [420.0, 500.0]])
    laid = orthophoto(Picture(rgb=_spots(view, pixels), mask=None, view=view))
    assert laid is not None
    with rasterio.open(io.BytesIO(orthophoto_cog(laid, seen_frame().provenance))) as dataset:
        assert dataset.crs.to_epsg() == 3857
        shown, grey = dataset.dataset_mask() > 0, dataset.read(2).astype(float)
        rows, columns = np.mgrid[: dataset.height, : dataset.width] + 0.5
        for point in view.locate(pixels):
            x, y = MERCATOR.transform(point.longitude_deg, point.latitude_deg)
            column = (x - dataset.transform.c) / dataset.transform.a
            row = (y - dataset.transform.f) / dataset.transform.e
            assert shown[int(row), int(column)]
            weight = np.where(
                np.hypot(columns - column, rows - row) < 22, np.clip(grey - 80, 0, None), 0
            )
            middle = [(weight * side).sum() / weight.sum() for side in (columns, rows)]
            # Half a cell; the disc of an oblique frame is no disc here.
            assert middle == pytest.approx([column, row], abs=0.5)


def test_it_is_a_web_optimised_cog_of_the_same_bytes_each_time() -> None:
    view = PlaneView(yaw_deg=45.0)
    rgb = np.full((600, 800, 3), 120, np.uint8)
    mask = np.ones((600, 800), np.bool_)
    mask[:, :400] = False
    provenance = seen_frame().provenance
    whole, half = (orthophoto(Picture(rgb=rgb, mask=one, view=view)) for one in (None, mask))
    assert whole is not None
    assert half is not None
    # What holds no data in the frame holds none on the map.
    assert half.rgba[..., 3].astype(bool).mean() == pytest.approx(
        whole.rgba[..., 3].astype(bool).mean() / 2, rel=0.01
    )
    data = orthophoto_cog(whole, provenance)
    assert data == orthophoto_cog(whole, provenance)
    with rasterio.open(io.BytesIO(data)) as dataset:
        assert dataset.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert dataset.tags()["VEDETTE_MARKING"] == provenance.marking
        assert set(dataset.block_shapes) == {(256, 256)}
        assert dataset.overviews(1)[0] == 2
        # Edges and cells are those of tiles of the zoom level.
        cell, edge = dataset.transform.a, 20037508.342789244
        assert 2 * edge / 256 / cell == pytest.approx(2**whole.zoom, rel=1e-12)
        for offset in (dataset.transform.c + edge, edge - dataset.transform.f):
            assert offset / (256 * cell) == pytest.approx(round(offset / (256 * cell)), abs=1e-6)
        assert (dataset.dataset_mask() > 0).mean() == pytest.approx(
            (whole.rgba[..., 3] > 0).mean(), abs=1e-6
        )
    assert orthophoto(Picture(rgb=rgb, mask=None, view=PlaneView(pitch_deg=70.0))) is None


def test_ellipses_and_names_are_drawn_at_their_places() -> None:
    seen = seen_frame()
    laid = orthophoto(Picture(rgb=seen.rgb, mask=None, view=seen.view))
    assert laid is not None
    drawn = annotated(laid, seen.provenance, seen.assessment)
    changed = (drawn.rgba != laid.rgba).any(axis=2)
    rows, columns = np.nonzero(changed)
    east_m, north_m = seen.view.metres_per_degree
    for point in seen.assessment.ground:
        assert point.longitude_deg is not None
        assert point.latitude_deg is not None
        assert point.covariance_enu_m2 is not None
        # The end of the longer axis of the 90 % ellipse, and half way to it, where nothing is.
        variances, axes = np.linalg.eigh(point.covariance_enu_m2[:2, :2])
        reach = axes[:, 1] * np.sqrt(variances[1] * 4.605)
        for share, line in ((1.0, True), (-1.0, True), (-0.5, False)):
            longitude = np.array([point.longitude_deg + share * reach[0] / east_m])
            latitude = np.array([point.latitude_deg + share * reach[1] / north_m])
            column, row = laid.cells(longitude, latitude)[0]
            if not (0 <= column < changed.shape[1] and 0 <= row < changed.shape[0]):
                continue
            near = np.hypot(columns + 0.5 - column, rows + 0.5 - row).min()
            assert (near <= 3.0) == line


@pytest.fixture(scope="module")
def hills(tmp_path_factory: pytest.TempPathFactory) -> tuple[World, TerrainSource]:
    world = World.generate(
        3,
        latitude_deg=33.2,
        longitude_deg=35.5,
        terrain=Terrain(
            level_hae_m=400.0,
            swells=(Swell(amplitude_m=25.0, wavelength_m=240.0, azimuth_deg=20.0, phase_deg=40.0),),
        ),
        vehicles=0,
        people=0,
        extent_m=500.0,
    )
    folder = tmp_path_factory.mktemp("dem")
    (folder / "hills.tif").write_bytes(elevation_geotiff(world, half_side_m=700.0, post_m=4.0))
    return world, TerrainSource(folder)


def _photograph(
    hills: tuple[World, TerrainSource], pitch_deg: float, height_m: float
) -> tuple[Picture, World, NDArray[np.float64]]:
    """A rendered frame over the hills, its view, and the camera's place east, north, up."""
    world, source = hills
    camera = scene_cameras.Camera(
        make="DJI",
        model="test",
        width_px=900,
        height_px=700,
        fx_px=800.0,
        fy_px=800.0,
        cx_px=450.0,
        cy_px=350.0,
        focal_length_mm=8.8,
    )
    stands = scene_cameras.Viewpoint(
        latitude_deg=33.2,
        longitude_deg=35.5,
        hae_m=400.0 + height_m,
        yaw_deg=30.0,
        pitch_deg=pitch_deg,
    )
    rgb = render(world, camera, stands, Sensor(blur_px=0.0, noise=0.0))
    capture = Capture(
        width_px=900,
        height_px=700,
        make=None,
        model=None,
        captured_at=None,
        pose=Pose(
            latitude_deg=33.2,
            longitude_deg=35.5,
            height_m=400.0 + height_m,
            height_reference=HeightReference.HAE,
            yaw_deg=30.0,
            pitch_deg=pitch_deg,
            roll_deg=0.0,
        ),
        relative_height_m=None,
        intrinsics=Intrinsics(
            width_px=900, height_px=700, fx_px=800.0, fy_px=800.0, cx_px=450.0, cy_px=350.0
        ),
        sigmas=SIGMAS,
        outcome=Outcome.LOCATED,
        findings=(),
    )
    viewpoint = find_viewpoint(capture, source)
    assert isinstance(viewpoint, Viewpoint)
    picture = Picture(rgb=rgb, mask=None, view=CameraView(viewpoint=viewpoint))
    return picture, world, stands.place_in(world.frame)


def _ground_of(laid: Orthophoto, world: World) -> NDArray[np.float64]:
    """(rows, columns, 3) the scene's own east, north, up of the centres of cells."""
    rows, columns = np.mgrid[: laid.rgba.shape[0], : laid.rgba.shape[1]] + 0.5
    edge = 20037508.342789244
    x = (columns + laid.left_px) * laid.cell_m - edge
    y = edge - (rows + laid.top_px) * laid.cell_m
    longitude, latitude = MERCATOR.transform(x, y, direction="INVERSE")
    level = world.frame.from_geodetic(
        np.stack([latitude, longitude, np.full(x.shape, 400.0)], axis=-1)
    )
    heights = world.terrain.hae_m(level[..., 0], level[..., 1])
    return world.frame.from_geodetic(np.stack([latitude, longitude, heights], axis=-1))


@pytest.mark.parametrize(("pitch_deg", "height_m"), [(-90.0, 160.0), (-60.0, 160.0)])
def test_a_rendered_frame_lies_on_the_scenes_own_ground(
    hills: tuple[World, TerrainSource], pitch_deg: float, height_m: float
) -> None:
    picture, world, place = _photograph(hills, pitch_deg, height_m)
    laid = orthophoto(picture)
    assert laid is not None
    ground = _ground_of(laid, world)
    reach = np.linalg.norm(ground - place, axis=2).astype(np.float32)
    truth = GroundCover(world).colours(
        ground[..., 0].astype(np.float32), ground[..., 1].astype(np.float32), reach / 800.0
    )
    shown = laid.rgba[..., 3] > 0
    tried = 0
    window = 128
    for top in range(0, shown.shape[0] - window, window // 2):
        for left in range(0, shown.shape[1] - window, window // 2):
            part = np.s_[top : top + window, left : left + window]
            if not shown[part].all():
                continue
            ours, theirs = (one[part][..., 1].astype(np.float32) for one in (laid.rgba, truth))
            hann = cv2.createHanningWindow((window, window), cv2.CV_32F)
            ours, theirs = ours - ours.mean(), theirs - theirs.mean()
            (dx, dy), response = cv2.phaseCorrelate(ours, theirs, hann)
            assert response > 0.1
            assert np.hypot(dx, dy) < 0.7  # cells, which are about a pixel of the frame each
            tried += 1
    assert tried >= 8


def test_what_a_crest_hides_is_clear(hills: tuple[World, TerrainSource]) -> None:
    picture, world, place = _photograph(hills, -22.0, 90.0)
    laid = orthophoto(picture)
    assert laid is not None
    ground = _ground_of(laid, world)[::6, ::6]
    shown = laid.rgba[::6, ::6, 3] > 0
    # By the scene's own arithmetic: how far the line of sight stays above the waves on its way.
    clearance = np.full(ground.shape[:2], np.inf)
    for share in np.linspace(0.02, 0.985, 260):
        point = place + share * (ground - place)
        height = world.terrain.hae_m(point[..., 0], point[..., 1]) - 400.0
        clearance = np.minimum(clearance, point[..., 2] - height)
    longitude, latitude, _ = np.moveaxis(world.frame.to_geodetic(ground)[..., [1, 0, 2]], -1, 0)
    pixels = picture.view.project(longitude.ravel(), latitude.ravel()).reshape(*shown.shape, 2)
    inside = np.all((pixels > 2) & (pixels < np.array([898, 698])), axis=2)
    hidden = inside & (clearance < -1.0)
    assert hidden.sum() > 100
    assert not shown[hidden].any()
    # And what is in plain sight and near enough is there, on both sides of the crest.
    near = np.linalg.norm(ground - place, axis=2) < 300.0
    plain = inside & near & (clearance > 1.0)
    assert plain.sum() > 100
    assert shown[plain].mean() > 0.995
    whole_view = replace(picture, view=_Seeing(picture.view))
    blind = orthophoto(whole_view)
    assert blind is not None
    assert (blind.rgba[..., 3] > 0).sum() > 1.1 * (laid.rgba[..., 3] > 0).sum()


class _Seeing:
    """A view that sees through hills: what the overlay would be without the test of sight."""

    def __init__(self, view: GroundView) -> None:
        self.locate, self.project = view.locate, view.project
        self.place_boxes, self.footprint = view.place_boxes, view.footprint

    def visible(
        self, longitude_deg: NDArray[np.float64], latitude_deg: NDArray[np.float64]
    ) -> NDArray[np.bool_]:
        del latitude_deg
        return np.ones(len(longitude_deg), np.bool_)


def test_a_picture_is_saved_for_people(hills: tuple[World, TerrainSource], tmp_path: Path) -> None:
    picture, _, _ = _photograph(hills, -60.0, 160.0)
    laid = orthophoto(picture, longest_px=300)
    assert laid is not None
    assert max(laid.rgba.shape) <= 300 + 2 * 256
    path = tmp_path / "a.tif"
    path.write_bytes(orthophoto_cog(laid, seen_frame().provenance))
    assert path.stat().st_size < 200_000
