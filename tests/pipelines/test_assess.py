"""The whole path of one image, on a planted truth and on real photographs."""

from __future__ import annotations

import hashlib
import io
import json
import math
import zipfile
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray
from PIL import Image
from pyproj import Geod
from rasterio.warp import transform as warp

from models.detections import Detections
from models.detector import DetectionParameters, DetectorIdentity, WindowSearch
from models.errors import UnreadableImageError
from models.pixel_source import PixelSource
from pipelines.assess import assess
from pipelines.assessment import Assessment, AssessmentRequest, ProductKind, Provenance
from pipelines.geometry.elevation import TerrainSource
from pipelines.outcome import Outcome
from pipelines.threats.positions.position import Position, PositionKind
from pipelines.threats.positions.position_index import PositionIndex
from pipelines.threats.proximity.weighing import Level
from pipelines.threats.rules.rule import Rule

GEOD = Geod(ellps="WGS84")
POSE = {
    "latitude_deg": 33.2,
    "longitude_deg": 35.5,
    "height_m": 100.0,
    "height_reference": "above_ground",
    "yaw_deg": 0.0,
    "pitch_deg": -90.0,
    "roll_deg": 0.0,
    "camera": {
        "width_px": 800,
        "height_px": 600,
        "fx_px": 1000.0,
        "fy_px": 1000.0,
        "cx_px": 400.0,
        "cy_px": 300.0,
    },
    "sigmas": {
        "horizontal_m": 0.5,
        "vertical_m": 0.5,
        "yaw_deg": 0.2,
        "pitch_deg": 0.2,
        "roll_deg": 0.2,
        "pixel_px": 1.0,
        "terrain_m": 0.5,
    },
}


@dataclass(frozen=True, kw_only=True)
class PlantedDetector:
    """A detector that reports the bright rectangles a test has drawn."""

    boxes: tuple[tuple[int, int, int, int], ...]

    @property
    def identity(self) -> DetectorIdentity:
        return DetectorIdentity(
            name="planted",
            engine="test",
            sha256={"none": "00" * 32},
            categories=("person", "car"),
            input_px=640,
        )

    def detect(
        self, image: NDArray[np.uint8], parameters: DetectionParameters, plan: object = None
    ) -> Detections:
        del plan
        assert image.ndim == 3
        assert parameters.min_confidence == 0.3
        count = len(self.boxes)
        return Detections(
            xyxy=np.array(self.boxes, np.float32).reshape(count, 4),
            confidence=np.linspace(0.9, 0.5, count).astype(np.float32),
            class_id=np.ones(count, np.int32),
        )

    def detect_windows(
        self,
        source: PixelSource,
        parameters: DetectionParameters,
        plan: object = None,
    ) -> WindowSearch:
        del plan
        rgb, _ = source.read_window(0, 0, source.width_px, source.height_px)
        return WindowSearch(detections=self.detect(rgb, parameters), tiles=1, empty_tiles=0)


# A car 40 m east and 20 m north of the point below the camera: 10 px a metre.
CAR = PlantedDetector(boxes=((780, 90, 800, 110),))


def _jpeg() -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (800, 600), (90, 100, 80)).save(stream, "JPEG", quality=90)
    return stream.getvalue()


def _request(data: bytes, pose: dict[str, Any] | None) -> AssessmentRequest:
    # The post lies 300 m due south of the car's true place.
    longitude, latitude, _ = GEOD.fwd(35.5, 33.2, math.degrees(math.atan2(39, 20)), 43.829)
    longitude, latitude, _ = GEOD.fwd(longitude, latitude, 180.0, 300.0)
    return AssessmentRequest(
        provenance=Provenance(
            mission_id="unifil",
            pledge_id="kor-uas-1",
            contributor="KOR",
            sortie_id="S-1",
            imagery_id="img-1",
            file_name="a.jpg",
            sha256=hashlib.sha256(data).hexdigest(),
            marking="UNCLASSIFIED",
        ),
        data=data,
        stated_pose=None if pose is None else json.dumps(pose),
        stated_captured_at=datetime(2026, 11, 24, 10, 0, tzinfo=UTC),
        positions=(
            Position(
                position_id="post-1",
                display_name="Post 1",
                kind=PositionKind.POST,
                latitude_deg=latitude,
                longitude_deg=longitude,
            ),
        ),
        rules=(
            Rule(
                rule_id="vehicles",
                revision=1,
                categories=frozenset({"car"}),
                position_kinds=frozenset(),
                radius_m=320.0,
                min_confidence=0.4,
            ),
        ),
        parameters=DetectionParameters(min_confidence=0.3),
        software_version="0.1.0",
    )


