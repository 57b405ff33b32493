"""Who calls, where servicers are called without the door before them; and a whole station."""

from __future__ import annotations

import asyncio
import hashlib
import io
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from PIL import Image
from vedette.v1 import (
    access_pb2,
    access_pb2_grpc,
    audit_pb2,
    audit_pb2_grpc,
    detection_pb2,
    detection_pb2_grpc,
    imagery_pb2,
    imagery_pb2_grpc,
    incident_pb2,
    incident_pb2_grpc,
    pledge_pb2,
    pledge_pb2_grpc,
    position_pb2,
    position_pb2_grpc,
    product_pb2,
    product_pb2_grpc,
    rule_pb2,
    rule_pb2_grpc,
)

from models.detections import Detections
from pipelines.assessment import Assessment, ProductKind, ShadowLook
from pipelines.outcome import Finding, Severity
from pipelines.threats.positions.position import Position, PositionKind
from pipelines.threats.rules.rule import DEFAULT_RULE
from service.access import EVERY_MISSION, EVERYTHING, Credential, Role
from service.access_control import AccessControl
from service.api.access import AccessService
from service.api.audit import AuditService
from service.api.detection import DetectionService
from service.api.hard_negative import HardNegativeService
from service.api.imagery import ImageryService
from service.api.incident import IncidentService
from service.api.interceptor import _CALLER, CallGuard
from service.api.model import ModelService
from service.api.pledge import PledgeService
from service.api.position import PositionService
from service.api.product import ProductService
from service.api.rule import RuleService
from service.audit_chain import ChainCheck
from service.audit_heads import AuditHeads
from service.events import ChangeHub
from service.identity import ensure_identity
from service.ingest import Ingest, IngestLimits
from service.ledger.records import ImageryRecord, Marking, PledgeRecord, ProductRecord
from service.ledger.store import Ledger
from service.objects import ObjectStore, original_key
from service.remote_error import remote_error
from service.spool import Spool
from tests.service.api.two_missions import REQUEST_ID, House, put_negative

HOME = "missions/unmiss"
TESTER = Credential(
    name="tester",
    role=Role.ADMINISTRATOR,
    missions=frozenset({EVERY_MISSION}),
    clearance=EVERYTHING.clearance,
    created_at=datetime(2026, 1, 1, tzinfo=UTC),
    created_by="",
)


@pytest.fixture(autouse=True)
def tester() -> Iterator[Credential]:
    """An administrator of everything, who calls unless a test says otherwise."""
    token = _CALLER.set(TESTER)
    yield TESTER
    _CALLER.reset(token)


SERVICES = {
    "AccessService": (access_pb2, access_pb2_grpc),
    "AuditService": (audit_pb2, audit_pb2_grpc),
    "DetectionService": (detection_pb2, detection_pb2_grpc),
    "ImageryService": (imagery_pb2, imagery_pb2_grpc),
    "IncidentService": (incident_pb2, incident_pb2_grpc),
    "PledgeService": (pledge_pb2, pledge_pb2_grpc),
    "PositionService": (position_pb2, position_pb2_grpc),
    "ProductService": (product_pb2, product_pb2_grpc),
    "RuleService": (rule_pb2, rule_pb2_grpc),
}


