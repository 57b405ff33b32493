"""Who calls, where servicers are called without the door before them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from service.access import EVERY_MISSION, EVERYTHING, Credential, Role
from service.api.interceptor import _CALLER

TESTER = Credential(
    name="tester",
    role=Role.ADMINISTRATOR,
    missions=frozenset({EVERY_MISSION}),
    clearance=EVERYTHING.clearance,
    created_at=datetime(2026, 1, 1, tzinfo=UTC),
    created_by="",
)


@pytest.fixture(autouse=True)
def tester() -> Iterator[Credential]:
    """An administrator of everything, who calls unless a test says otherwise."""
    token = _CALLER.set(TESTER)
    yield TESTER
    _CALLER.reset(token)
