"""How an entry of the audit comes into the ledger: in the transaction of what it tells.

A call that changes something is carried out under a note of who asks for what (`noting`). The first
transaction that commits under it appends the note to its chain and so both happen, or neither.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, insert, select, update

from service.audit_chain import GENESIS, AuditEntry, AuditHead, entry_hash
from service.ledger.dialect import insert_if_absent
from service.ledger.tables import audit_entries, audit_heads

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(kw_only=True, slots=True)
class AuditNote:
    """What is to be told of one call.

    Attributes:
        chain: see `service.audit_chain.AuditEntry`, as the following.
        at: aware time of the call.
        actor: who.
        role: as what.
        action: which call.
        subject: about what.
        detail: what was asked, canonical JSON.
        outcome: "done" or "refused".
        written: whether it is in the ledger.
    """

    chain: str
    at: datetime
    actor: str
    role: str
    action: str
    subject: str
    detail: str
    outcome: str = "done"
    written: bool = False


_NOTE: ContextVar[AuditNote | None] = ContextVar("vedette_audit_note", default=None)


@contextmanager
def noting(note: AuditNote) -> Iterator[None]:
    """Append a note in the first transaction that commits inside, also of other threads' work."""
    token = _NOTE.set(note)
    try:
        yield
    finally:
        _NOTE.reset(token)


def note_for_call(note: AuditNote) -> None:
    """The same for all that this context still does: of a stream, which has no one block."""
    _NOTE.set(note)


def pending_note() -> AuditNote | None:
    """The note that is still to be written in this context."""
    note = _NOTE.get()
    return None if note is None or note.written else note


def append_note(connection: Connection, note: AuditNote) -> AuditEntry:
    """Append a note to its chain within a transaction.

    The row of the chain's head is locked until the transaction ends, and last of all locks, so that
    no two entries follow on the same one and nobody waits in a circle.
    """
    head = _lock_head(connection, note.chain)
    entry = AuditEntry(
        chain=note.chain,
        sequence=head.sequence + 1,
        time_us=(note.at - _EPOCH) // timedelta(microseconds=1),
        actor=note.actor,
        role=note.role,
        action=note.action,
        subject=note.subject,
        outcome=note.outcome,
        detail=note.detail,
        previous=head.hash,
        hash="",
    )
    entry = replace(entry, hash=entry_hash(entry))
    connection.execute(
        insert(audit_entries).values(
            chain=entry.chain,
            sequence=entry.sequence,
            occurred_at=note.at,
            actor=entry.actor,
            role=entry.role,
            action=entry.action,
            subject=entry.subject,
            outcome=entry.outcome,
            detail=entry.detail,
            previous=entry.previous,
            hash=entry.hash,
        )
    )
    connection.execute(
        update(audit_heads)
        .where(audit_heads.c.chain == entry.chain)
        .values(sequence=entry.sequence, hash=entry.hash)
    )
    return entry


def _lock_head(connection: Connection, chain: str) -> AuditHead:
    insert_if_absent(connection, audit_heads, {"chain": chain, "sequence": 0, "hash": GENESIS})
    row = connection.execute(
        select(audit_heads.c.sequence, audit_heads.c.hash)
        .where(audit_heads.c.chain == chain)
        .with_for_update()
    ).one()
    return AuditHead(sequence=row.sequence, hash=row.hash)
