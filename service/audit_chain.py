"""The audit as values: entries chained by their hashes, and what proves that none was changed.

Needs no database: an exported chain is verified anywhere, by anybody, with `entry_hash` alone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from models.errors import InvalidInputError, VedetteError

GENESIS = "0" * 64
"""What the first entry of a chain names as the hash before it."""
INSTALLATION = "installation"
"""The chain of what belongs to no mission: credentials, models, refusals without one."""


class AuditBrokenError(VedetteError):
    """A chain of the audit is not as it was written.

    Attributes:
        sequence: the first entry that is wrong.
    """

    reason = "AUDIT_BROKEN"
    sequence: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditEntry:
    """One thing that somebody did.

    Attributes:
        chain: "missions/{mission}", or `INSTALLATION`.
        sequence: from 1, without a gap.
        time_us: microseconds since 1970 in UTC.
        actor: the name on the credential, or of the feed.
        role: the credential's role; "feed" of a feed.
        action: for example "IncidentService.DecideIncident".
        subject: the resource it was about.
        outcome: "done" or "refused".
        detail: what was asked, as canonical JSON.
        previous: hash of the entry before.
        hash: of all of the above.
    """

    chain: str
    sequence: int
    time_us: int
    actor: str
    role: str
    action: str
    subject: str
    outcome: str
    detail: str
    previous: str
    hash: str


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditHead:
    """The end of a chain: as long as it is known, nothing before it can be changed unseen."""

    sequence: int = 0
    hash: str = GENESIS


@dataclass(kw_only=True, slots=True)
class ChainCheck:
    """Walks one chain from its first entry on.

    Attributes:
        chain: which.
        anchors: heads that were noted elsewhere: the chain must pass through them.
        head: the last entry that was found right.
    """

    chain: str
    anchors: Mapping[int, str] = field(default_factory=dict)
    head: AuditHead = field(default_factory=AuditHead)

    def add(self, entry: AuditEntry) -> None:
        """Hold the next entry against those before it.

        Raises:
            AuditBrokenError: it does not follow on them, or was changed.
        """
        sequence = self.head.sequence + 1
        if entry.sequence != sequence:
            raise self._broken(sequence, f"is missing; the next there is {entry.sequence}")
        if entry.chain != self.chain:
            raise self._broken(sequence, f"is of {entry.chain}")
        if entry.previous != self.head.hash:
            raise self._broken(sequence, "does not follow on the one before it")
        if entry.hash != entry_hash(entry):
            raise self._broken(sequence, "was changed: its hash is not that of its content")
        if self.anchors.get(sequence, entry.hash) != entry.hash:
            raise self._broken(
                sequence, "is not the one that was noted: the chain was written anew up to it"
            )
        self.head = AuditHead(sequence=sequence, hash=entry.hash)

    def end(self) -> None:
        """Say that no entry follows.

        Raises:
            AuditBrokenError: one that was noted is missing.
        """
        last = max(self.anchors, default=0)
        if last > self.head.sequence:
            raise self._broken(
                self.head.sequence + 1,
                f"is missing: the chain was cut, entry {last} had been noted",
            )

    def _broken(self, sequence: int, why: str) -> AuditBrokenError:
        error = AuditBrokenError(f"entry {sequence} of {self.chain} {why}")
        error.sequence = sequence
        return error


def entry_hash(entry: AuditEntry) -> str:
    """SHA-256, lower-case hexadecimal, of the canonical JSON of all of an entry but its hash.

    Canonical: UTF-8, keys sorted, no spaces, no escapes beyond those that JSON demands.
    """
    content = asdict(entry)
    del content["hash"]
    return hashlib.sha256(canonical(content).encode()).hexdigest()


def canonical(value: object) -> str:
    """JSON whose text depends on nothing but the value."""
    return json.dumps(
        value, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":")
    )


def entry_line(entry: AuditEntry) -> str:
    """An entry as a line of an exported chain."""
    return canonical(asdict(entry))


def parse_lines(lines: Iterable[str]) -> Iterable[AuditEntry]:
    """The entries of an exported chain.

    Raises:
        InvalidInputError: a line is none.
    """
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield _parse(number, line)


_TYPES = {each.name: int if each.type == "int" else str for each in fields(AuditEntry)}


def _parse(number: int, line: str) -> AuditEntry:
    try:
        document: Any = json.loads(line)
    except ValueError as error:
        raise InvalidInputError(f"line {number} is no entry of the audit: {error}") from error
    if not isinstance(document, dict) or set(document) != set(_TYPES):
        raise InvalidInputError(
            f"line {number} is no entry of the audit: its keys are not {', '.join(_TYPES)}"
        )
    for name, kind in _TYPES.items():
        if type(document[name]) is not kind:
            raise InvalidInputError(
                f"line {number} is no entry of the audit: {name} is no {kind.__name__}"
            )
    return AuditEntry(**document)
