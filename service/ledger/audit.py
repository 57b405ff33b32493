"""The audit, read and added to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Row, select

from models.errors import InvalidInputError
from service.audit_chain import AuditEntry, AuditHead
from service.ledger.audit_entries import AuditNote, noting
from service.ledger.database import Database
from service.ledger.pages import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE
from service.ledger.tables import audit_entries, audit_heads

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class AuditLog(Database):
    """The chains of the installation and of every mission."""

    def append_audit(self, note: AuditNote) -> None:
        """Append what changed nothing else, such as that somebody looked."""
        with noting(note), self._writing():
            # The transaction of a note is all there is to write.
            pass

    def audit_entries(
        self, chain: str, *, after: int = 0, page_size: int = 0
    ) -> tuple[AuditEntry, ...]:
        """Entries of a chain after a sequence, in order.

        Raises:
            InvalidInputError: a number is negative.
        """
        if after < 0 or page_size < 0:
            raise InvalidInputError(
                "must not be negative", field="after" if after < 0 else "page_size"
            )
        with self._reading() as connection:
            rows = connection.execute(
                select(audit_entries)
                .where(audit_entries.c.chain == chain, audit_entries.c.sequence > after)
                .order_by(audit_entries.c.sequence)
                .limit(min(page_size or DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE))
            )
            return tuple(_entry(row) for row in rows)

    def audit_hash(self, chain: str, sequence: int) -> str | None:
        """The hash of one entry; None where there is none."""
        with self._reading() as connection:
            found = connection.execute(
                select(audit_entries.c.hash).where(
                    audit_entries.c.chain == chain, audit_entries.c.sequence == sequence
                )
            ).scalar()
        return None if found is None else str(found)

    def audit_heads(self) -> dict[str, AuditHead]:
        """The end of each chain."""
        with self._reading() as connection:
            rows = connection.execute(select(audit_heads).order_by(audit_heads.c.chain))
            return {row.chain: AuditHead(sequence=row.sequence, hash=row.hash) for row in rows}


def _entry(row: Row[Any]) -> AuditEntry:
    return AuditEntry(
        chain=row.chain,
        sequence=row.sequence,
        time_us=(row.occurred_at - _EPOCH) // timedelta(microseconds=1),
        actor=row.actor,
        role=row.role,
        action=row.action,
        subject=row.subject,
        outcome=row.outcome,
        detail=row.detail,
        previous=row.previous,
        hash=row.hash,
    )
