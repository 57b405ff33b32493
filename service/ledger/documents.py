"""Values of the core as JSON documents in a row, and back."""

from __future__ import annotations

import math
from dataclasses import fields
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.ground import GroundPoint
from pipelines.outcome import Finding, Outcome, Severity
from pipelines.threats.incidents.decisions import PLACE_REASONS, ReasonCode, Verdict
from pipelines.threats.incidents.incident import Incident, IncidentState, Nearby
from pipelines.threats.proximity.weighing import Level, Sighting
from pipelines.threats.rules.severity import Severity as IncidentSeverity
from pipelines.threats.tracks.track import Mobility
from service.ledger.pledge_states import Caveat
from service.ledger.records import Decision, IncidentRecord, Marking, Release

Document = dict[str, Any]

_GROUND_NUMBERS = (
    "latitude_deg",
    "longitude_deg",
    "hae_m",
    "ce90_m",
    "le90_m",
    "slant_range_m",
    "depression_deg",
)
_SIGHTING_NUMBERS = (
    "confidence",
    "radius_m",
    "probability",
    "range_m",
    "range_low_m",
    "range_high_m",
    "bearing_deg",
    "position_sigma_m",
)


def ground_document(ground: GroundPoint) -> Document:
    """A place on the ground as JSON."""
    document: Document = {
        "outcome": ground.outcome.value,
        "terrain": ground.terrain,
        "occlusion_risk": bool(ground.occlusion_risk),
    }
    for name in _GROUND_NUMBERS:
        value = getattr(ground, name)
        if value is not None:
            document[name] = _finite(name, value)
    if ground.covariance_enu_m2 is not None:
        document["covariance_enu_m2"] = [
            [_finite("covariance_enu_m2", value) for value in row]
            for row in np.asarray(ground.covariance_enu_m2, np.float64)
        ]
    return document


def ground_value(document: Document) -> GroundPoint:
    """The place on the ground that a document tells."""
    covariance = document.get("covariance_enu_m2")
    return GroundPoint(
        outcome=Outcome(document["outcome"]),
        terrain=document["terrain"],
        occlusion_risk=document["occlusion_risk"],
        covariance_enu_m2=None if covariance is None else np.array(covariance, np.float64),
        **{name: document.get(name) for name in _GROUND_NUMBERS},
    )


def finding_document(finding: Finding) -> Document:
    """A finding as JSON."""
    return {
        "code": finding.code,
        "severity": finding.severity.value,
        "message": finding.message,
    }


def finding_value(document: Document) -> Finding:
    """The finding that a document tells."""
    return Finding(
        code=document["code"],
        severity=Severity(document["severity"]),
        message=document["message"],
    )


def incident_document(record: IncidentRecord) -> Document:
    """An incident with what the mission knows around it as JSON."""
    incident, decision = record.incident, record.decision
    return {
        "incident": {
            "incident_id": incident.incident_id,
            "state": incident.state.value,
            "best": _sighting_document(incident.best),
            "imagery_id": incident.imagery_id,
            "sighting_count": int(incident.sighting_count),
            "first_seen_at": _text(incident.first_seen_at),
            "last_seen_at": _text(incident.last_seen_at),
            "revision": int(incident.revision),
            "mobility": incident.mobility.value,
            "track_id": incident.track_id,
            "severity": incident.severity.value,
            "severity_held": bool(incident.severity_held),
            "reason": incident.reason,
            "object_count": int(incident.object_count),
            "group_ids": list(incident.group_ids),
            "velocity_m_s": _array(incident.velocity_m_s),
            "velocity_covariance": _array(incident.velocity_covariance),
            "merged_into": incident.merged_into,
            "calm_run": int(incident.calm_run),
            "calm_since": _text(incident.calm_since),
            "outside_run": int(incident.outside_run),
            "outside_since": _text(incident.outside_since),
            "near": _near_documents(incident),
            "more_near": int(incident.more_near),
            "only_here": bool(incident.only_here),
        },
        "position_display_name": record.position_display_name,
        "near_display_names": dict(record.near_display_names),
        "raised_at": _text(record.raised_at),
        "marking": record.marking.value,
        "caveats": sorted(record.caveats),
        "decision": None
        if decision is None
        else {
            "verdict": decision.verdict.value,
            "reason": decision.reason,
            "decided_by": decision.decided_by,
            "decided_at": _text(decision.decided_at),
            "reason_code": None if decision.reason_code is None else decision.reason_code.value,
        },
        "releases": [
            {
                "recipient": release.recipient,
                "reason": release.reason,
                "proposed_by": release.proposed_by,
                "proposed_at": _text(release.proposed_at),
                "approved_by": release.approved_by,
                "approved_at": _text(release.approved_at),
                "position_id": release.position_id,
            }
            for release in record.releases
        ],
    }