@dataclass(frozen=True, kw_only=True)
class Station:
    """A mission with a Norwegian and a Swedish pledge, one imagery and incident of each."""

    ledger: Ledger
    channel: Any
    first_token: str
    incidents: dict[str, str]

    async def call(self, token: str, rpc: str, **fields: Any) -> Any:
        """The answer of a unary call, or the list of those of a stream."""
        service, _, name = rpc.partition(".")
        messages, stubs = SERVICES[service]
        method = messages.DESCRIPTOR.services_by_name[service].methods_by_name[name]
        request = getattr(messages, method.input_type.name)(**fields)
        stub = getattr(getattr(stubs, f"{service}Stub")(self.channel), name)
        metadata = (("authorization", f"Bearer {token}"),)
        try:
            if method.server_streaming:
                return [each async for each in stub(request, metadata=metadata, timeout=20)]
            if method.client_streaming:
                return await stub(iter([request]), metadata=metadata, timeout=20)
            return await stub(request, metadata=metadata, timeout=20)
        except grpc.aio.AioRpcError as error:
            raise remote_error(error, "here") from None

    async def credential(self, name: str, role: str, clearance: str, **fields: Any) -> str:
        """A new credential's token."""
        values: dict[str, Any] = {
            "role": access_pb2.Role.Value(f"ROLE_{role.upper()}"),
            "clearance": pledge_pb2.Marking.Value(f"MARKING_{clearance}"),
            "missions": [HOME],
        }
        made = await self.call(
            self.first_token,
            "AccessService.CreateCredential",
            credential_id=name,
            credential=access_pb2.Credential(**values | fields),
        )
        return str(made.token)

    def chain(self, name: str = HOME) -> list[tuple[str, str, str, str]]:
        """Who did what about what with which outcome; the chain is verified on the way."""
        check = ChainCheck(chain=name)
        told = []
        while entries := self.ledger.audit_entries(name, after=check.head.sequence):
            for entry in entries:
                check.add(entry)
                told.append((entry.actor, entry.action, entry.subject, entry.outcome))
        return told


