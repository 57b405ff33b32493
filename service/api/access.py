"""Credentials, served: made, listed and ended by administrators of their missions."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

from vedette.v1 import access_pb2, access_pb2_grpc

from models.errors import InvalidInputError
from service.access import ADMINISTRATOR, EVERY_MISSION, Credential, Role
from service.access_control import new_token, token_sha256
from service.api import names
from service.api.convert.access import ROLES, credential_message
from service.api.convert.pledge import MARKINGS
from service.api.convert.values import chosen, time_of
from service.api.country_codes import is_country_code
from service.api.interceptor import caller_credential
from service.clock import utc_now
from service.errors import AlreadyExistsError, NotFoundError, PermissionDeniedError
from service.ledger.store import Ledger

_MOST_MISSIONS = 100
_LONGEST_RECIPIENT = 100


class AccessService(access_pb2_grpc.AccessServiceServicer):
    """`vedette.v1.AccessService`."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def CreateCredential(  # noqa: N802 - the contract's name
        self, request: access_pb2.CreateCredentialRequest, context: Any
    ) -> access_pb2.CreateCredentialResponse:
        """Make a credential; its token is told here and never again."""
        del context
        maker = caller_credential()
        made = _asked(request, maker, utc_now())
        _require_within(made, maker)
        token = new_token()
        await asyncio.to_thread(self._ledger.create_credential, made, token_sha256(token))
        return access_pb2.CreateCredentialResponse(credential=credential_message(made), token=token)

    async def ListCredentials(  # noqa: N802 - the contract's name
        self, request: access_pb2.ListCredentialsRequest, context: Any
    ) -> access_pb2.ListCredentialsResponse:
        """The credentials whose missions are all the caller's own, by name."""
        del context
        page = await asyncio.to_thread(
            self._ledger.list_credentials,
            page_size=request.page_size,
            page_token=request.page_token,
        )
        reader = caller_credential()
        return access_pb2.ListCredentialsResponse(
            credentials=[
                credential_message(item) for item in page.items if _administers(reader, item)
            ],
            next_page_token=page.next_page_token,
        )

    async def RevokeCredential(  # noqa: N802 - the contract's name
        self, request: access_pb2.RevokeCredentialRequest, context: Any
    ) -> access_pb2.Credential:
        """End a credential."""
        del context
        (name,) = names.parse(request.name, "credentials/*", "name")
        reader = caller_credential()
        if name == ADMINISTRATOR:
            raise PermissionDeniedError(
                "the token of the first start is ended where it lies: remove its file "
                "administrator.token in the identity folder and start the service again",
                field="name",
            )

        def allow(found: Credential) -> None:
            if not _administers(reader, found):
                raise NotFoundError(f"there is no credential {name!r}", field="name")

        ended = await asyncio.to_thread(
            self._ledger.revoke_credential,
            name,
            revoked_by=reader.name,
            now=utc_now(),
            allow=allow,
        )
        return credential_message(ended)

    async def GetCaller(  # noqa: N802 - the contract's name
        self, request: access_pb2.GetCallerRequest, context: Any
    ) -> access_pb2.Credential:
        """Whom the service takes the caller for."""
        del request, context
        return credential_message(caller_credential())


def _administers(reader: Credential, other: Credential) -> bool:
    return reader.covers_all or other.missions <= reader.missions


def _require_within(made: Credential, maker: Credential) -> None:
    """Nobody gives what is not theirs.

    Raises:
        PermissionDeniedError: a mission or a marking is beyond the maker's own.
    """
    if not _administers(maker, made):
        raise PermissionDeniedError(
            f"the credential {maker.name!r} administers {_listed(maker.missions)} only",
            field="credential.missions",
        )
    if made.clearance not in maker.sight.markings:
        raise PermissionDeniedError(
            f"the credential {maker.name!r} is cleared up to {maker.clearance} itself",
            field="credential.clearance",
        )


def _asked(
    request: access_pb2.CreateCredentialRequest, maker: Credential, now: datetime
) -> Credential:
    asked = request.credential
    name = names.identifier(request.credential_id, "credential_id")
    if name == ADMINISTRATOR:
        raise AlreadyExistsError(f"{name!r} is the first token's own", field="credential_id")
    role = chosen(ROLES, asked.role, "credential.role")
    contributor, recipient = asked.contributor or None, asked.recipient.strip() or None
    if (contributor is not None) != (role is Role.CONTRIBUTOR) or (
        contributor is not None and not is_country_code(contributor)
    ):
        raise InvalidInputError(
            "a contributor, and nobody else, has the ISO 3166-1 alpha-3 code of its state, such "
            "as SWE",
            field="credential.contributor",
        )
    if (recipient is not None) != (role is Role.LIAISON) or (
        recipient is not None
        and (len(recipient) > _LONGEST_RECIPIENT or not recipient.isprintable())
    ):
        raise InvalidInputError(
            "a liaison, and nobody else, has a recipient: to whom the incidents it reads are "
            "released",
            field="credential.recipient",
        )
    expires_at = None
    if asked.HasField("expire_time"):
        expires_at = time_of(asked.expire_time, "credential.expire_time")
        if expires_at <= now:
            raise InvalidInputError("is over already", field="credential.expire_time")
    return Credential(
        name=name,
        role=role,
        missions=_missions(asked),
        clearance=chosen(MARKINGS, asked.clearance, "credential.clearance"),
        created_at=now,
        created_by=maker.name,
        contributor=contributor,
        recipient=recipient,
        expires_at=expires_at,
    )


def _missions(asked: access_pb2.Credential) -> frozenset[str]:
    field = "credential.missions"
    if not 1 <= len(asked.missions) <= _MOST_MISSIONS:
        raise InvalidInputError(f"name 1 to {_MOST_MISSIONS} missions", field=field)
    if f"missions/{EVERY_MISSION}" in asked.missions:
        if len(asked.missions) > 1:
            raise InvalidInputError("missions/- stands for all: name no other", field=field)
        return frozenset({EVERY_MISSION})
    return frozenset(names.mission(mission, field) for mission in asked.missions)


def _listed(missions: frozenset[str]) -> str:
    return ", ".join(sorted(missions))
