"""What is told of a call: its mission, what it is about, and what was asked."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

from google.protobuf.json_format import MessageToDict

from service.access import Credential
from service.api.permissions import Permission
from service.audit_chain import INSTALLATION, canonical
from service.ledger.audit_entries import AuditNote

LONGEST_DETAIL = 4096
"""Characters of a request that are kept; of a longer one its hash tells which it was."""
_LONGEST_SUBJECT = 300


def mission_of(request: Any, permission: Permission) -> str:
    """The mission that a request is about; empty where it names none, or names it wrongly."""
    name = _field(request, permission.scope)
    parts = name.split("/")
    return parts[1] if len(parts) > 1 and parts[0] == "missions" else ""


def note_of(
    request: Any, credential: Credential, permission: Permission, action: str, at: datetime
) -> AuditNote:
    """What is to be told of a call, not yet written.

    Where the mission is none of the caller's, its chain is that of the installation: nobody fills
    the chains of missions that do not exist.
    """
    mission_id = mission_of(request, permission)
    is_own = bool(mission_id) and credential.covers(mission_id)
    return AuditNote(
        chain=f"missions/{mission_id}" if is_own else INSTALLATION,
        at=at,
        actor=credential.name,
        role=credential.role.value,
        action=action,
        subject=_field(request, permission.subject or permission.scope)[:_LONGEST_SUBJECT],
        detail=_detail(request),
    )


def _field(request: Any, path: str) -> str:
    value = request
    for part in path.split(".") if path else ():
        value = getattr(value, part, "")
    return value if isinstance(value, str) else ""


def _detail(request: Any) -> str:
    """The request as canonical JSON; requests hold no secrets, answers do."""
    if request is None:
        return "{}"
    text = canonical(MessageToDict(request, preserving_proto_field_name=True))
    if len(text) <= LONGEST_DETAIL:
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()
    return canonical({"characters": len(text), "sha256": digest})
