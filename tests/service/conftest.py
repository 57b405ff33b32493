"""Real servers and made-up records for the tests of the service."""

from __future__ import annotations

import hashlib
import secrets
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from models.detections import Detections
from models.detector import DetectorIdentity
from pipelines.assessment import Assessment
from pipelines.capture import Capture
from pipelines.ground import GroundPoint
from pipelines.imagery.media import MediaKind
from pipelines.metadata.pose_check import DEFAULT_SIGMAS
from pipelines.outcome import Finding, Outcome, Severity
from pipelines.threats.proximity.weighing import Level, Sighting
from service.ingest import Ingest, IngestLimits
from service.ledger.records import ImageryRecord, ImageryState, Marking, PledgeRecord
from service.ledger.store import Ledger
from service.objects import ObjectStore
from service.seaweedfs import SeaweedProcess
from service.spool import Spool
from tests.service.tak_server import Taky, make_site


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SeaweedProcess]:
    """A real SeaweedFS for the whole session."""
    process = SeaweedProcess(tmp_path_factory.mktemp("seaweedfs"))
    process.start()
    yield process
    process.stop()


@pytest.fixture
def objects(s3: SeaweedProcess) -> Iterator[ObjectStore]:
    """An empty bucket in it."""
    store = ObjectStore(
        s3.endpoint, s3.credentials, f"test-{secrets.token_hex(6)}", settle=s3.settle
    )
    store.ensure_bucket()
    yield store
    # A bucket holds volumes of its own, and one small store has not many.
    client = store._client
    for item in client.list_objects(bucket_name=store.bucket, recursive=True):
        client.remove_object(bucket_name=store.bucket, object_name=str(item.object_name))
    client.remove_bucket(bucket_name=store.bucket)
    store.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each dialect."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'ledger.sqlite3'}"
    made: str = request.getfixturevalue("postgres_url")
    return made


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[Ledger]:
    """A migrated ledger over each dialect."""
    opened = Ledger.open(ledger_url)
    opened.migrate()
    yield opened
    opened.close()


@pytest.fixture
def sqlite_ledger(tmp_path: Path) -> Iterator[Ledger]:
    """A migrated ledger over SQLite, where the dialect does not matter."""
    opened = Ledger.open(f"sqlite:///{tmp_path / 'ledger.sqlite3'}")
    opened.migrate()
    yield opened
    opened.close()


@pytest.fixture
def now() -> datetime:
    """A moment with microseconds, so that losing them is seen."""
    return datetime(2026, 3, 14, 9, 26, 53, 589793, tzinfo=UTC)


@pytest.fixture
def pledge(now: datetime) -> PledgeRecord:
    """A pledge; not yet registered."""
    return PledgeRecord(
        mission_id="unmiss",
        pledge_id="nor-uas-1",
        contributor="NOR",
        capability="small UAS, visible light",
        platform="Skydio X2",
        marking=Marking.UNCLASSIFIED,
        created_at=now,
    )


MakeImagery = Callable[..., ImageryRecord]


@pytest.fixture
def make_imagery(pledge: PledgeRecord, now: datetime) -> MakeImagery:
    """Makes imagery of the pledge, each of other bytes."""

    def make(
        number: int = 0, *, mission_id: str = "", marking: str = "UNCLASSIFIED"
    ) -> ImageryRecord:
        mission = mission_id or pledge.mission_id
        sha256 = hashlib.sha256(f"bytes {number}".encode()).hexdigest()
        return ImageryRecord(
            mission_id=mission,
            imagery_id=f"image-{number:04}",
            pledge_id=pledge.pledge_id,
            sortie_id="sortie-1",
            file_name="DJI_0001.JPG",
            size_bytes=1000 + number,
            sha256=sha256,
            media_kind=MediaKind.JPEG,
            state=ImageryState.QUEUED,
            failure="",
            received_at=now + timedelta(seconds=number),
            stated_pose=None,
            stated_captured_at=None,
            captured_at=None,
            width_px=0,
            height_px=0,
            outcome=None,
            findings=(),
            detection_count=0,
            model_name="",
            marking=Marking(marking),
        )

    return make


