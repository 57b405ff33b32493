"""Who may call what: one row for every RPC of the contract.

`tests/service/api/test_permissions.py` fails when an RPC has no row. One that has none all the same
is for administrators.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from service.access import Role

ADMINISTRATORS = frozenset({Role.ADMINISTRATOR})
OPERATORS = frozenset({Role.OPERATOR, Role.ADMINISTRATOR})
ANALYSTS = frozenset({Role.ANALYST, Role.OPERATOR, Role.ADMINISTRATOR})
CONTRIBUTORS = ANALYSTS | {Role.CONTRIBUTOR}
LIAISONS = ANALYSTS | {Role.LIAISON}
EVERYBODY = frozenset(Role)


@dataclass(frozen=True, kw_only=True, slots=True)
class Permission:
    """What one RPC demands.

    Attributes:
        roles: those that may call it.
        scope: the field of the request that names the mission, with dots; empty where the call is
            about none.
        subject: the field that says what it is about, for the audit; `scope` where it is empty.
        audited: whether it is written down. What changes something always is.
        changes: whether it changes something: then it is written down in the same transaction.
        counted: whether reads of an hour are written down together, see `service.read_book`.
        continues: the field that a request for a further page of one answer has set; where there is
            one, only such requests are counted.
    """

    roles: frozenset[Role]
    scope: str
    subject: str = ""
    audited: bool = True
    changes: bool = False
    counted: bool = False
    continues: str = ""


def _reads(roles: frozenset[Role], scope: str = "parent", *, audited: bool = True) -> Permission:
    return Permission(roles=roles, scope=scope, audited=audited)


def _polled(roles: frozenset[Role], scope: str = "parent") -> Permission:
    """Reads that are repeated, and tell of no incident, chip or product."""
    return Permission(roles=roles, scope=scope, counted=True)


def _changes(roles: frozenset[Role], scope: str = "name", subject: str = "") -> Permission:
    return Permission(roles=roles, scope=scope, subject=subject, changes=True)


UNLISTED = _changes(ADMINISTRATORS, "")
"""What holds for an RPC without a row."""

PERMISSIONS: Mapping[str, Permission] = MappingProxyType(
    {
        "AccessService.CreateCredential": _changes(ADMINISTRATORS, "", "credential_id"),
        "AccessService.ListCredentials": _reads(ADMINISTRATORS, ""),
        "AccessService.RevokeCredential": _changes(ADMINISTRATORS, "", "name"),
        "AccessService.GetCaller": _reads(EVERYBODY, "", audited=False),
        "AuditService.ListAuditChains": _reads(ADMINISTRATORS, "", audited=False),
        # The chain of the installation is no mission: the servicer looks at the parent.
        "AuditService.ListAuditEntries": Permission(
            roles=ADMINISTRATORS, scope="", subject="parent", counted=True, continues="after"
        ),
        # A contributor sees that of its own imagery alone.
        "DetectionService.ListDetections": _polled(CONTRIBUTORS),
        "HardNegativeService.ListHardNegatives": _reads(ANALYSTS),
        "HardNegativeService.GetHardNegative": _reads(ANALYSTS, "name"),
        "ImageryService.SubmitImagery": _changes(CONTRIBUTORS, "header.pledge"),
        "ImageryService.GetSubmission": _reads(CONTRIBUTORS, audited=False),
        "ImageryService.GetImagery": _polled(CONTRIBUTORS, "name"),
        "ImageryService.ListImagery": _polled(CONTRIBUTORS),
        "ImageryService.WatchImagery": _polled(CONTRIBUTORS, "name"),
        "IncidentService.GetIncident": _reads(LIAISONS, "name"),
        "IncidentService.GetIncidentChip": _reads(LIAISONS, "name"),
        "IncidentService.ListIncidents": _reads(LIAISONS),
        "IncidentService.SubscribeIncidents": _reads(LIAISONS),
        "IncidentService.DecideIncident": _changes(OPERATORS),
        "IncidentService.ReleaseIncident": _changes(OPERATORS),
        "IncidentService.ListSuppressions": _polled(ANALYSTS),
        "ModelService.ListModels": _reads(ANALYSTS, "", audited=False),
        "ModelService.GetModel": Permission(
            roles=ANALYSTS, scope="", subject="name", audited=False
        ),
        "ModelService.GetModelsInForce": _reads(ANALYSTS, "", audited=False),
        "ModelService.ListModelChanges": _reads(ANALYSTS, "", audited=False),
        "ModelService.CompareModels": _reads(ANALYSTS),
        # Models look at the imagery of every mission: the servicer asks for one who has them all.
        "ModelService.ActivateModel": _changes(ADMINISTRATORS, "", "name"),
        "ModelService.RollbackModel": _changes(ADMINISTRATORS, ""),
        "PledgeService.CreatePledge": _changes(OPERATORS, "parent"),
        "PledgeService.GetPledge": _polled(CONTRIBUTORS, "name"),
        "PledgeService.ListPledges": _polled(CONTRIBUTORS),
        "PledgeService.MovePledge": _changes(OPERATORS),
        "PledgeService.ListPledgeMoves": _polled(CONTRIBUTORS),
        "PledgeService.RecordRefusal": _changes(CONTRIBUTORS, "parent"),
        "PledgeService.AccountForPledges": _reads(ANALYSTS),
        "PositionService.CreatePosition": _changes(OPERATORS, "parent"),
        "PositionService.GetPosition": _polled(ANALYSTS, "name"),
        "PositionService.ListPositions": _polled(ANALYSTS),
        "PositionService.UpdatePosition": _changes(OPERATORS, "position.name"),
        "PositionService.DeletePosition": _changes(OPERATORS),
        # The servicer takes reports of the mission of the first message alone.
        "PositionService.StreamPatrol": _changes(ANALYSTS, "patrol"),
        "PositionService.ImportPositions": _changes(OPERATORS, "header.parent"),
        # Of an incident, or of imagery.
        "ProductService.ListProducts": _reads(EVERYBODY),
        "ProductService.GetProduct": _reads(EVERYBODY, "name"),
        "ProductService.DownloadProduct": _reads(EVERYBODY, "name"),
        "RuleService.ListRules": _polled(ANALYSTS),
        "RuleService.GetRule": _polled(ANALYSTS, "name"),
        "RuleService.SetRule": _changes(ANALYSTS, "rule.name"),
        "RuleService.DeleteRule": _changes(ANALYSTS),
        "RuleService.ListRuleRevisions": _polled(ANALYSTS, "name"),
        "RuleService.PreviewRule": _reads(ANALYSTS),
    }
)


def permission_of(method: str) -> Permission:
    """What a method demands.

    Args:
        method: as on the wire, "/vedette.v1.PledgeService/ListPledges".
    """
    return PERMISSIONS.get(short_name(method), UNLISTED)


def short_name(method: str) -> str:
    """The name in the table: PledgeService.ListPledges of /vedette.v1.PledgeService/ListPledges."""
    service, _, name = method.strip("/").partition("/")
    return f"{service.rpartition('.')[2]}.{name}"
