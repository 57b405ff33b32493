"""The ends of the audit's chains, noted outside the ledger: who cuts a chain is found out."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from service.audit_chain import AuditHead
from service.endpoint import write_atomically
from service.errors import StartupError

_LOG = logging.getLogger("vedette.audit")
_MOST_LOST = 16


@dataclass(kw_only=True, slots=True)
class NotedChain:
    """What is noted of one chain.

    Attributes:
        head: its end.
        lost: ends that were noted before and that the ledger no longer has as they were.
    """

    head: AuditHead = field(default_factory=AuditHead)
    lost: list[AuditHead] = field(default_factory=list)


class AuditHeads:
    """A file of the last entry of each chain that this service has written.

    It is written after each commit and before the caller learns of it, synced to disk; entries that
    end while it is being written are noted together. A kill between commit and note leaves the
    chain longer than the note, which is no fault of it. A noted end that the ledger contradicts is
    kept for good: later entries do not cover it up.

    Args:
        path: the file; made when first written.

    Raises:
        StartupError: the file is there and cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._written = 0
        self._version = 0
        self._chains = _read(path)

    @property
    def chains(self) -> dict[str, NotedChain]:
        """What is noted of each chain."""
        with self._lock:
            return {
                name: NotedChain(head=noted.head, lost=list(noted.lost))
                for name, noted in self._chains.items()
            }

    def note(self, chain: str, head: AuditHead) -> None:
        """Note the end of a chain; one that is noted further on stays."""
        with self._lock:
            noted = self._chains.setdefault(chain, NotedChain())
            if head.sequence == noted.head.sequence and head.hash != noted.head.hash:
                _lose(chain, noted)
            if head.sequence >= noted.head.sequence and head != noted.head:
                noted.head = head
                self._version += 1
            mine = self._version
        self._write(mine)

    def compare(self, hash_of: Callable[[str, int], str | None]) -> None:
        """Hold what is noted against the ledger; to be done before anything is added to it.

        Args:
            hash_of: the hash of an entry by chain and sequence; None where there is none.
        """
        with self._lock:
            for chain, noted in self._chains.items():
                head = noted.head
                if head.sequence and hash_of(chain, head.sequence) != head.hash:
                    _lose(chain, noted)
                    noted.head = AuditHead()
                    self._version += 1
            mine = self._version
        self._write(mine)

    def _write(self, mine: int) -> None:
        with self._writing:
            with self._lock:
                if self._written >= mine:
                    return
                version, document = self._version, _document(self._chains)
            try:
                write_atomically(self._path, document)
            except OSError as error:
                # The entry is in the ledger; the next note covers it too.
                _LOG.error("the end of the audit cannot be noted in %s: %s", self._path, error)
                return
            with self._lock:
                self._written = version


def _lose(chain: str, noted: NotedChain) -> None:
    _LOG.error(
        "the ledger does not have entry %d of the audit of %s as it was noted: it was cut, or "
        "replaced; 'vedette audit verify' tells from where on",
        noted.head.sequence,
        chain,
    )
    # The earliest tell most.
    noted.lost = [*noted.lost, noted.head][:_MOST_LOST]


def _read(path: Path) -> dict[str, NotedChain]:
    try:
        document = json.loads(path.read_text("utf-8"))
        return {
            str(chain): NotedChain(
                head=_head(noted), lost=[_head(each) for each in noted.get("lost", ())]
            )
            for chain, noted in document.items()
        }
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise StartupError(
            f"{path} cannot be read ({error}): restore it from a backup; without it nobody can "
            "tell whether the audit was cut"
        ) from error


def _head(document: Any) -> AuditHead:
    return AuditHead(sequence=int(document["sequence"]), hash=str(document["hash"]))


def _document(chains: dict[str, NotedChain]) -> bytes:
    document: dict[str, Any] = {}
    for chain, noted in sorted(chains.items()):
        document[chain] = {"sequence": noted.head.sequence, "hash": noted.head.hash}
        if noted.lost:
            document[chain]["lost"] = [
                {"sequence": each.sequence, "hash": each.hash} for each in noted.lost
            ]
    return (json.dumps(document, indent=1) + "\n").encode()
