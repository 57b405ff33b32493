"""Error figures against exact integrals, published factors and simulated errors."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray
from scipy import integrate

from pipelines.camera import Distortion, Intrinsics
from pipelines.geometry.camera_height import StatedHeights, Unlocatable, decide_height
from pipelines.geometry.elevation import TerrainSource
from pipelines.geometry.geodesy import destination, ecef_from_enu, ecef_from_geodetic
from pipelines.geometry.georeference import locate
from pipelines.geometry.terrain import RAY_OUTCOMES
from pipelines.geometry.uncertainty import confidence_radius_m, containment
from pipelines.geometry.viewpoint import Viewpoint, set_up
from pipelines.outcome import Outcome
from pipelines.pose import HeightReference, Pose, Sigmas

CAMERA = Intrinsics(width_px=4000, height_px=3000, fx_px=3000, fy_px=3000, cx_px=2000, cy_px=1500)
SIGMAS = Sigmas(
    horizontal_m=2.0,
    vertical_m=1.5,
    yaw_deg=1.5,
    pitch_deg=0.4,
    roll_deg=0.3,
    pixel_px=4.0,
    terrain_m=1.0,
)
LATITUDE, LONGITUDE, GROUND = 6.0, 30.0, 400.0


# The factors that the field publishes for CE90 over the larger sigma.
@pytest.mark.parametrize(
    ("ratio", "factor"), [(0.0, 1.645), (0.25, 1.665), (0.5, 1.737), (0.75, 1.903), (1.0, 2.146)]
)
def test_ce90_factors(ratio: float, factor: float) -> None:
    covariance = 9.0 * np.array([[[1.0, 0.0], [0.0, ratio**2]]])
    assert confidence_radius_m(covariance)[0] == pytest.approx(3.0 * factor, abs=3.0 * 0.0006)


def test_containment_is_the_integral_of_the_density() -> None:
    for ratio, radius in [(0.1, 0.7), (0.4, 1.7), (1.0, 2.1)]:
        exact, _ = integrate.dblquad(
            lambda y, x, r=ratio: np.exp(-(x**2 + (y / r) ** 2) / 2) / (2 * np.pi * r),
            -radius,
            radius,
            lambda x, k=radius: -np.sqrt(k * k - x * x),
            lambda x, k=radius: np.sqrt(k * k - x * x),
        )
        assert float(containment(np.array(radius), np.array(ratio))) == pytest.approx(
            exact, abs=1e-6
        )


def test_the_radius_does_not_depend_on_the_frame() -> None:
    turn = np.radians(33.0)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    stretched = rotation @ np.diag([49.0, 4.0]) @ rotation.T
    radii = confidence_radius_m(np.stack([stretched, np.diag([4.0, 49.0])]))
    assert radii[0] == pytest.approx(radii[1])
    assert confidence_radius_m(np.zeros((1, 3, 3)))[0] == 0.0


def at(
    pose: Pose,
    sigmas: Sigmas = SIGMAS,
    *,
    hae_m: float,
    ground_hae_m: float | None = GROUND,
    source: TerrainSource | None = None,
) -> Viewpoint:
    heights = StatedHeights(
        latitude_deg=pose.latitude_deg,
        longitude_deg=pose.longitude_deg,
        absolute_m=hae_m,
        absolute_reference=HeightReference.HAE,
        absolute_sigma_m=sigmas.vertical_m,
    )
    height = decide_height(heights, source or TerrainSource(None), ground_hae_m=ground_hae_m)
    viewpoint = set_up(pose, CAMERA, sigmas, height)
    assert not isinstance(viewpoint, Unlocatable)
    return viewpoint


def simulate(
    pose: Pose,
    pixel: tuple[float, float],
    *,
    height_m: float,
    count: int,
    terrain_m: float,
    source: TerrainSource | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Predicted covariance, simulated ENU errors (N, 3), predicted CE90."""
    flat = source is None
    sigmas = Sigmas(
        horizontal_m=SIGMAS.horizontal_m,
        vertical_m=SIGMAS.vertical_m,
        yaw_deg=SIGMAS.yaw_deg,
        pitch_deg=SIGMAS.pitch_deg,
        roll_deg=SIGMAS.roll_deg,
        pixel_px=SIGMAS.pixel_px,
        terrain_m=terrain_m,
    )
    hae = GROUND + height_m
    centre = at(pose, sigmas, hae_m=hae, ground_hae_m=GROUND if flat else None, source=source)
    nominal = locate([centre], np.zeros(1, np.intp), np.array([pixel]))
    assert RAY_OUTCOMES[nominal.code[0]] is Outcome.LOCATED
    rng = np.random.default_rng(11)
    errors = rng.standard_normal((count, 9))
    viewpoints, pixels = [], []
    for north, east, up, yaw, pitch, roll, x, y, dz in errors:
        latitude, longitude = destination(
            pose.latitude_deg,
            pose.longitude_deg,
            np.degrees(np.arctan2(east, north)),
            np.hypot(east, north) * sigmas.horizontal_m,
        )
        viewpoints.append(
            at(
                Pose(
                    latitude_deg=float(latitude),
                    longitude_deg=float(longitude),
                    height_m=0.0,
                    height_reference=HeightReference.HAE,
                    yaw_deg=pose.yaw_deg + yaw * sigmas.yaw_deg,
                    pitch_deg=pose.pitch_deg + pitch * sigmas.pitch_deg,
                    roll_deg=pose.roll_deg + roll * sigmas.roll_deg,
                ),
                sigmas,
                hae_m=hae + up * sigmas.vertical_m,
                ground_hae_m=GROUND + dz * terrain_m if flat else None,
                source=source,
            )
        )
        pixels.append((pixel[0] + x * sigmas.pixel_px, pixel[1] + y * sigmas.pixel_px))
    places = locate(viewpoints, np.arange(count), np.array(pixels))
    there = ecef_from_geodetic(places.latitude_deg, places.longitude_deg, places.hae_m)
    here = ecef_from_geodetic(nominal.latitude_deg, nominal.longitude_deg, nominal.hae_m)
    axes = ecef_from_enu(nominal.latitude_deg, nominal.longitude_deg)[0]
    return nominal.covariance_enu_m2[0], (there - here) @ axes, float(nominal.ce90_m[0])


