"""The door of the service: which credential a token is, and the book of who came in."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime

from service.access import ADMINISTRATOR, EVERY_MISSION, EVERYTHING, Credential, Role
from service.errors import UnauthenticatedError
from service.identity import Identity
from service.ledger.audit_entries import AuditNote
from service.ledger.store import Ledger
from service.read_book import ReadBook

_TOKEN_BYTES = 32
_TOKEN_HEAD = "vedette_"  # noqa: S105 - what every token begins with, so that scanners find a lost one


class AccessControl:
    """Knows callers by their tokens and writes down what they do.

    Methods block on the ledger and may be called from any thread.

    Args:
        identity: has the token that was made at the first start: an administrator of everything.
        ledger: has all other credentials, and the audit.
        started_at: since when the first token counts.
    """

    def __init__(self, identity: Identity, ledger: Ledger, started_at: datetime) -> None:
        self._identity = identity
        self._ledger = ledger
        self._reads = ReadBook(ledger.append_audit)
        self._first = Credential(
            name=ADMINISTRATOR,
            role=Role.ADMINISTRATOR,
            missions=frozenset({EVERY_MISSION}),
            clearance=EVERYTHING.clearance,
            created_at=started_at,
            created_by="",
        )

    def credential_of(self, token: str, now: datetime) -> Credential:
        """The credential of a token, as it holds now.

        Raises:
            UnauthenticatedError: it is no token of this installation, or it has ended.
            UnavailableError: the ledger does not answer.
        """
        if self._identity.is_first_token(token):
            return self._first
        found = self._ledger.credential_of_hash(token_sha256(token))
        if found is None:
            raise UnauthenticatedError(
                "this call needs the header 'authorization: Bearer TOKEN'; endpoint.json names "
                "the file of the token"
            )
        if found.revoked_at is not None:
            raise UnauthenticatedError(
                f"the credential {found.name!r} was revoked on {found.revoked_at:%Y-%m-%d}; ask "
                "an administrator for a new one"
            )
        if found.expires_at is not None and found.expires_at <= now:
            raise UnauthenticatedError(
                f"the credential {found.name!r} expired on {found.expires_at:%Y-%m-%d}; ask an "
                "administrator for a new one"
            )
        return found

    def write_down(self, note: AuditNote) -> None:
        """Append to the audit what changed nothing else.

        Raises:
            UnavailableError: the ledger does not answer.
        """
        self._ledger.append_audit(note)

    def write_down_read(self, note: AuditNote) -> None:
        """Append to the audit that somebody read, or count it with reads of its kind.

        Raises:
            UnavailableError: the ledger does not answer.
        """
        self._reads.write_down(note)

    def tell_reads(self, now: datetime, *, everything: bool = False) -> None:
        """Append the counts of reads whose hour has passed, or all of them.

        Raises:
            UnavailableError: the ledger does not answer.
        """
        self._reads.tell(now, everything=everything)


def new_token() -> str:
    """A token that nobody guesses."""
    return _TOKEN_HEAD + secrets.token_urlsafe(_TOKEN_BYTES)


def token_sha256(token: str) -> str:
    """All that is kept of a token, lower-case hexadecimal."""
    return hashlib.sha256(token.encode()).hexdigest()
