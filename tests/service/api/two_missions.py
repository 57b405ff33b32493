"""Every servicer over a ledger with two missions, and a request for every method."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from vedette.v1 import (
    access_pb2,
    audit_pb2,
    detection_pb2,
    imagery_pb2,
    incident_pb2,
    model_pb2,
    negative_pb2,
    pledge_pb2,
    position_pb2,
    product_pb2,
    rule_pb2,
)

from pipelines.threats.incidents.decisions import ReasonCode, Verdict
from service.ledger.hard_negatives import keep_negative
from service.ledger.records import (
    CutChip,
    Decision,
    IncidentRecord,
    ProductRecord,
)
from service.ledger.store import Ledger

POST = position_pb2.GetPositionRequest(name="missions/unmiss/positions/post-1")
REQUEST_ID = str(uuid.UUID(int=0))
MODULES = (
    access_pb2,
    audit_pb2,
    detection_pb2,
    imagery_pb2,
    incident_pb2,
    model_pb2,
    negative_pb2,
    pledge_pb2,
    position_pb2,
    product_pb2,
    rule_pb2,
)
METHODS = {
    f"{service.name}.{method.name}": (module, method)
    for module in MODULES
    for service in module.DESCRIPTOR.services_by_name.values()
    for method in service.methods
}


@dataclass(frozen=True, kw_only=True)
class House:
    """Every servicer over one ledger, where mission "unmiss" has one of everything."""

    services: dict[str, Any]
    imagery_id: str
    incident_id: str

    async def answers(self, method: str, request: Message) -> list[Any]:
        """All messages that a method answers; a stream of requests is one of them."""
        service, _, name = method.partition(".")
        behaviour = getattr(self.services[service], name)

        async def stream() -> AsyncIterator[Message]:
            yield request

        _, descriptor = METHODS[method]
        answer = behaviour(stream() if descriptor.client_streaming else request, None)
        if descriptor.server_streaming:
            return [each async for each in answer]
        return [await answer]

    def requests(self, mission: str) -> dict[str, Message]:
        """A request of every method by the names that its things would have in a mission."""
        parent = f"missions/{mission}"
        imagery = f"{parent}/imagery/{self.imagery_id}"
        incident = f"{parent}/incidents/{self.incident_id}"
        return {
            "AccessService.CreateCredential": access_pb2.CreateCredentialRequest(
                credential_id="lt-berg",
                credential=access_pb2.Credential(
                    role=access_pb2.ROLE_ANALYST,
                    missions=[parent],
                    clearance=pledge_pb2.MARKING_UNCLASSIFIED,
                ),
            ),
            "AccessService.ListCredentials": access_pb2.ListCredentialsRequest(),
            "AccessService.RevokeCredential": access_pb2.RevokeCredentialRequest(
                name="credentials/lt-berg"
            ),
            "AccessService.GetCaller": access_pb2.GetCallerRequest(),
            "AuditService.ListAuditChains": audit_pb2.ListAuditChainsRequest(),
            "AuditService.ListAuditEntries": audit_pb2.ListAuditEntriesRequest(parent=parent),
            "HardNegativeService.ListHardNegatives": negative_pb2.ListHardNegativesRequest(
                parent=parent
            ),
            "HardNegativeService.GetHardNegative": negative_pb2.GetHardNegativeRequest(
                name=f"{parent}/negatives/{self.incident_id}"
            ),
            "DetectionService.ListDetections": detection_pb2.ListDetectionsRequest(parent=parent),
            "ImageryService.SubmitImagery": imagery_pb2.SubmitImageryRequest(
                header=imagery_pb2.SubmissionHeader(
                    pledge=f"{parent}/pledges/nor-uas-1",
                    sortie="s",
                    file_name="a.jpg",
                    size_bytes=1001,
                    sha256="0" * 64,
                    request_id=str(uuid.UUID(int=9)),
                )
            ),
            "ImageryService.GetSubmission": imagery_pb2.GetSubmissionRequest(
                parent=parent, request_id=REQUEST_ID
            ),
            "ImageryService.GetImagery": imagery_pb2.GetImageryRequest(name=imagery),
            "ImageryService.ListImagery": imagery_pb2.ListImageryRequest(parent=parent),
            "ImageryService.WatchImagery": imagery_pb2.WatchImageryRequest(name=imagery),
            "IncidentService.GetIncident": incident_pb2.GetIncidentRequest(name=incident),
            "IncidentService.ListIncidents": incident_pb2.ListIncidentsRequest(parent=parent),
            "IncidentService.SubscribeIncidents": incident_pb2.SubscribeIncidentsRequest(
                parent=parent, replay_only=True
            ),
            "IncidentService.DecideIncident": incident_pb2.DecideIncidentRequest(
                name=incident, verdict=incident_pb2.VERDICT_CONFIRMED, revision=1
            ),
            "IncidentService.ReleaseIncident": incident_pb2.ReleaseIncidentRequest(
                name=incident, recipient="host state", reason="near", revision=1
            ),
            "IncidentService.GetIncidentChip": incident_pb2.GetIncidentChipRequest(name=incident),
            "IncidentService.ListSuppressions": incident_pb2.ListSuppressionsRequest(parent=parent),
            "ModelService.ListModels": model_pb2.ListModelsRequest(),
            "ModelService.GetModel": model_pb2.GetModelRequest(name="models/vedette-n"),
            "ModelService.ActivateModel": model_pb2.ActivateModelRequest(name="models/vedette-n"),
            "ModelService.RollbackModel": model_pb2.RollbackModelRequest(),
            "ModelService.GetModelsInForce": model_pb2.GetModelsInForceRequest(),
            "ModelService.ListModelChanges": model_pb2.ListModelChangesRequest(),
            "ModelService.CompareModels": model_pb2.CompareModelsRequest(parent=parent),
            "PledgeService.CreatePledge": pledge_pb2.CreatePledgeRequest(
                parent=parent,
                pledge_id="other",
                pledge=pledge_pb2.Pledge(
                    contributor="SWE", marking=pledge_pb2.MARKING_UNCLASSIFIED
                ),
            ),
            "PledgeService.MovePledge": pledge_pb2.MovePledgeRequest(
                name=f"{parent}/pledges/nor-uas-1",
                state=pledge_pb2.PLEDGE_STATE_REGISTERED,
                reason="papers are in",
                revision=1,
            ),
            "PledgeService.ListPledgeMoves": pledge_pb2.ListPledgeMovesRequest(
                parent=f"{parent}/pledges/nor-uas-1"
            ),
            "PledgeService.RecordRefusal": pledge_pb2.RecordRefusalRequest(
                parent=f"{parent}/pledges/nor-uas-1",
                refusal=pledge_pb2.Refusal(
                    refused_by="host state",
                    reason="no overflight",
                    planned_time=Timestamp(seconds=1_700_000_000),
                ),
                request_id=str(uuid.UUID(int=8)),
            ),
            "PledgeService.AccountForPledges": pledge_pb2.AccountForPledgesRequest(
                parent=parent,
                start_time=Timestamp(seconds=1_767_225_600),
                end_time=Timestamp(seconds=4_102_444_800),
            ),
            "PledgeService.GetPledge": pledge_pb2.GetPledgeRequest(
                name=f"{parent}/pledges/nor-uas-1"
            ),
            "PledgeService.ListPledges": pledge_pb2.ListPledgesRequest(parent=parent),
            "PositionService.CreatePosition": position_pb2.CreatePositionRequest(
                parent=parent,
                position_id="other",
                position=position_pb2.Position(
                    kind=position_pb2.POSITION_KIND_POST, latitude_deg=4.0, longitude_deg=30.0
                ),
            ),
            "PositionService.GetPosition": position_pb2.GetPositionRequest(
                name=f"{parent}/positions/post-1"
            ),
            "PositionService.ListPositions": position_pb2.ListPositionsRequest(parent=parent),
            "PositionService.DeletePosition": position_pb2.DeletePositionRequest(
                name=f"{parent}/positions/post-1"
            ),
            "PositionService.UpdatePosition": position_pb2.UpdatePositionRequest(
                position=position_pb2.Position(
                    name=f"{parent}/positions/post-1",
                    kind=position_pb2.POSITION_KIND_POST,
                    latitude_deg=4.0,
                    longitude_deg=30.0,
                )
            ),
            "PositionService.StreamPatrol": position_pb2.StreamPatrolRequest(
                patrol=f"{parent}/positions/patrol-1", sequence=1
            ),
            "PositionService.ImportPositions": position_pb2.ImportPositionsRequest(
                header=position_pb2.ImportHeader(parent=parent)
            ),
            "ProductService.ListProducts": product_pb2.ListProductsRequest(parent=imagery),
            "ProductService.GetProduct": product_pb2.GetProductRequest(
                name=f"{imagery}/products/geojson"
            ),
            "ProductService.DownloadProduct": product_pb2.DownloadProductRequest(
                name=f"{imagery}/products/geojson"
            ),
            "RuleService.ListRules": rule_pb2.ListRulesRequest(parent=parent),
            "RuleService.SetRule": rule_pb2.SetRuleRequest(
                rule=rule_pb2.Rule(
                    name=f"{parent}/rules/near",
                    categories=["car"],
                    position_kinds=[position_pb2.POSITION_KIND_POST],
                    radius_m=100,
                    min_confidence=0.3,
                    possible_probability=0.2,
                    alert_probability=0.8,
                )
            ),
            "RuleService.GetRule": rule_pb2.GetRuleRequest(name=f"{parent}/rules/mine"),
            "RuleService.DeleteRule": rule_pb2.DeleteRuleRequest(name=f"{parent}/rules/mine"),
            "RuleService.ListRuleRevisions": rule_pb2.ListRuleRevisionsRequest(
                name=f"{parent}/rules/mine"
            ),
            "RuleService.PreviewRule": rule_pb2.PreviewRuleRequest(
                parent=parent,
                rule=rule_pb2.Rule(
                    name=f"{parent}/rules/near",
                    categories=["car"],
                    radius_m=100,
                    possible_probability=0.2,
                    alert_probability=0.8,
                    hours=rule_pb2.RuleHours(start="18:00", end="06:00"),
                ),
                since=Timestamp(seconds=1_700_000_000),
                until=Timestamp(seconds=1_700_086_400),
            ),
        }


# Methods that list, and so answer with nothing; those that make something in the mission named.
LISTS = {
    "DetectionService.ListDetections",
    "HardNegativeService.ListHardNegatives",
    "IncidentService.ListSuppressions",
    "PledgeService.AccountForPledges",
    "ImageryService.ListImagery",
    "IncidentService.ListIncidents",
    "IncidentService.SubscribeIncidents",
    "PledgeService.ListPledges",
    "PositionService.ListPositions",
    "RuleService.ListRules",
}
MAKES = {
    "PledgeService.CreatePledge",
    "PositionService.CreatePosition",
    "PositionService.ImportPositions",
    "RuleService.SetRule",
}


# What mission "unmiss" has none of, and what belongs to no mission.
EMPTY = {
    "IncidentService.ListSuppressions",
    "PledgeService.ListPledgeMoves",
    "PositionService.DeletePosition",
    "RuleService.DeleteRule",
}
OF_NO_MISSION = ("AccessService.", "AuditService.", "ModelService.")


def put_negative(
    ledger: Ledger, record: IncidentRecord, stored: ProductRecord, now: datetime
) -> None:
    """A hard negative with its chip, as a dismissal and a worker would leave it."""
    dismissed = Decision(
        verdict=Verdict.DISMISSED,
        reason="",
        decided_by="tester",
        decided_at=now,
        reason_code=ReasonCode.VEGETATION,
    )
    with ledger._writing() as connection:
        keep_negative(connection, replace(record, decision=dismissed))
    uncut = ledger.next_uncut()
    assert uncut is not None
    chip = CutChip(
        left_px=0,
        top_px=0,
        width_px=64,
        height_px=64,
        object_key=stored.object_key,
        size_bytes=stored.size_bytes,
        sha256=stored.sha256,
    )
    ledger.note_chip(uncut, chip)
