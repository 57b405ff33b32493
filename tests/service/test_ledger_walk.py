"""A random walk over a real ledger: frames, second looks, people, time and killed transactions."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from pipelines.assessment import Assessment
from service.audit_chain import ChainCheck
from service.audit_heads import AuditHeads
from service.ledger.records import ImageryRecord
from service.ledger.store import Ledger
from tests.service.ledger_walk import CHAIN, Walk


@pytest.mark.parametrize(
    ("operations", "with_second_looks"), [(800, False), (1200, True)], ids=["plain", "second looks"]
)
def test_a_walk_over_a_real_ledger_keeps_every_invariant(
    sqlite_ledger: Ledger,
    pledge: Any,
    make_imagery: Callable[..., ImageryRecord],
    make_assessment: Callable[..., Assessment],
    now: datetime,
    tmp_path: Path,
    operations: int,
    with_second_looks: bool,
) -> None:
    heads = AuditHeads(tmp_path / "audit-heads.json")
    sqlite_ledger.note_heads_in(heads)
    sqlite_ledger.create_pledge(pledge)
    walk = Walk(
        ledger=sqlite_ledger,
        chance=random.Random(11),  # noqa: S311 - a walk that repeats, no secret
        now=now,
        make_imagery=make_imagery,
        make_assessment=make_assessment,
        with_second_looks=with_second_looks,
    )
    acts = {
        walk.see: 30,
        walk.wait: 30,
        walk.decide: 15,
        walk.look_again: 10,
        walk.release: 6,
        walk.send_again: 4,
        walk.decide_at_once: 2,
    }
    for number in range(operations):
        (act,) = walk.chance.choices(list(acts), weights=list(acts.values()))
        act()
        walk.follow()
        if number % 100 == 0:
            walk.check()
    walk.check()
    # It came by all that it is there for.
    wanted = {"raised", "updated", "cancelled", "expired", "decided", "released", "killed"}
    wanted |= {"conflict", "duplicate", "decision StaleRevisionError", "release SecondPersonError"}
    wanted |= {"second look"} if with_second_looks else set()
    assert wanted <= {name for name, count in walk.happened.items() if count}
    noted = heads.chains[CHAIN].head
    check = ChainCheck(chain=CHAIN, anchors={noted.sequence: noted.hash})
    while entries := sqlite_ledger.audit_entries(CHAIN, after=check.head.sequence):
        for entry in entries:
            check.add(entry)
    check.end()
    # Each thing that a person did is told once, and what was refused or killed is not.
    assert check.head.sequence == walk.notes
