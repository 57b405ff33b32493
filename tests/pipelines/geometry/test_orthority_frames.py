"""Places and footprints on orthority's own frames, judged by a march of 5 cm.

Orthority's camera stands in a plane map grid, ours on the ellipsoid; the judge marches in the plane
grid over the same posts.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import pytest
import rasterio
from numpy.typing import NDArray
from orthority.camera import BrownCamera, PinholeCamera
from orthority.enums import Interp
from orthority.param_io import OsfmReader, OtyReader, read_oty_int_param
from scipy.interpolate import RegularGridInterpolator

from pipelines.camera import Distortion, Intrinsics, project, unproject
from pipelines.geometry.camera_height import Unlocatable, decide_height
from pipelines.geometry.elevation import TerrainSource
from pipelines.geometry.footprint import footprint
from pipelines.geometry.georeference import locate
from pipelines.geometry.vertical_reference import DemDatum
from pipelines.geometry.viewpoint import Viewpoint, set_up, stated_heights
from pipelines.metadata.pose_check import DEFAULT_SIGMAS
from pipelines.pose import HeightReference, Pose

# Its own, of affine; and a model of ODM is read as the plain TIFF that it is.
pytestmark = pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning")

Floats = NDArray[np.float64]


def orthority_frames(reader: object) -> dict[str, tuple[object, dict[str, Any]]]:
    """The cameras of orthority's own frames, with their inner parameters."""
    inner = reader.read_int_param()  # type: ignore[attr-defined] # untyped
    frames = {}
    for name, outer in reader.read_ext_param().items():  # type: ignore[attr-defined] # untyped
        parameters = dict(inner[outer["camera"]])
        kind = parameters.pop("cam_type")
        # Square pixels, which it warns that it assumes.
        parameters.setdefault(
            "sensor_size", (1.0, parameters["im_size"][1] / parameters["im_size"][0])
        )
        made = {"brown": BrownCamera, "pinhole": PinholeCamera}[str(kind)]
        frames[name] = made(**parameters, xyz=outer["xyz"], opk=outer["opk"]), parameters
    return frames


def intrinsics_of(parameters: dict[str, Any]) -> Intrinsics:
    """Its focal length and offsets are in widths of the image (or in the sensor's unit)."""
    width, height = parameters["im_size"]
    sensor_width = parameters.get("sensor_size", (1.0, 1.0))[0]
    focal = float(np.ravel(parameters["focal_len"])[0]) / sensor_width * width
    return Intrinsics(
        width_px=width,
        height_px=height,
        fx_px=focal,
        fy_px=focal,
        cx_px=width / 2 + parameters["cx"] * width,
        cy_px=height / 2 + parameters["cy"] * width,
        distortion=Distortion(
            **{name: parameters.get(name, 0.0) for name in ("k1", "k2", "p1", "p2", "k3")}
        ),
    )


@pytest.mark.parametrize("model", ["brown", "pinhole"])
def test_projection_agrees_with_orthority_pixel_by_pixel(data_dir: Path, model: str) -> None:
    folder = data_dir / "photos" / "orthority"
    reader = (
        OsfmReader(folder / "odm" / "opensfm" / "reconstruction.json")
        if model == "brown"
        else _ngi(folder)
    )
    frames = orthority_frames(reader)
    assert len(frames) == 4
    for theirs, parameters in frames.values():
        ours = intrinsics_of(parameters)
        rng = np.random.default_rng(6)
        ji = rng.uniform((0, 0), (ours.width_px - 1, ours.height_px - 1), (400, 2)).T
        world = theirs.pixel_to_world_z(ji, 100.0)  # type: ignore[attr-defined] # untyped
        points = (theirs._R.T @ (world - theirs._T)).T  # type: ignore[attr-defined] # untyped
        again = theirs.world_to_pixel(world).T + 0.5  # type: ignore[attr-defined] # untyped
        # Its pixels count from the centre of the first.
        np.testing.assert_allclose(project(points, ours), again, rtol=0, atol=1e-6)
        rays = unproject(again, ours)
        np.testing.assert_allclose(
            rays, points / np.linalg.norm(points, axis=1, keepdims=True), rtol=0, atol=1e-9
        )


