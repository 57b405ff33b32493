"""Credentials as messages."""

from __future__ import annotations

from vedette.v1 import access_pb2

from service.access import Credential, Role
from service.api.convert.pledge import MARKINGS
from service.api.convert.values import numbers, timestamp

ROLES = numbers(access_pb2.Role, "ROLE", Role)


def credential_message(credential: Credential) -> access_pb2.Credential:
    """A credential, without anything of its token."""
    return access_pb2.Credential(
        name=f"credentials/{credential.name}",
        role=ROLES[credential.role],
        missions=[f"missions/{mission}" for mission in sorted(credential.missions)],
        clearance=MARKINGS[credential.clearance],
        contributor=credential.contributor or "",
        recipient=credential.recipient or "",
        create_time=timestamp(credential.created_at),
        created_by=credential.created_by,
        expire_time=timestamp(credential.expires_at),
        revoke_time=timestamp(credential.revoked_at),
        revoked_by=credential.revoked_by,
    )