@pytest.fixture
def accept(ledger: Ledger, pledge: PledgeRecord, make_imagery: MakeImagery) -> MakeImagery:
    """Registers the pledge and accepts imagery of it."""
    ledger.create_pledge(pledge)

    def accept(number: int = 0, **changes: str) -> ImageryRecord:
        record = make_imagery(number, **changes)
        accepted, _ = ledger.accept_imagery(record, str(uuid.UUID(int=number)), record.received_at)
        return accepted

    return accept


MakeAssessment = Callable[..., Assessment]


@pytest.fixture
def make_assessment(now: datetime) -> MakeAssessment:
    """Makes an assessment of cars at places, each of them sighted near a position."""

    def make(
        *places: tuple[float, float],
        position_id: str = "post-1",
        category: str = "car",
        captured_at: datetime | None = now,
        sighted: bool = True,
    ) -> Assessment:
        count = len(places)
        ground = tuple(
            GroundPoint(
                outcome=Outcome.LOCATED,
                latitude_deg=latitude,
                longitude_deg=longitude,
                hae_m=431.5,
                covariance_enu_m2=np.array([[4.0, 1.0, 0.0], [1.0, 9.0, 0.0], [0.0, 0.0, 25.0]]),
                ce90_m=5.6,
                le90_m=8.2,
                slant_range_m=140.0,
                depression_deg=60.0,
                terrain="flat:relative_height",
            )
            for latitude, longitude in places
        )
        sightings = tuple(
            Sighting(
                detection_index=index,
                category=category,
                confidence=0.9 - index / 1000,
                ground=ground[index],
                position_id=position_id,
                rule_id="default",
                rule_revision=0,
                radius_m=500.0,
                probability=0.99,
                level=Level.ALERT,
                range_m=200.0,
                range_low_m=195.0,
                range_high_m=205.0,
                bearing_deg=45.0,
            )
            for index in range(count if sighted else 0)
        )
        index = np.arange(count, dtype=np.float32)
        return Assessment(
            capture=Capture(
                width_px=4000,
                height_px=3000,
                make="DJI",
                model="FC3170",
                captured_at=captured_at,
                pose=None,
                relative_height_m=None,
                intrinsics=None,
                sigmas=DEFAULT_SIGMAS,
                outcome=Outcome.LOCATED,
                findings=(
                    Finding(code="GIMBAL_FLIPPED", severity=Severity.WARNING, message="turned"),
                ),
            ),
            detector=DetectorIdentity(
                name="vedette-n",
                engine="openvino 0 CPU",
                sha256={"a.bin": "0" * 64},
                categories=("person", "car"),
                input_px=640,
            ),
            detections=Detections(
                xyxy=np.stack([index * 8, index * 8 + 1, index * 8 + 4, index * 8 + 6], axis=1),
                confidence=(np.float32(0.9) - index / np.float32(1000)).astype(np.float32),
                class_id=np.ones(count, np.int32),
            ),
            categories=(category,) * count,
            ground=ground,
            footprint_lonlat=np.array([[30.0, 4.0], [30.1, 4.0], [30.1, 4.1], [30.0, 4.0]]),
            sightings=sightings,
            products=(),
        )

    return make


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A taky site with its CA, and certificates for Vedette and a reader."""
    return make_site(tmp_path_factory.mktemp("taky"), "vedette", "reader")


@pytest.fixture
def taky(site: Path) -> Iterator[Taky]:
    server = Taky(site)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool", max_open=4)


@pytest.fixture
def ingest(
    sqlite_ledger: Ledger, objects: ObjectStore, spool: Spool, pledge: PledgeRecord
) -> Iterator[Ingest]:
    sqlite_ledger.create_pledge(pledge)
    made = Ingest(sqlite_ledger, objects, spool, IngestLimits(max_bytes=4 << 20))
    yield made
    made.close()
