"""Credentials over both dialects."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from service.access import Credential, Role
from service.errors import AlreadyExistsError
from service.ledger.records import Marking
from service.ledger.store import Ledger


def test_a_name_is_given_once(ledger: Ledger, now: datetime) -> None:
    berg = Credential(
        name="lt-berg",
        role=Role.OPERATOR,
        missions=frozenset({"unmiss", "minusca"}),
        clearance=Marking.CONFIDENTIAL,
        created_at=now,
        created_by="administrator",
        expires_at=now + timedelta(days=30),
    )
    ledger.create_credential(berg, "0" * 64)
    assert ledger.get_credential("lt-berg") == berg
    assert ledger.credential_of_hash("0" * 64) == berg
    assert ledger.credential_of_hash("1" * 64) is None
    ended = ledger.revoke_credential("lt-berg", revoked_by="administrator", now=now)
    assert (ended.revoked_at, ended.revoked_by) == (now, "administrator")
    later = ledger.revoke_credential("lt-berg", revoked_by="x", now=now + timedelta(days=1))
    assert later == ended
    with pytest.raises(AlreadyExistsError, match="a name is given once"):
        ledger.create_credential(berg, "2" * 64)
    assert [item.name for item in ledger.list_credentials().items] == ["lt-berg"]