def _ngi(folder: Path) -> object:
    class Reader:
        def read_int_param(self) -> dict[str, Any]:
            parameters: dict[str, Any] = read_oty_int_param(folder / "io" / "ngi_int_param.yaml")
            return parameters

        def read_ext_param(self) -> dict[str, Any]:
            parameters: dict[str, Any] = OtyReader(
                folder / "io" / "ngi_ext_param.geojson"
            ).read_ext_param()
            return parameters

    return Reader()


@dataclass(frozen=True, kw_only=True)
class Model:
    """An elevation model as orthority reads it, and as we do."""

    heights: NDArray[np.floating]
    transform: rasterio.Affine
    grid: pyproj.CRS
    post_m: float
    reference: HeightReference
    source: TerrainSource

    def surface(self, x: Floats, y: Floats) -> Floats:
        """The posts, bilinear, by SciPy."""
        rows, columns = (np.arange(size) + 0.5 for size in self.heights.shape)
        interpolated: Floats = RegularGridInterpolator(
            (rows, columns), self.heights, bounds_error=False, fill_value=np.nan
        )(
            np.stack(
                [(self.transform.f - y) / self.post_m, (x - self.transform.c) / self.post_m],
                axis=-1,
            )
        )
        return interpolated


def model_of(folder: Path, name: str) -> tuple[Model, dict[str, tuple[Any, dict[str, Any]]]]:
    path, datum = folder / "ngi" / "dem.tif", None
    reader = _ngi(folder)
    if name == "odm":
        path, datum = folder / "odm" / "odm_dem" / "dsm.tif", DemDatum.ELLIPSOID
        reader = OsfmReader(folder / "odm" / "opensfm" / "reconstruction.json")
    with rasterio.open(path) as dem:
        grid = pyproj.CRS.from_wkt(dem.crs.to_wkt())
        model = Model(
            heights=dem.read(1),
            transform=dem.transform,
            grid=grid.sub_crs_list[0] if grid.is_compound else grid,
            post_m=dem.res[0],
            reference=HeightReference.HAE if name == "odm" else HeightReference.MSL,
            source=TerrainSource(path.parent, datum=datum),
        )
    return model, orthority_frames(reader)


def viewpoint_of(theirs: Any, parameters: dict[str, Any], model: Model) -> Viewpoint:
    x, y, z = theirs._T[:, 0]
    to_degrees = pyproj.Transformer.from_crs(model.grid, "EPSG:4326", always_xy=True)
    longitude, latitude = to_degrees.transform(x, y)
    turn = np.radians(pyproj.Proj(model.grid).get_factors(longitude, latitude).meridian_convergence)
    east, north, up = theirs._R
    # Grid north lies east of true north by the convergence.
    axes = np.stack(
        [
            north * np.cos(turn) - east * np.sin(turn),
            east * np.cos(turn) + north * np.sin(turn),
            -up,
        ]
    )
    pose = Pose(
        latitude_deg=latitude,
        longitude_deg=longitude,
        height_m=z,
        height_reference=model.reference,
        yaw_deg=float(np.degrees(np.arctan2(axes[1, 2], axes[0, 2]))),
        pitch_deg=float(-np.degrees(np.arcsin(axes[2, 2]))),
        roll_deg=float(np.degrees(np.arctan2(axes[2, 0], axes[2, 1]))),
    )
    viewpoint = set_up(
        pose,
        intrinsics_of(parameters),
        DEFAULT_SIGMAS,
        decide_height(stated_heights(pose, DEFAULT_SIGMAS), model.source),
    )
    assert not isinstance(viewpoint, Unlocatable)
    return viewpoint


def march(theirs: Any, model: Model, ji: Floats) -> Floats:
    """(2, N) where orthority's rays first meet the posts, in steps of 5 cm; NaN in gaps."""
    top, bottom = np.nanmax(model.heights), np.nanmin(model.heights)
    high, low = theirs.pixel_to_world_z(ji, top), theirs.pixel_to_world_z(ji, bottom)
    result = np.full((2, ji.shape[1]), np.nan)
    for index in range(ji.shape[1]):
        way = low[:, index] - high[:, index]
        share = np.arange(0.0, 1.0, 0.05 / np.linalg.norm(way))
        track = high[:, index, None] + way[:, None] * share
        ground = model.surface(track[0], track[1])
        met = np.flatnonzero(~(track[2] > ground))
        if met.size and np.isfinite(ground[met[0]]):
            result[:, index] = track[:2, met[0]]
    return result