def incident_value(mission_id: str, document: Document) -> IncidentRecord:
    """The incident that a document tells."""
    incident, decision = document["incident"], document["decision"]
    return IncidentRecord(
        mission_id=mission_id,
        incident=Incident(
            incident_id=incident["incident_id"],
            state=IncidentState(incident["state"]),
            best=_sighting_value(incident["best"]),
            imagery_id=incident["imagery_id"],
            sighting_count=incident["sighting_count"],
            first_seen_at=_instant(incident["first_seen_at"]),
            last_seen_at=_instant(incident["last_seen_at"]),
            revision=incident["revision"],
            # Incidents of earlier versions do not tell.
            mobility=Mobility(incident.get("mobility", Mobility.UNKNOWN.value)),
            **_later_fields(incident, decision),
        ),
        position_display_name=document["position_display_name"],
        near_display_names=document.get("near_display_names", {}),
        raised_at=datetime.fromisoformat(document["raised_at"]),
        marking=Marking(document["marking"]),
        caveats=frozenset(Caveat(name) for name in document.get("caveats", ())),
        decision=None
        if decision is None
        else Decision(
            verdict=Verdict(decision["verdict"]),
            reason=decision["reason"],
            decided_by=decision["decided_by"],
            decided_at=datetime.fromisoformat(decision["decided_at"]),
            # Decisions of earlier versions have none.
            reason_code=None
            if decision.get("reason_code") is None
            else ReasonCode(decision["reason_code"]),
        ),
        releases=tuple(
            Release(
                **release
                | {
                    "proposed_at": datetime.fromisoformat(release["proposed_at"]),
                    "approved_at": _instant(release["approved_at"]),
                    # Before an incident was near several positions there was no other.
                    "position_id": release.get("position_id") or incident["best"]["position_id"],
                }
            )
            for release in document.get("releases", ())
        ),
    )


def _later_fields(incident: Document, decision: Document | None) -> Document:
    """What incidents of earlier versions do not tell, where this one does."""
    plain = ("track_id", "severity_held", "reason", "object_count", "merged_into")
    fields_: Document = {name: incident[name] for name in plain if name in incident}
    for name in ("calm_run", "outside_run"):
        fields_[name] = incident.get(name, 0)
    for name in ("calm_since", "outside_since"):
        fields_[name] = _instant(incident.get(name))
    for name in ("velocity_m_s", "velocity_covariance"):
        value = incident.get(name)
        fields_[name] = None if value is None else np.array(value, np.float64)
    # Before there were severities an alert was what one of them is without further grounds.
    is_alert = incident["best"]["level"] == Level.ALERT.value
    usual = IncidentSeverity.MEDIUM if is_alert else IncidentSeverity.LOW
    fields_["severity"] = IncidentSeverity(incident.get("severity", usual.value))
    fields_["group_ids"] = tuple(incident.get("group_ids", ()))
    fields_["near"] = tuple(
        _nearby_value(each, incident["best"]) for each in incident.get("near", ())
    )
    fields_["more_near"] = incident.get("more_near", 0)
    code = None if decision is None else decision.get("reason_code")
    dismissed = incident["state"] == IncidentState.DISMISSED.value
    fields_["only_here"] = incident.get("only_here", dismissed and code in PLACE_REASONS)
    return fields_


def _near_documents(incident: Incident) -> list[Document]:
    ground = ground_document(incident.best.ground)
    documents = []
    for near in incident.near:
        sighting = _sighting_document(near.sighting)
        if sighting["ground"] == ground:
            # One thing is at one place; of a group another of it may be nearest.
            del sighting["ground"]
        documents.append(
            {
                "sighting": sighting,
                "severity": near.severity.value,
                "reason": near.reason,
                "last_near_at": _text(near.last_near_at),
                "calm_run": int(near.calm_run),
                "calm_since": _text(near.calm_since),
                "outside_run": int(near.outside_run),
                "outside_since": _text(near.outside_since),
            }
        )
    return documents


def _nearby_value(document: Document, best: Document) -> Nearby:
    return Nearby(
        sighting=_sighting_value({"ground": best["ground"]} | document["sighting"]),
        severity=IncidentSeverity(document["severity"]),
        reason=document["reason"],
        last_near_at=_instant(document["last_near_at"]),
        calm_run=document["calm_run"],
        calm_since=_instant(document["calm_since"]),
        outside_run=document["outside_run"],
        outside_since=_instant(document["outside_since"]),
    )


def _array(values: NDArray[np.float64] | None) -> list[Any] | None:
    if values is None:
        return None
    if not np.isfinite(values).all():
        raise ValueError("a velocity is not finite")
    rows: list[Any] = np.asarray(values, np.float64).tolist()
    return rows


def _sighting_document(sighting: Sighting) -> Document:
    document: Document = {
        name: _finite(name, getattr(sighting, name)) for name in _SIGHTING_NUMBERS
    }
    return document | {
        "detection_index": int(sighting.detection_index),
        "category": sighting.category,
        "ground": ground_document(sighting.ground),
        "position_id": sighting.position_id,
        "rule_id": sighting.rule_id,
        "rule_revision": int(sighting.rule_revision),
        "level": sighting.level.value,
    }


def _sighting_value(document: Document) -> Sighting:
    known = {field.name for field in fields(Sighting)}
    plain = {name: value for name, value in document.items() if name in known}
    return Sighting(
        **plain | {"ground": ground_value(plain["ground"]), "level": Level(plain["level"])}
    )


def _finite(name: str, value: float) -> float:
    # JSON has no infinity; one in the ledger would be unreadable on PostgreSQL.
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{name} is {number}")
    return number


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _instant(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value)