@pytest.fixture
async def station(
    sqlite_ledger: Ledger,
    objects: ObjectStore,
    pledge: PledgeRecord,
    make_imagery: Callable[..., ImageryRecord],
    make_assessment: Callable[..., Assessment],
    now: datetime,
    tmp_path: Path,
) -> AsyncIterator[Station]:
    ledger = sqlite_ledger
    swedish = replace(
        pledge, pledge_id="swe-uas-1", contributor="SWE", marking=Marking.CONFIDENTIAL
    )
    post = Position(
        position_id="post-1",
        display_name="Post One",
        kind=PositionKind.POST,
        latitude_deg=4.0,
        longitude_deg=30.0,
    )
    ledger.create_position("unmiss", post, now)
    incidents = {}
    for number, each in enumerate((pledge, swedish)):
        ledger.create_pledge(each)
        image = replace(make_imagery(number, marking=each.marking.value), pledge_id=each.pledge_id)
        ledger.accept_imagery(image, str(uuid.UUID(int=number)), image.received_at)
        lease = ledger.lease_job("w", now + timedelta(minutes=1), 30)
        assert lease is not None
        assert lease.imagery_id == image.imagery_id
        products = [
            stored(objects, image, kind)
            for kind in (ProductKind.ANNOTATED_IMAGE, ProductKind.OVERLAY, ProductKind.EVIDENCE)
        ]
        # 55 km apart, and so two things.
        found = make_assessment((4.0 + number / 2, 30.0))
        told = Finding(code="PARTLY_UNSEARCHED", severity=Severity.NOTE, message="12 %")
        found = replace(
            found, capture=replace(found.capture, findings=(*found.capture.findings, told))
        )
        (event,) = ledger.finish_job(lease, found, products, now=now)
        incidents[each.contributor] = f"{HOME}/incidents/{event.record.incident.incident_id}"
    hub = ChangeHub(ledger.change_token)
    ingest = Ingest(ledger, objects, Spool(tmp_path / "spool"), IngestLimits())
    identity = ensure_identity(tmp_path / "identity", "127.0.0.1", datetime.now(UTC))
    heads = AuditHeads(tmp_path / "identity" / "audit-heads.json")
    ledger.note_heads_in(heads)
    guard = CallGuard(AccessControl(identity, ledger, now))
    server = grpc.aio.server(interceptors=(guard,))
    access_pb2_grpc.add_AccessServiceServicer_to_server(AccessService(ledger), server)
    audit_pb2_grpc.add_AuditServiceServicer_to_server(AuditService(ledger, heads), server)
    detection_pb2_grpc.add_DetectionServiceServicer_to_server(DetectionService(ledger), server)
    imagery_pb2_grpc.add_ImageryServiceServicer_to_server(
        ImageryService(ledger, ingest, hub), server
    )
    incident_pb2_grpc.add_IncidentServiceServicer_to_server(
        IncidentService(ledger, objects, hub), server
    )
    pledge_pb2_grpc.add_PledgeServiceServicer_to_server(PledgeService(ledger), server)
    position_pb2_grpc.add_PositionServiceServicer_to_server(PositionService(ledger), server)
    product_pb2_grpc.add_ProductServiceServicer_to_server(ProductService(ledger, objects), server)
    rule_pb2_grpc.add_RuleServiceServicer_to_server(RuleService(ledger), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    waking = asyncio.create_task(hub.run())
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield Station(
            ledger=ledger,
            channel=channel,
            first_token=identity.token_file.read_text().strip(),
            incidents=incidents,
        )
    hub.close()
    waking.cancel()
    await server.stop(0)
    ingest.close()


def stored(objects: ObjectStore, image: ImageryRecord, kind: ProductKind) -> ProductRecord:
    data = f"{image.imagery_id} {kind}".encode()
    sha256 = hashlib.sha256(data).hexdigest()
    key = f"missions/unmiss/imagery/{image.imagery_id}/{kind.value}/{sha256}"
    objects.put_verified(key, data, sha256=sha256, content_type="text/plain")
    return ProductRecord(
        mission_id="unmiss",
        imagery_id=image.imagery_id,
        kind=kind,
        media_type="text/plain",
        file_name=kind.value,
        object_key=key,
        size_bytes=len(data),
        sha256=sha256,
        created_at=image.received_at,
        marking=image.marking,
    )


@pytest.fixture
def house(
    sqlite_ledger: Ledger,
    objects: ObjectStore,
    pledge: PledgeRecord,
    make_imagery: Callable[..., ImageryRecord],
    make_assessment: Callable[..., Assessment],
    now: datetime,
    tmp_path: Path,
) -> Iterator[House]:
    ledger = sqlite_ledger
    ledger.create_pledge(pledge)
    post = Position(
        position_id="post-1",
        display_name="Post 1",
        kind=PositionKind.POST,
        latitude_deg=4.0,
        longitude_deg=30.0,
    )
    ledger.create_position("unmiss", post, now)
    patrol = replace(post, position_id="patrol-1", kind=PositionKind.PATROL, sigma_m=50.0)
    ledger.create_position("unmiss", patrol, now)
    ledger.set_rule("unmiss", replace(DEFAULT_RULE, rule_id="mine"), now)
    out = io.BytesIO()
    Image.new("RGB", (64, 64)).save(out, "PNG")
    data, sha256 = out.getvalue(), hashlib.sha256(out.getvalue()).hexdigest()
    objects.put_verified(
        original_key("unmiss", sha256), data, sha256=sha256, content_type="image/png"
    )
    image = replace(make_imagery(0), sha256=sha256, size_bytes=len(data))
    record, _ = ledger.accept_imagery(image, REQUEST_ID, now)
    lease = ledger.lease_job("w", now, 60)
    assert lease is not None
    product = stored(objects, record, ProductKind.GEOJSON)
    assessment = make_assessment((4.001, 30.001))
    shadow = ShadowLook(
        detector=assessment.detector, detections=Detections.empty(), categories=(), agreement={}
    )
    (event,) = ledger.finish_job(lease, replace(assessment, shadow=shadow), [product], now=now)
    put_negative(ledger, event.record, product, now)
    ingest = Ingest(ledger, objects, Spool(tmp_path / "spool"), IngestLimits())
    hub = ChangeHub(ledger.change_token)
    yield House(
        services={
            "AccessService": AccessService(ledger),
            "AuditService": AuditService(ledger, AuditHeads(tmp_path / "audit-heads.json")),
            "DetectionService": DetectionService(ledger),
            "HardNegativeService": HardNegativeService(ledger, objects),
            "ImageryService": ImageryService(ledger, ingest, hub),
            "IncidentService": IncidentService(ledger, objects, hub),
            "ModelService": ModelService(ledger, tmp_path / "models", "vedette-n", lambda: ""),
            "PledgeService": PledgeService(ledger),
            "PositionService": PositionService(ledger),
            "ProductService": ProductService(ledger, objects),
            "RuleService": RuleService(ledger),
        },
        imagery_id=record.imagery_id,
        incident_id=event.record.incident.incident_id,
    )
    ingest.close()
