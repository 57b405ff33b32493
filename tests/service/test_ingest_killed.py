"""A service that is killed at any moment loses nothing that it acknowledged."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from service.ledger.records import PledgeRecord
from service.ledger.store import Ledger
from service.objects import ObjectStore, original_key
from service.reconcile import reconcile
from service.seaweedfs import SeaweedProcess
from service.spool import Spool
from tests.service import photographs
from tests.service.killed_program import start_program
from tests.service.photographs import photograph

# How often the service is killed before it may go on to its end.
KILLS = 7


def test_killed_at_any_moment_it_loses_nothing_acknowledged(
    sqlite_ledger: Ledger,
    s3: SeaweedProcess,
    objects: ObjectStore,
    tmp_path: Path,
    pledge: PledgeRecord,
) -> None:
    """The service is killed with -9 at random moments until its twenty frames are in."""
    sqlite_ledger.create_pledge(pledge)
    acknowledged: set[str] = set()
    dice = np.random.default_rng(9)
    kills = 0
    finished = False
    while not finished:
        with start_program(
            photographs, tmp_path, s3, objects.bucket, sorted(acknowledged)
        ) as service:
            assert service.stdout is not None
            assert service.stdout.readline() == b"ready\n"
            killer = threading.Timer(dice.uniform(0, 0.4), service.kill)
            if kills < KILLS:
                killer.start()
            # A line that the kill cut is no acknowledgement.
            acknowledged |= {line.decode().strip() for line in service.stdout if b"\n" in line}
            killer.cancel()
            finished = service.wait() == 0
            kills += not finished
    assert kills >= 3
    expected = {hashlib.sha256(photograph(150_000, seed)).hexdigest() for seed in range(20)}
    assert acknowledged == expected
    held = sqlite_ledger.list_imagery("unmiss", page_size=100).items
    assert sorted(record.sha256 for record in held) == sorted(expected)
    for sha256 in expected:
        assert objects.sha256(original_key("unmiss", sha256)) == sha256
    leased: Callable[[], object] = lambda: sqlite_ledger.lease_job(  # noqa: E731 - a counter
        "w", datetime.now(UTC), 60
    )
    assert sum(1 for _ in iter(leased, None)) == 20
    reconcile(sqlite_ledger, objects, Spool(tmp_path / "spool"), datetime.now(UTC))
    assert list((tmp_path / "spool").iterdir()) == []