def pose_of(yaw: float, pitch: float, roll: float) -> Pose:
    return Pose(
        latitude_deg=LATITUDE,
        longitude_deg=LONGITUDE,
        height_m=0.0,
        height_reference=HeightReference.HAE,
        yaw_deg=yaw,
        pitch_deg=pitch,
        roll_deg=roll,
    )


@pytest.mark.parametrize(
    ("yaw", "pitch", "roll", "pixel"),
    [
        (30.0, -90.0, 0.0, (2000.0, 1500.0)),
        (200.0, -60.0, 5.0, (3500.0, 400.0)),
        (310.0, -30.0, -8.0, (300.0, 2300.0)),
    ],
)
def test_covariance_is_that_of_simulated_errors_over_flat_ground(
    yaw: float, pitch: float, roll: float, pixel: tuple[float, float]
) -> None:
    covariance, errors, ce90 = simulate(
        pose_of(yaw, pitch, roll), pixel, height_m=120.0, count=3000, terrain_m=1.0
    )
    simulated = np.cov(errors.T)
    scale = np.sqrt(np.outer(np.diag(simulated), np.diag(simulated)))
    # Three standard errors of a covariance from 3000 samples.
    np.testing.assert_array_less(np.abs(covariance - simulated) / scale, 0.09)
    inside = np.mean(np.hypot(errors[:, 0], errors[:, 1]) <= ce90)
    assert inside == pytest.approx(0.90, abs=0.02)


def test_covariance_is_that_of_simulated_errors_over_a_slope(tmp_path: Path) -> None:
    step = 0.0001
    longitude = LONGITUDE + step * (np.arange(201) - 100)
    latitude = LATITUDE - step * (np.arange(201) - 100)
    east, north = np.meshgrid((longitude - LONGITUDE) * 110_710, (latitude - LATITUDE) * 110_577)
    with rasterio.open(
        tmp_path / "slope.tif",
        "w",
        driver="GTiff",
        width=201,
        height=201,
        count=1,
        dtype="float64",
        crs="EPSG:4979",
        transform=rasterio.Affine(
            step, 0, longitude[0] - step / 2, 0, -step, latitude[0] + step / 2
        ),
    ) as dem:
        dem.write(GROUND + 0.35 * north - 0.1 * east, 1)
    covariance, errors, ce90 = simulate(
        pose_of(20.0, -50.0, 3.0),
        (2600.0, 1000.0),
        height_m=150.0,
        count=2000,
        terrain_m=0.0,
        source=TerrainSource(tmp_path),
    )
    simulated = np.cov(errors.T)
    scale = np.sqrt(np.outer(np.diag(simulated), np.diag(simulated)))
    np.testing.assert_array_less(np.abs(covariance - simulated) / scale, 0.11)
    inside = np.mean(np.hypot(errors[:, 0], errors[:, 1]) <= ce90)
    assert inside == pytest.approx(0.90, abs=0.025)


@pytest.mark.parametrize("pitch", [-8.0, -5.0])
def test_ce90_holds_at_low_depression(pitch: float) -> None:
    _, errors, ce90 = simulate(
        pose_of(75.0, pitch, 0.0), (2000.0, 1500.0), height_m=100.0, count=2000, terrain_m=1.0
    )
    radial = np.hypot(errors[:, 0], errors[:, 1])
    inside = np.mean(np.where(np.isnan(radial), np.inf, radial) <= ce90)
    # No longer a Gaussian: a circle from its variance holds a little more than the nominal share.
    assert 0.88 <= inside <= 0.96