def _product(assessment: Assessment, kind: ProductKind) -> bytes:
    (product,) = [one for one in assessment.products if one.kind is kind]
    return product.data


def test_a_planted_car_becomes_a_sighting_at_its_true_range() -> None:
    found = assess(_request(_jpeg(), POSE), detector=CAR, terrain=TerrainSource(None))
    (place,) = found.ground
    azimuth, _, distance = GEOD.inv(35.5, 33.2, place.longitude_deg, place.latitude_deg)
    assert distance == pytest.approx(math.hypot(39.0, 20.0), abs=0.6)
    assert azimuth == pytest.approx(math.degrees(math.atan2(39.0, 20.0)), abs=1.0)
    (sighting,) = found.sightings
    assert sighting.level is Level.ALERT
    assert sighting.range_m == pytest.approx(300.0, abs=1.0)
    assert min(sighting.bearing_deg, 360.0 - sighting.bearing_deg) < 0.3
    assert found.categories == ("car",)


def test_every_product_is_there_and_the_evidence_names_it() -> None:
    request = _request(_jpeg(), POSE)
    found = assess(request, detector=CAR, terrain=TerrainSource(None))
    assert [one.kind for one in found.products] == list(ProductKind)
    manifest = json.loads(_product(found, ProductKind.EVIDENCE))
    for entry, product in zip(manifest["products"], found.products[:-1], strict=True):
        assert entry["sha256"] == hashlib.sha256(product.data).hexdigest()
        assert entry["size_bytes"] == len(product.data)
    assert manifest["input"]["sha256"] == request.provenance.sha256
    assert manifest["detector"]["name"] == "planted"


def test_the_same_request_gives_the_same_bytes() -> None:
    one, other = (
        assess(_request(_jpeg(), POSE), detector=CAR, terrain=TerrainSource(None)) for _ in range(2)
    )
    assert one.products == other.products


def test_the_evidence_names_the_elevation_models_below_the_frame(tmp_path: Path) -> None:
    for name, west in (("here.tif", 35.49), ("beside.tif", 35.55)):
        with rasterio.open(
            tmp_path / name,
            "w",
            driver="GTiff",
            width=60,
            height=60,
            count=1,
            dtype="float32",
            crs="EPSG:4979",
            transform=rasterio.Affine(0.0005, 0, west, 0, -0.0005, 33.215),
        ) as dem:
            dem.write(np.full((60, 60), 250.0, np.float32), 1)
    # Indexed anew: nothing of one run helps the other.
    one, other = (
        assess(_request(_jpeg(), POSE), detector=CAR, terrain=TerrainSource(tmp_path))
        for _ in range(2)
    )
    manifest = json.loads(_product(one, ProductKind.EVIDENCE))
    here = (tmp_path / "here.tif").read_bytes()
    assert manifest["terrain"] == {
        "labels": ["dem:here.tif"],
        "elevation": [
            {
                "file_name": "here.tif",
                "size_bytes": len(here),
                "sha256": hashlib.sha256(here).hexdigest(),
            }
        ],
    }
    assert manifest["weighed"]["positions"][0]["latitude_deg"] == pytest.approx(33.1975, abs=1e-3)
    assert one.products == other.products


@dataclass(frozen=True)
class _Asked:
    """A source of positions that notes which time it was asked for."""

    found: PositionIndex
    moments: list[datetime | None]

    def at(self, moment: datetime | None) -> PositionIndex:
        self.moments.append(moment)
        return self.found


def test_positions_are_those_of_the_time_when_it_was_taken() -> None:
    request = _request(_jpeg(), POSE)
    post = request.positions[0]
    far = replace(post, position_id="far", latitude_deg=34.0)
    source = _Asked(PositionIndex.of([post, far], unknown=["patrol-7", "patrol-8"]), [])
    found = assess(
        replace(request, positions=(), position_source=source),
        detector=CAR,
        terrain=TerrainSource(None),
    )
    assert source.moments == [request.stated_captured_at]
    (sighting,) = found.sightings
    assert sighting.position == post
    # What was too far to matter is not written down, nor who it was that nobody knew.
    assert found.positions == (post,)
    manifest = json.loads(_product(found, ProductKind.EVIDENCE))
    assert [it["position_id"] for it in manifest["weighed"]["positions"]] == ["post-1"]
    (unknown,) = [it for it in found.capture.findings if it.code == "PATROLS_UNKNOWN"]
    assert "nobody knew where 2 patrols were" in unknown.message
    assert "patrol-7" not in json.dumps(manifest)
    # The same as from positions that are given.
    given = assess(request, detector=CAR, terrain=TerrainSource(None))
    (other,) = given.sightings
    assert (other.range_m, other.probability) == (sighting.range_m, sighting.probability)


