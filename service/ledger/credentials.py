"""Who may call; of each token its hash alone is kept."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, select, update

from service.access import Credential, Role
from service.errors import AlreadyExistsError, NotFoundError
from service.ledger.database import Database
from service.ledger.pages import Order, Page, read_page
from service.ledger.records import Marking
from service.ledger.tables import credentials


class Credentials(Database):
    """Credentials of every mission, ended ones included: the audit names them."""

    def create_credential(self, credential: Credential, token_sha256: str) -> None:
        """Write a credential and the hash of its token.

        Raises:
            AlreadyExistsError: there is, or was, one of that name.
        """
        with self._writing() as connection:
            taken = connection.execute(
                select(credentials.c.name).where(credentials.c.name == credential.name)
            ).first()
            if taken is not None:
                raise AlreadyExistsError(
                    f"there is, or was, a credential {credential.name!r}; a name is given once",
                    field="credential_id",
                )
            connection.execute(
                insert(credentials).values(
                    name=credential.name,
                    role=credential.role.value,
                    missions=sorted(credential.missions),
                    clearance=credential.clearance.value,
                    contributor=credential.contributor,
                    recipient=credential.recipient,
                    token_sha256=token_sha256,
                    created_at=credential.created_at,
                    created_by=credential.created_by,
                    expires_at=credential.expires_at,
                    revoked_at=None,
                    revoked_by="",
                )
            )

    def credential_of_hash(self, token_sha256: str) -> Credential | None:
        """The credential whose token has that SHA-256, ended ones too; None where there is none."""
        with self._reading() as connection:
            row = connection.execute(
                select(credentials).where(credentials.c.token_sha256 == token_sha256)
            ).one_or_none()
        return None if row is None else _credential(row)

    def get_credential(self, name: str) -> Credential:
        """One credential.

        Raises:
            NotFoundError: there is none of that name.
        """
        with self._reading() as connection:
            row = connection.execute(
                select(credentials).where(credentials.c.name == name)
            ).one_or_none()
        if row is None:
            raise NotFoundError(f"there is no credential {name!r}", field="name")
        return _credential(row)

    def list_credentials(self, *, page_size: int = 0, page_token: str = "") -> Page[Credential]:
        """All credentials by name.

        Raises:
            InvalidInputError: the page size or token is wrong.
        """
        with self._reading() as connection:
            return read_page(
                connection,
                select(credentials),
                [Order(column=credentials.c.name)],
                scope=["credentials"],
                page_size=page_size,
                page_token=page_token,
                to_item=_credential,
            )

    def revoke_credential(
        self,
        name: str,
        *,
        revoked_by: str,
        now: datetime,
        allow: Callable[[Credential], None] = lambda _credential: None,
    ) -> Credential:
        """End a credential; one that has ended stays as it ended.

        Args:
            name: which.
            revoked_by: the name on the credential that ends it.
            now: when.
            allow: raises where the caller may not end this one.

        Raises:
            NotFoundError: there is none of that name.
        """
        one = credentials.c.name == name
        with self._writing() as connection:
            row = connection.execute(select(credentials).where(one)).one_or_none()
            if row is None:
                raise NotFoundError(f"there is no credential {name!r}", field="name")
            allow(_credential(row))
            connection.execute(
                update(credentials)
                .where(one, credentials.c.revoked_at.is_(None))
                .values(revoked_at=now, revoked_by=revoked_by)
            )
            return _credential(connection.execute(select(credentials).where(one)).one())


def _credential(row: Row[Any]) -> Credential:
    return Credential(
        name=row.name,
        role=Role(row.role),
        missions=frozenset(row.missions),
        clearance=Marking(row.clearance),
        created_at=row.created_at,
        created_by=row.created_by,
        contributor=row.contributor,
        recipient=row.recipient,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        revoked_by=row.revoked_by,
    )