@pytest.mark.parametrize(
    ("depression", "yaw", "roll", "pixel"),
    [
        (5.0, 140.0, 2.0, (2000.0, 1500.0)),
        (12.0, 260.0, -4.0, (2900.0, 1700.0)),
        (25.0, 20.0, 9.0, (900.0, 1300.0)),
        (50.0, 330.0, -12.0, (3600.0, 600.0)),
        (85.0, 75.0, 5.0, (1900.0, 1700.0)),
    ],
)
def test_ce90_and_le90_hold_over_noisy_terrain_at_any_depression(
    depression: float, yaw: float, roll: float, pixel: tuple[float, float]
) -> None:
    """All nine inputs err, the terrain by 2.5 m; the pixel's own depression is told."""
    # The optical axis so that the pixel looks down by about that much.
    below = np.degrees(np.arctan((pixel[1] - 1500.0) / 3000.0))
    covariance, errors, ce90 = simulate(
        pose_of(yaw, -(depression - below), roll), pixel, height_m=110.0, count=1500, terrain_m=2.5
    )
    radial = np.hypot(errors[:, 0], errors[:, 1])
    inside = np.mean(np.where(np.isnan(radial), np.inf, radial) <= ce90)
    # Three standard errors are 0.023; a level ray's error is no Gaussian any more.
    assert 0.875 <= inside <= (0.97 if depression < 20 else 0.925)
    vertical = np.abs(errors[:, 2])
    within = np.mean(
        np.where(np.isnan(vertical), np.inf, vertical) <= 1.645 * covariance[2, 2] ** 0.5
    )
    assert 0.875 <= within <= (0.97 if depression < 20 else 0.925)


def test_a_lens_that_bends_makes_a_pixel_mean_more() -> None:
    """The same pixel error in the corner of a lens that squeezes the corners is a larger angle."""
    sigmas = Sigmas(
        horizontal_m=0.0,
        vertical_m=0.0,
        yaw_deg=0.0,
        pitch_deg=0.0,
        roll_deg=0.0,
        pixel_px=3.0,
        terrain_m=0.0,
    )
    bent = replace(CAMERA, distortion=Distortion(k1=-0.13, k2=0.11, p1=0.001, k3=-0.016))
    places = []
    pixel = np.array([[3700.0, 300.0]])
    for camera in (CAMERA, bent):
        viewpoint = replace(
            at(pose_of(40.0, -70.0, 3.0), sigmas, hae_m=GROUND + 100.0), intrinsics=camera
        )
        nominal = locate([viewpoint], np.zeros(1, np.intp), pixel)
        rng = np.random.default_rng(3)
        moved = locate([viewpoint], np.zeros(4000, np.intp), pixel + rng.normal(0, 3.0, (4000, 2)))
        simulated = np.array(
            [
                np.std(moved.latitude_deg) * 110_577,
                np.std(moved.longitude_deg) * 110_710,
            ]
        )
        predicted = np.sqrt(np.diag(nominal.covariance_enu_m2[0]))[[1, 0]]
        np.testing.assert_allclose(predicted, simulated, rtol=0.04)
        places.append(predicted)
    assert np.abs(places[1] / places[0] - 1).max() > 0.05


def test_flat_ground_agrees_with_the_textbook_form() -> None:
    pose = pose_of(0.0, -35.0, 0.0)
    sigmas = Sigmas(
        horizontal_m=3.0,
        vertical_m=4.0,
        yaw_deg=2.0,
        pitch_deg=1.0,
        roll_deg=0.0,
        pixel_px=0.0,
        terrain_m=2.0,
    )
    places = locate(
        [at(pose, sigmas, hae_m=GROUND + 100.0)], np.zeros(1, np.intp), np.array([[2000.0, 1500.0]])
    )
    depression = np.radians(35.0)
    slant, horizontal = 100 / np.sin(depression), 100 / np.tan(depression)
    along = 3.0**2 + (slant * np.radians(1.0) / np.sin(depression)) ** 2
    along += (4.0**2 + 2.0**2) / np.tan(depression) ** 2
    across = 3.0**2 + (horizontal * np.radians(2.0)) ** 2
    covariance = places.covariance_enu_m2[0]
    assert covariance[1, 1] == pytest.approx(along, rel=1e-3)
    assert covariance[0, 0] == pytest.approx(across, rel=1e-3)
    assert covariance[2, 2] == pytest.approx(4.0, rel=1e-3)
    assert places.le90_m[0] == pytest.approx(1.645 * 2.0, rel=1e-3)