@pytest.mark.parametrize("name", ["ngi", "odm"])
def test_ground_points_against_orthority_and_a_march(data_dir: Path, name: str) -> None:
    """NGI: aerial frames over mountains, 24 m posts. ODM: a drone over a surface, 0.8 m posts."""
    everywhere = []
    model, frames = model_of(data_dir / "photos" / "orthority", name)
    to_grid = pyproj.Transformer.from_crs("EPSG:4326", model.grid, always_xy=True)
    for theirs, parameters in frames.values():
        viewpoint = viewpoint_of(theirs, parameters, model)
        size = np.array(parameters["im_size"])
        rng = np.random.default_rng(8)
        ji = rng.uniform(size * 0.25, size * 0.75, (60, 2)).T
        world = theirs._pixel_to_world_surf(
            ji, model.heights, model.transform, interp=Interp.bilinear
        )
        judge = march(theirs, model, ji)
        places = locate([viewpoint], np.zeros(60, np.intp), ji.T + 0.5)
        ours = np.stack(to_grid.transform(places.longitude_deg, places.latitude_deg))
        judged = np.isfinite(judge[0]) & (places.code == 0)
        assert judged.sum() > 50
        ours_off = np.hypot(*(ours - judge))[judged]
        theirs_off = np.hypot(*(world[:2] - judge))[judged]
        apart = np.hypot(*(ours - world[:2]))[judged]
        print(
            f"{name}: from the march, ours {np.median(ours_off):.2f} m (median), "
            f"{ours_off.max():.2f} m (most); orthority's {np.median(theirs_off):.2f}, "
            f"{theirs_off.max():.2f} m"
        )
        # What is left of ours is the plane grid against the ellipsoid, and its step.
        assert np.median(ours_off) <= (0.3 if name == "ngi" else 0.06)
        everywhere.append(apart)
        differ = apart > model.post_m / 2
        # A ray that just grazes a roof may go either way in the two grids.
        assert (ours_off[differ] < theirs_off[differ]).sum() >= 0.95 * differ.sum()
    # Theirs is sampled once a post, so that it is half a post off in the median, and ours is not.
    assert np.median(np.concatenate(everywhere)) <= 0.55 * model.post_m


@pytest.mark.parametrize("name", ["ngi", "odm"])
def test_footprints_against_orthority(data_dir: Path, name: str) -> None:
    model, frames = model_of(data_dir / "photos" / "orthority", name)
    to_grid = pyproj.Transformer.from_crs("EPSG:4326", model.grid, always_xy=True)
    compared = 0
    for theirs, parameters in frames.values():
        viewpoint = viewpoint_of(theirs, parameters, model)
        ring = footprint(viewpoint)
        assert ring is not None
        polygon = np.stack(to_grid.transform(ring[:, 0], ring[:, 1]), axis=1)
        width, height = parameters["im_size"]
        share = (np.arange(24) + 0.5) / 24
        edge = np.concatenate(
            [
                np.stack([share * width, np.zeros(24)]),
                np.stack([np.full(24, width), share * height]),
                np.stack([share * width, np.full(24, height)]),
                np.stack([np.zeros(24), share * height]),
            ],
            axis=1,
        )
        # Its pixels count from the centre of the first.
        judge = march(theirs, model, edge - 0.5)
        world = theirs._pixel_to_world_surf(
            edge - 0.5, model.heights, model.transform, interp=Interp.bilinear
        )[:2]
        known = np.isfinite(judge[0])
        from_ours = np.array([_distance(point, polygon) for point in world.T[known]])
        judged = np.array([_distance(point, polygon) for point in judge.T[known]])
        if not known.any():
            continue
        compared += int(known.sum())
        assert np.median(from_ours) <= model.post_m / 2
        # Nearer to the march than to what is sampled once a post.
        assert np.median(judged) <= np.median(from_ours)
    assert compared > 60


def _distance(point: Floats, ring: Floats) -> float:
    """From a point to a closed line, in a plane."""
    start, way = ring[:-1], np.diff(ring, axis=0)
    length = np.maximum(np.sum(way**2, axis=1), 1e-12)
    share = np.clip(np.sum((point - start) * way, axis=1) / length, 0.0, 1.0)
    return float(np.min(np.hypot(*(start + share[:, None] * way - point).T)))
