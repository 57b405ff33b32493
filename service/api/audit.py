"""The audit, served to administrators of the missions it tells of."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from vedette.v1 import audit_pb2, audit_pb2_grpc

from service.access import Credential
from service.api import names
from service.api.interceptor import caller_credential
from service.audit_chain import INSTALLATION, AuditEntry, AuditHead
from service.audit_heads import AuditHeads, NotedChain
from service.errors import NotFoundError
from service.ledger.store import Ledger

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class AuditService(audit_pb2_grpc.AuditServiceServicer):
    """`vedette.v1.AuditService`."""

    def __init__(self, ledger: Ledger, heads: AuditHeads) -> None:
        self._ledger = ledger
        self._heads = heads

    async def ListAuditChains(  # noqa: N802 - the contract's name
        self, request: audit_pb2.ListAuditChainsRequest, context: Any
    ) -> audit_pb2.ListAuditChainsResponse:
        """The chains the caller may read, and where they end."""
        del request, context
        # Noted first: what is appended between the two is in the ledger and not yet noted.
        noted, reader = self._heads.chains, caller_credential()
        known = await asyncio.to_thread(self._ledger.audit_heads)
        empty, nothing = AuditHead(), NotedChain()
        return audit_pb2.ListAuditChainsResponse(
            chains=[
                audit_pb2.AuditHead(
                    chain=chain,
                    sequence=known.get(chain, empty).sequence,
                    hash=known.get(chain, empty).hash,
                    noted_sequence=noted.get(chain, nothing).head.sequence,
                    noted_hash=noted.get(chain, nothing).head.hash,
                    lost=[
                        audit_pb2.AuditAnchor(sequence=each.sequence, hash=each.hash)
                        for each in noted.get(chain, nothing).lost
                    ],
                )
                for chain in sorted({*known, *noted})
                if _may_read(reader, chain)
            ]
        )

    async def ListAuditEntries(  # noqa: N802 - the contract's name
        self, request: audit_pb2.ListAuditEntriesRequest, context: Any
    ) -> audit_pb2.ListAuditEntriesResponse:
        """Entries of a chain in their order."""
        del context
        chain = request.parent
        if chain != INSTALLATION:
            names.mission(chain)
        if not _may_read(caller_credential(), chain):
            raise NotFoundError(
                f"the credential {caller_credential().name!r} administers no {chain!r}",
                field="parent",
            )
        entries = await asyncio.to_thread(
            self._ledger.audit_entries, chain, after=request.after, page_size=request.page_size
        )
        return audit_pb2.ListAuditEntriesResponse(entries=[_message(entry) for entry in entries])


def _may_read(reader: Credential, chain: str) -> bool:
    if chain == INSTALLATION:
        return reader.covers_all
    return reader.covers(chain.removeprefix("missions/"))


def _message(entry: AuditEntry) -> audit_pb2.AuditEntry:
    time = Timestamp()
    time.FromDatetime(_EPOCH + timedelta(microseconds=entry.time_us))
    return audit_pb2.AuditEntry(
        chain=entry.chain,
        sequence=entry.sequence,
        time=time,
        actor=entry.actor,
        role=entry.role,
        action=entry.action,
        subject=entry.subject,
        outcome=entry.outcome,
        detail=entry.detail,
        previous=entry.previous,
        hash=entry.hash,
    )
