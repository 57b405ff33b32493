"""Long random lives of incidents: whatever happens in whatever order, the invariants hold."""

from __future__ import annotations

import random

from pipelines.threats.incidents.incident import (
    ChangeKind,
)
from tests.pipelines.threats.incidents.long_life import Life

OPERATIONS = 100_000


def test_a_random_walk_of_a_hundred_thousand_operations_keeps_every_invariant() -> None:
    life = Life(chance=random.Random(7))  # noqa: S311 - a walk that repeats, no secret
    for number in range(OPERATIONS // 20):
        life.see()
        for operation in life.chance.choices(
            [life.decide, life.look_again, life.wait], weights=[2, 2, 22], k=19
        ):
            operation()
        if number % 10 == 0:
            life.check()
    life.check()
    # The walk came by every kind of change but a release, and by refusals.
    assert set(life.kinds) == set(ChangeKind) - {ChangeKind.RELEASED}
    assert life.refused > 1000
    assert life.second_looks > 1000
    assert life.sequence > 10_000