def test_without_attitude_there_are_pictures_but_no_places() -> None:
    found = assess(_request(_jpeg(), None), detector=CAR, terrain=TerrainSource(None))
    assert found.capture.outcome is not Outcome.LOCATED
    assert found.footprint_lonlat is None
    assert found.sightings == ()
    overlays = {ProductKind.OVERLAY, ProductKind.OVERLAY_ANNOTATED}
    assert {one.kind for one in found.products} == set(ProductKind) - overlays
    features = json.loads(_product(found, ProductKind.GEOJSON))["features"]
    assert len(features) == 2
    assert all(feature["geometry"] is None for feature in features)
    assert all(
        feature["properties"]["outcome"] == found.capture.outcome.value for feature in features
    )
    with zipfile.ZipFile(io.BytesIO(_product(found, ProductKind.KMZ))) as archive:
        assert archive.namelist() == ["doc.kml"]


def test_a_height_that_cannot_be_used_is_told_once() -> None:
    below = POSE | {"height_reference": "msl", "height_m": 100.0}
    found = assess(_request(_jpeg(), below), detector=CAR, terrain=TerrainSource(None))
    assert found.capture.outcome is Outcome.NO_HEIGHT
    assert [point.outcome for point in found.ground] == [Outcome.NO_HEIGHT]
    codes = [finding.code for finding in found.capture.findings]
    assert len(codes) == len(set(codes))


def test_sky_in_a_located_frame_is_an_outcome_of_its_box() -> None:
    level = POSE | {"pitch_deg": 0.0}
    boxes = ((100, 100, 120, 110), (390, 500, 410, 520))
    found = assess(
        _request(_jpeg(), level), detector=PlantedDetector(boxes=boxes), terrain=TerrainSource(None)
    )
    assert [point.outcome for point in found.ground] == [Outcome.ABOVE_HORIZON, Outcome.LOCATED]


def test_bytes_that_are_no_image_are_refused() -> None:
    with pytest.raises(UnreadableImageError):
        assess(_request(b"GIF89a", None), detector=CAR, terrain=TerrainSource(None))


def test_an_orthomosaic_is_placed_by_its_transform(data_dir: Path) -> None:
    path = data_dir / "rasters" / "rio_tiler" / "pix4d_alpha_nodata.tif"
    detector = PlantedDetector(boxes=((10, 10, 20, 20),))
    request = _request(path.read_bytes(), None)
    found = assess(request, detector=detector, terrain=TerrainSource(None))
    assert found.capture.outcome is Outcome.LOCATED
    assert found.ground[0].terrain == "raster:geotransform"
    assert "PLACED_BY_RASTER" in {finding.code for finding in found.capture.findings}
    assert found.footprint_lonlat is not None
    # EPSG:32750: the place is in Indonesia's part of zone 50 south.
    assert 114.0 < found.footprint_lonlat[0, 0] < 120.0


def test_skydio_the_car_on_the_road_is_an_alert_300_m_from_a_position(data_dir: Path) -> None:
    folder = data_dir / "photos" / "skydio"
    data = (folder / "skydio-catilina.jpg").read_bytes()
    # The car drives on the left of the picture, the second box stands in the sky.
    detector = PlantedDetector(boxes=((411, 746, 465, 783), (700, 100, 720, 110)))
    terrain = TerrainSource(folder)
    request = _request(data, None)
    car, sky = assess(request, detector=detector, terrain=terrain).ground
    assert sky.outcome is Outcome.ABOVE_HORIZON
    assert car.outcome is Outcome.LOCATED
    longitude, latitude, _ = GEOD.fwd(car.longitude_deg, car.latitude_deg, 200.0, 300.0)
    post = replace(request.positions[0], longitude_deg=longitude, latitude_deg=latitude)
    rules = (replace(request.rules[0], radius_m=400.0),)
    found = assess(
        replace(request, positions=(post,), rules=rules), detector=detector, terrain=terrain
    )
    (sighting,) = found.sightings
    assert sighting.level is Level.ALERT
    assert sighting.range_low_m < 300.0 < sighting.range_high_m
    assert sighting.ground.terrain == "dem:skydio-catilina-dem.tiff"


