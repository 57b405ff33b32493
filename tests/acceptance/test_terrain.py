"""Elevation models of the object store, from the bucket to the place on the ground."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import rasterio
from vedette.v1 import detection_pb2, ground_pb2, imagery_pb2

from service.client import Client
from service.objects import ObjectStore
from service.seaweedfs import SeaweedProcess

if TYPE_CHECKING:
    from tests.acceptance.conftest import Service

BUCKET = "elevation"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, data_dir: Path) -> Iterator[SeaweedProcess]:
    """Somebody's object store, with the model of Catilina under a prefix of a bucket of its own."""
    process = SeaweedProcess(tmp_path_factory.mktemp("store"))
    process.start()
    bucket = ObjectStore(process.endpoint, process.credentials, BUCKET)
    bucket.ensure_bucket()
    model = data_dir / "photos" / "skydio" / "skydio-catilina-dem.tiff"
    bucket.put_verified(
        f"dem/arizona/{model.name}",
        model,
        sha256=hashlib.sha256(model.read_bytes()).hexdigest(),
        content_type="image/tiff",
    )
    bucket.close()
    yield process
    process.stop()


def configure(folder: Path, store: SeaweedProcess, dem_dir: str) -> None:
    key = store.credentials
    (folder / "vedette.toml").write_text(
        f's3_endpoint = "{store.endpoint}"\ns3_access_key = "{key.access_key}"\n'
        f's3_secret_key = "{key.secret_key}"\ndem_dir = "{dem_dir}"\nterrain_sigma_m = 6.5\n'
    )


def test_a_photograph_is_located_on_a_model_in_a_bucket(
    idle_service: Service,
    store: SeaweedProcess,
    data_dir: Path,
    add_pledge: Callable[[Client, str], str],
) -> None:
    configure(idle_service.folder, store, f"s3://{BUCKET}/dem")
    idle_service.start()
    with idle_service.client() as client:
        name = client.submit(
            data_dir / "photos" / "skydio" / "skydio-catilina.jpg",
            pledge=add_pledge(client, "road"),
            sortie="sortie-1",
        ).imagery.name
        *_, seen = client.watch_imagery(name)
        assert seen.state == imagery_pb2.IMAGERY_STATE_PROCESSED, seen.failure
        assert seen.outcome == ground_pb2.OUTCOME_LOCATED
        found = client.call(
            client.detections.ListDetections,
            detection_pb2.ListDetectionsRequest(parent="missions/road"),
        ).detections
        evidence = json.loads(b"".join(client.download(f"{name}/products/evidence")))
    # The car on the road; where it stands by plane trigonometry is held in test_photographs.
    car = max(found, key=lambda one: one.confidence)
    assert car.category == "car"
    assert car.ground.outcome == ground_pb2.OUTCOME_LOCATED
    assert car.ground.terrain == "dem:skydio-catilina-dem.tiff"
    with rasterio.open(data_dir / "photos" / "skydio" / "skydio-catilina-dem.tiff") as model:
        place = (car.ground.longitude_deg, car.ground.latitude_deg)
        over_the_sea = float(next(model.sample([place]))[0])
    # NGA's EGM96 lies 30 m under the ellipsoid around Tucson; the ground rises gently there.
    assert car.ground.hae_m == pytest.approx(over_the_sea - 30.0, abs=3.0)
    assert evidence["capture"]["sigmas"]["terrain_m"] == 6.5
    assert f"terrain    s3://{BUCKET}/dem" in idle_service.log


@pytest.mark.parametrize(
    ("dem_dir", "sentence"),
    [
        (f"s3://{BUCKET}/den", f"dem_dir s3://{BUCKET}/den: nothing lies there"),
        ("s3://elevations/dem", "dem_dir s3://elevations/dem: the object store has no bucket"),
    ],
)
def test_a_wrong_place_of_models_stops_the_start_in_one_sentence(
    tmp_path: Path, store: SeaweedProcess, dem_dir: str, sentence: str
) -> None:
    configure(tmp_path, store, dem_dir)
    command = [sys.executable, "-m", "service.cli", "serve", "--data-dir", str(tmp_path)]
    run = subprocess.run(
        [*command, "--listen", "127.0.0.1:0", "--workers", "1"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert run.returncode == 1, run.stderr
    assert sentence in run.stderr.splitlines()[-1]
    assert "Traceback" not in run.stderr
    assert "listening" not in run.stdout
    assert not (tmp_path / "endpoint.json").exists()
