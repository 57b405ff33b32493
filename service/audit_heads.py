"""The ends of the audit's chains, noted outside the ledger: who cuts a chain is found out."""

from __future__ import annotations

import json
import logging
import threading
from pathlib import Path

from service.audit_chain import AuditHead
from service.endpoint import write_atomically

_LOG = logging.getLogger("vedette.audit")


class AuditHeads:
    """A file of the last entry of each chain that this service has written.

    It is written after each commit and before the caller learns of it, synced to disk; entries that
    end while it is being written are noted together. A kill between commit and note leaves the
    chain longer than the note, which is no fault of it.

    Args:
        path: the file; made when first written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._written = 0
        self._version = 0
        self._heads = _read(path)

    @property
    def heads(self) -> dict[str, AuditHead]:
        """The noted head of each chain."""
        with self._lock:
            return dict(self._heads)

    def note(self, chain: str, head: AuditHead) -> None:
        """Note the end of a chain; one that is noted further on stays."""
        with self._lock:
            if head.sequence <= self._heads.get(chain, AuditHead()).sequence:
                mine = self._version
            else:
                self._heads[chain] = head
                self._version += 1
                mine = self._version
        with self._writing:
            with self._lock:
                if self._written >= mine:
                    return
                version, document = self._version, _document(self._heads)
            try:
                write_atomically(self._path, document)
            except OSError as error:
                # The entry is in the ledger; the next note covers it too.
                _LOG.error("the end of the audit cannot be noted in %s: %s", self._path, error)
                return
            with self._lock:
                self._written = version


def _read(path: Path) -> dict[str, AuditHead]:
    try:
        document = json.loads(path.read_text("utf-8"))
        return {
            str(chain): AuditHead(sequence=int(head["sequence"]), hash=str(head["hash"]))
            for chain, head in document.items()
        }
    except FileNotFoundError:
        return {}


def _document(heads: dict[str, AuditHead]) -> bytes:
    document = {
        chain: {"sequence": head.sequence, "hash": head.hash}
        for chain, head in sorted(heads.items())
    }
    return (json.dumps(document, indent=1) + "\n").encode()