def test_sensefly_has_no_attitude(data_dir: Path) -> None:
    data = (data_dir / "photos" / "sensefly" / "IMG_0505.jpg").read_bytes()
    found = assess(_request(data, None), detector=CAR, terrain=TerrainSource(None))
    assert found.capture.outcome is Outcome.NO_ATTITUDE
    assert [point.outcome for point in found.ground] == [Outcome.NO_ATTITUDE]


def test_a_raster_is_assessed_from_its_path_as_from_its_bytes(
    data_dir: Path, tmp_path: Path
) -> None:
    data = (data_dir / "rasters" / "rio_tiler" / "pix4d_alpha_nodata.tif").read_bytes()
    path = tmp_path / "kept"
    path.write_bytes(data)
    detector = PlantedDetector(boxes=((300, 300, 330, 320),))
    request = _request(data, None)
    by_bytes = assess(request, detector=detector, terrain=TerrainSource(None))
    by_path = assess(
        replace(request, data=b"", path=path), detector=detector, terrain=TerrainSource(None)
    )
    assert by_path.products == by_bytes.products
    assert by_path.capture == by_bytes.capture
    # A photograph may come so too.
    path.write_bytes(_jpeg())
    photograph = replace(_request(_jpeg(), POSE), data=b"", path=path)
    found = assess(photograph, detector=CAR, terrain=TerrainSource(None))
    assert found.sightings
    path.write_bytes(b"")
    with pytest.raises(UnreadableImageError, match="empty"):
        assess(photograph, detector=CAR, terrain=TerrainSource(None))


def test_ground_control_in_a_file_places_it(data_dir: Path) -> None:
    data = (data_dir / "rasters" / "rio_tiler" / "cog_gcps.tif").read_bytes()
    # Around the first of the file's own points that lies inside: column 64.02, row 0 and down.
    detector = PlantedDetector(boxes=((54, 0, 74, 2),))
    found = assess(_request(data, None), detector=detector, terrain=TerrainSource(None))
    assert found.capture.outcome is Outcome.LOCATED
    (note,) = [one for one in found.capture.findings if one.code == "PLACED_BY_RASTER"]
    assert "210 ground control points" in note.message
    (place,) = found.ground
    # One pixel, some 200 m, below the point at 78.08913757, 10.76061082.
    distance = GEOD.inv(78.08913757, 10.76061082, place.longitude_deg, place.latitude_deg)[2]
    assert 100.0 < distance < 350.0
    assert place.ce90_m is not None
    assert 2.0 < place.ce90_m < 30.0
    assert {one.kind for one in found.products} == set(ProductKind)


def test_tiles_without_data_are_told() -> None:
    @dataclass(frozen=True, kw_only=True)
    class HalfEmpty(PlantedDetector):
        def detect_windows(
            self, source: PixelSource, parameters: DetectionParameters, plan: object = None
        ) -> WindowSearch:
            del plan
            assert source.width_px == 60
            assert parameters.min_confidence == 0.3
            return WindowSearch(detections=Detections.empty(), tiles=8, empty_tiles=3)

    stream = io.BytesIO()
    Image.new("RGB", (60, 40), (90, 90, 90)).save(stream, "TIFF")
    found = assess(
        _request(stream.getvalue(), None),
        detector=HalfEmpty(boxes=()),
        terrain=TerrainSource(None),
    )
    (note,) = [one for one in found.capture.findings if one.code == "EMPTY_TILES"]
    assert note.message.startswith("3 of 8 tiles hold no data")


def test_a_large_raster_is_shown_reduced_and_placed_whole(
    monkeypatch: pytest.MonkeyPatch, data_dir: Path
) -> None:
    monkeypatch.setattr("pipelines.assess.PICTURE_LONGEST_PX", 379)
    data = (data_dir / "rasters" / "rio_tiler" / "pix4d_alpha_nodata.tif").read_bytes()
    detector = PlantedDetector(boxes=((300, 300, 330, 320),))
    found = assess(_request(data, None), detector=detector, terrain=TerrainSource(None))
    # 0.35272 m a pixel from 297463.30262, 9050677.06135 in UTM 50 S.
    (longitude,), (latitude,) = warp(
        "EPSG:32750",
        "EPSG:4326",
        [297463.30262 + 315 * 0.35272],
        [9050677.06135 - 310 * 0.35272],
    )
    (place,) = found.ground
    assert GEOD.inv(longitude, latitude, place.longitude_deg, place.latitude_deg)[2] < 0.01
    assert found.capture.width_px == 686
    picture = Image.open(io.BytesIO(_product(found, ProductKind.ANNOTATED_IMAGE)))
    assert picture.width < 500
    assert found.detections.xyxy.tolist() == [[300.0, 300.0, 330.0, 320.0]]
