"""Cars of a rendered frame, each of known place, found at the scale that the ground asks for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from models.catalogue.catalogue import Catalogue
from models.catalogue.conversion import convert
from models.detections import Detections
from models.detector import DetectionParameters
from models.engines.openvino_engine import OpenVinoEngine
from models.tiles.suppression import iou
from models.tiles.tile_plan import plan_full_scale
from models.tiles.tiled_detector import TiledDetector
from pipelines.camera import Intrinsics
from pipelines.geometry.camera_height import decide_height
from pipelines.geometry.elevation import TerrainSource
from pipelines.geometry.ground_scale import plan_frame
from pipelines.geometry.viewpoint import Viewpoint, set_up, stated_heights
from pipelines.metadata.pose_check import DEFAULT_SIGMAS
from pipelines.pose import HeightReference, Pose
from scenes.outpost import phantom
from scenes.render import render
from scenes.sortie import viewpoint_over
from scenes.terrain import Terrain
from scenes.truth import boxes_of
from scenes.world import Thing, World

CAMERA = replace(phantom(1920), height_px=1080, cy_px=540.0)
CARS = 9
SIZE = CAMERA.width_px, CAMERA.height_px


@pytest.fixture(scope="module")
def detector(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> TiledDetector:
    """The visible-light model, with the cars that the delivered one finds best stated of it."""
    folder = tmp_path_factory.mktemp("visdrone")
    convert(data_dir / "weights" / "yolo11n-visdrone.pt", folder, "yolo11n-visdrone")
    (graph,) = folder.glob("*.xml")
    card = Catalogue.shipped().entry().card
    engine = OpenVinoEngine(
        name="yolo11n-visdrone",
        graph=graph.read_bytes(),
        weights=graph.with_suffix(".bin").read_bytes(),
        sha256={},
        class_map=card.class_map,
        input_px=card.input_px,
        car_px=card.car_px,
    )
    return TiledDetector(engine)


def frame(car_px: float, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.float64], Viewpoint]:
    """Nine cars of 4.5 m seen from straight above, so high that each is so many pixels long."""
    height_m = 4.5 / car_px * CAMERA.fx_px
    spread = 62.0 / car_px
    open_ground = World.generate(
        seed,
        latitude_deg=9.5,
        longitude_deg=31.6,
        terrain=Terrain(level_hae_m=400.0),
        vehicles=0,
        people=0,
        extent_m=60.0,
    )
    cars = tuple(
        Thing(
            thing_id=f"car-{number}",
            category="car",
            east_m=(-48.0 + 12.0 * number) * spread,
            north_m=(-20.0, 3.0, 22.0)[number % 3] * spread,
            heading_deg=(15.0, 95.0, 200.0, 300.0, 60.0)[number % 5],
            colour=(number + seed) % (5 if seed < 3 else 3),
        )
        for number in range(CARS)
    )
    world = replace(open_ground, things=cars)
    seen_from = viewpoint_over(
        world, east_m=0, north_m=0, height_m=height_m, yaw_deg=0, pitch_deg=-90
    )
    pose = Pose(
        latitude_deg=seen_from.latitude_deg,
        longitude_deg=seen_from.longitude_deg,
        height_m=height_m,
        height_reference=HeightReference.ABOVE_GROUND,
        yaw_deg=0.0,
        pitch_deg=-90.0,
        roll_deg=0.0,
    )
    viewpoint = set_up(
        pose,
        Intrinsics(
            width_px=CAMERA.width_px,
            height_px=CAMERA.height_px,
            fx_px=CAMERA.fx_px,
            fy_px=CAMERA.fy_px,
            cx_px=CAMERA.cx_px,
            cy_px=CAMERA.cy_px,
        ),
        DEFAULT_SIGMAS,
        decide_height(stated_heights(pose, DEFAULT_SIGMAS), TerrainSource(None)),
    )
    assert isinstance(viewpoint, Viewpoint)
    truth = np.array([box.xyxy_px for box in boxes_of(world, CAMERA, seen_from)])
    assert len(truth) == CARS
    return render(world, CAMERA, seen_from), truth, viewpoint


def right_and_wrong(found: Detections, truth: NDArray[np.float64]) -> tuple[int, int]:
    """Cars that a box overlaps by half, and boxes that overlap none."""
    agreement = np.array(
        [iou(found.xyxy, np.repeat(box[None], len(found), axis=0)) for box in truth]
    )
    hit = agreement >= 0.5
    return int(hit.any(axis=1).sum()), int((~hit.any(axis=0)).sum())


@pytest.mark.parametrize(("car_px", "seed", "scale"), [(62.0, 3, 1.0), (260.0, 1, 0.5)])
def test_every_car_is_found_at_the_scale_of_the_ground(
    car_px: float, seed: int, scale: float, detector: TiledDetector
) -> None:
    image, truth, viewpoint = frame(car_px, seed)
    parameters = DetectionParameters()
    plan = plan_frame(viewpoint, SIZE, detector.identity, parameters)
    assert plan.demand is not None
    assert np.unique(plan.demand.scale).tolist() == [scale]
    found = detector.detect(image, parameters, plan)
    assert right_and_wrong(found, truth) == (CARS, 0)


def test_cars_that_are_too_large_for_the_model_are_missed_at_full_scale(
    detector: TiledDetector,
) -> None:
    image, truth, _ = frame(260.0, 1)
    parameters = DetectionParameters(whole_frame=False)
    found = detector.detect(image, parameters, plan_full_scale(*SIZE, 640, 0.2))
    assert right_and_wrong(found, truth)[0] < CARS
