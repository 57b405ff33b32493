"""Frames that are no images, assessed without a model.

Run as a program this file is a worker that a test kills: `assessed_frames.py FOLDER`.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import threading
import time
import uuid
from dataclasses import replace
from pathlib import Path

import numpy as np

from models.detections import Detections
from models.detector import DetectionParameters, DetectorIdentity
from pipelines.assessment import Assessment, AssessmentRequest, Product, ProductKind
from pipelines.capture import Capture
from pipelines.ground import GroundPoint
from pipelines.metadata.pose_check import DEFAULT_SIGMAS
from pipelines.outcome import Outcome
from pipelines.threats.positions.position import Position, PositionKind
from pipelines.threats.proximity.weighing import Level, Sighting
from service.ledger.records import ImageryRecord
from service.ledger.store import Ledger
from service.objects import ObjectStore, S3Credentials, original_key
from service.worker import Worker

POST = Position(
    position_id="post-1",
    display_name="Post One",
    kind=PositionKind.POST,
    latitude_deg=4.0,
    longitude_deg=30.0,
)


def frame(number: int) -> bytes:
    return b"\xff\xd8\xff\xe0" + number.to_bytes(4) * 1000


def assess_frame(request: AssessmentRequest) -> Assessment:
    """One car a frame, some 11 km from that of every other; the picture is turned bytes."""
    number = int.from_bytes(request.data[4:8])
    ground = GroundPoint(
        outcome=Outcome.LOCATED,
        latitude_deg=4.0 + number / 10,
        longitude_deg=30.0,
        hae_m=400.0,
        covariance_enu_m2=np.eye(3) * 4.0,
        ce90_m=4.3,
        le90_m=3.3,
    )
    sighting = Sighting(
        detection_index=0,
        category="car",
        confidence=0.8,
        ground=ground,
        position_id="post-1",
        rule_id=request.rules[0].rule_id,
        rule_revision=request.rules[0].revision,
        radius_m=500.0,
        probability=0.9,
        level=Level.ALERT,
        range_m=100.0,
        range_low_m=95.0,
        range_high_m=105.0,
        bearing_deg=0.0,
    )
    return Assessment(
        capture=Capture(
            width_px=100,
            height_px=80,
            make=None,
            model=None,
            captured_at=None,
            pose=None,
            relative_height_m=None,
            intrinsics=None,
            sigmas=DEFAULT_SIGMAS,
            outcome=Outcome.LOCATED,
            findings=(),
        ),
        detector=DetectorIdentity(
            name="turner", engine="none", sha256={}, categories=("car",), input_px=1
        ),
        detections=Detections(
            xyxy=np.array([[0, 0, 5, 5]], np.float32),
            confidence=np.array([0.8], np.float32),
            class_id=np.zeros(1, np.int32),
        ),
        categories=("car",),
        ground=(ground,),
        footprint_lonlat=None,
        sightings=(sighting,),
        products=(
            Product(
                kind=ProductKind.ANNOTATED_IMAGE,
                media_type="image/jpeg",
                file_name="annotated.jpg",
                data=request.data[::-1],
            ),
        ),
    )


def submit(ledger: Ledger, objects: ObjectStore, record: ImageryRecord, data: bytes) -> None:
    sha256 = hashlib.sha256(data).hexdigest()
    objects.put_verified(
        original_key("unmiss", sha256), data, sha256=sha256, content_type="image/jpeg"
    )
    ledger.accept_imagery(
        replace(record, sha256=sha256, size_bytes=len(data)),
        str(uuid.uuid4()),
        record.received_at,
    )


def work(folder: Path) -> None:
    """Work until killed."""
    endpoint, access_key, secret_key, bucket = json.loads(sys.stdin.readline())
    objects = ObjectStore(
        endpoint, S3Credentials(access_key=access_key, secret_key=secret_key), bucket
    )

    def assess(request: AssessmentRequest) -> Assessment:
        time.sleep(0.05)
        return assess_frame(request)

    worker = Worker(
        Ledger.open(f"sqlite:///{folder / 'ledger.sqlite3'}"),
        objects,
        assess,
        f"killed/{os.getpid()}",
        "1.2.3",
        DetectionParameters(),
        poll_seconds=0.02,
    )
    print("ready", flush=True)
    worker.run(threading.Event())


if __name__ == "__main__":
    work(Path(sys.argv[1]))
