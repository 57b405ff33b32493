"""Reads of one kind by one caller in one hour: the first is an entry, the rest are a count.

What people and programs ask again and again (is my imagery done, which rules hold) would fill the
audit with entries that tell nothing more. Who saw an incident, a chip or a product is not of this
kind: each such call is an entry of its own, see `service.api.permissions`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TypeAlias

from models.errors import VedetteError
from service.audit_chain import canonical
from service.ledger.audit_entries import AuditNote

PERIOD = timedelta(hours=1)
"""How long reads are counted before the count is told."""
# Names that a count tells, in characters: with the rest of it, within an entry's detail.
_MOST_NAMED = 3500

_Key: TypeAlias = "tuple[str, str, str, str]"


@dataclass(kw_only=True, slots=True)
class _Counted:
    """The reads of one kind since the entry of the first.

    Attributes:
        first: what was told of the first.
        is_told: its entry is in the ledger.
        count: how many came after it.
        last_at: when the last of them came.
        subjects: what they were about, in their order; as many as there is room for.
        unnamed: how many were about something that there was no room for.
    """

    first: AuditNote
    last_at: datetime
    is_told: bool = False
    count: int = 0
    subjects: dict[str, None] = field(default_factory=dict)
    unnamed: int = 0
    _length: int = 0

    def add(self, note: AuditNote) -> None:
        self.count += 1
        self.last_at = max(self.last_at, note.at)
        if note.subject in self.subjects:
            return
        if self._length + len(note.subject) > _MOST_NAMED:
            self.unnamed += 1
            return
        self._length += len(note.subject) + 3
        self.subjects[note.subject] = None

    def told(self, now: datetime) -> AuditNote:
        """The count as an entry."""
        detail: dict[str, object] = {
            "further_reads": self.count,
            "since": self.first.at.isoformat(),
            "until": self.last_at.isoformat(),
            "subjects": list(self.subjects),
        }
        if self.unnamed:
            detail["reads_of_others"] = self.unnamed
        subject = next(iter(self.subjects)) if len(self.subjects) == 1 else ""
        return replace(
            self.first,
            at=now,
            subject="" if self.unnamed else subject,
            detail=canonical(detail),
            written=False,
        )


class ReadBook:
    """Writes down reads, those of one kind and hour together.

    Of each caller and call in a mission the first read is appended at once, before its answer.
    Those of the hour after it are counted in memory and appended as one entry by `tell`. A kill
    loses the counts of the running hour; that the caller read is told by then.

    Methods block on the ledger and may be called from any thread.

    Args:
        append: appends a note to the audit.
    """

    def __init__(self, append: Callable[[AuditNote], None]) -> None:
        self._append = append
        self._lock = threading.Lock()
        self._running: dict[_Key, _Counted] = {}
        self._over: list[_Counted] = []

    def write_down(self, note: AuditNote) -> None:
        """Append a read, or count it.

        Raises:
            UnavailableError: the ledger does not answer; the read is not to be answered.
        """
        key = (note.chain, note.actor, note.role, note.action)
        mine: _Counted | None = None
        with self._lock:
            known = self._running.get(key)
            if known is not None and note.at - known.first.at >= PERIOD:
                self._over.append(self._running.pop(key))
                known = None
            if known is None:
                mine = self._running[key] = _Counted(first=replace(note), last_at=note.at)
            elif known.is_told:
                known.add(note)
                return
        # Whoever reads while the first entry is still being written has one of its own.
        self._append(note)
        if mine is not None:
            mine.is_told = True

    def tell(self, now: datetime, *, everything: bool = False) -> None:
        """Append the counts of the hours that have passed.

        Args:
            now: the time now.
            everything: those that are running as well.

        Raises:
            UnavailableError: the ledger does not answer; what was not told is told later.
        """
        with self._lock:
            for key, known in list(self._running.items()):
                if everything or now - known.first.at >= PERIOD:
                    self._over.append(self._running.pop(key))
            over, self._over = self._over, []
        while over:
            try:
                if over[0].count:
                    self._append(over[0].told(now))
            except VedetteError:
                with self._lock:
                    self._over = [*over, *self._over]
                raise
            del over[0]
