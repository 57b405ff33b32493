"""Workers that are killed at any moment do everything once."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from service.ledger.records import ImageryRecord, ImageryState, PledgeRecord
from service.ledger.store import Ledger
from service.objects import ObjectStore
from service.seaweedfs import SeaweedProcess
from tests.service import assessed_frames
from tests.service.assessed_frames import frame, submit
from tests.service.killed_program import start_program

FRAMES = 20


def test_workers_and_object_store_killed_at_any_moment_do_everything_once(
    sqlite_ledger: Ledger,
    s3: SeaweedProcess,
    objects: ObjectStore,
    tmp_path: Path,
    pledge: PledgeRecord,
    make_imagery: Callable[..., ImageryRecord],
) -> None:
    """Two workers at a time, each killed with -9 at random moments, SeaweedFS killed once."""
    sqlite_ledger.create_pledge(pledge)
    for number in range(FRAMES):
        submit(sqlite_ledger, objects, make_imagery(number), frame(number))
    dice = np.random.default_rng(4)

    def states() -> list[ImageryState]:
        return [each.state for each in sqlite_ledger.list_imagery("unmiss").items]

    for turn in range(4):
        workers = [start_program(assessed_frames, tmp_path, s3, objects.bucket) for _ in range(2)]
        for each in workers:
            assert each.stdout is not None
            assert each.stdout.readline() == b"ready\n"
        if turn == 1:
            assert s3.pid is not None
            os.kill(s3.pid, signal.SIGKILL)
        if turn < 3:
            time.sleep(dice.uniform(0.05, 0.5))
        else:
            deadline = time.monotonic() + 100
            while set(states()) != {ImageryState.PROCESSED} and time.monotonic() < deadline:
                time.sleep(0.1)
        for each in workers:
            each.kill()
            each.communicate()
        # The service starts again and knows that its workers are gone.
        sqlite_ledger.release_jobs_of("killed/", datetime.now(UTC))
    assert states() == [ImageryState.PROCESSED] * FRAMES
    found = sqlite_ledger.list_detections("unmiss").items
    assert sorted(each.imagery_id for each in found) == [f"image-{n:04}" for n in range(FRAMES)]
    events = sqlite_ledger.events_since("unmiss", 0, 1000)
    assert [event.sequence for event in events] == list(range(1, FRAMES + 1))
    incidents = sqlite_ledger.list_incidents("unmiss").items
    assert len(incidents) == FRAMES
    assert {record.incident.sighting_count for record in incidents} == {1}
    for number in range(FRAMES):
        (product,) = sqlite_ledger.list_products("unmiss", f"image-{number:04}")
        assert objects.get(product.object_key) == frame(number)[::-1]
