from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from models.errors import InvalidInputError, NotAllowedNowError
from pipelines.ground import GroundPoint
from pipelines.outcome import Outcome
from pipelines.threats.incidents.decisions import (
    NEGATIVE_REASONS,
    ReasonCode,
    Verdict,
    check_reason,
    decide,
    release_faults,
)
from pipelines.threats.incidents.incident import ChangeKind, Incident, IncidentState
from pipelines.threats.proximity.weighing import Level, Sighting
from pipelines.threats.rules.severity import Severity


def incident(state: IncidentState) -> Incident:
    return Incident(
        incident_id="i",
        state=state,
        best=Sighting(
            detection_index=3,
            category="truck",
            confidence=0.8,
            ground=GroundPoint(
                outcome=Outcome.LOCATED,
                latitude_deg=4.0,
                longitude_deg=30.0,
                hae_m=431.5,
                covariance_enu_m2=np.diag([4.0, 9.0, 25.0]),
                ce90_m=5.6,
                le90_m=8.2,
                slant_range_m=140.0,
                depression_deg=60.0,
                terrain="flat:relative_height",
            ),
            position_id="post-1",
            rule_id="default",
            rule_revision=0,
            radius_m=500.0,
            probability=0.99,
            level=Level.ALERT,
            range_m=200.0,
            range_low_m=195.0,
            range_high_m=205.0,
            bearing_deg=45.0,
        ),
        imagery_id="image-1",
        sighting_count=4,
        first_seen_at=None,
        last_seen_at=None,
        revision=7,
    )


# Written out, not computed: what the mission's people may do, and what follows.
FOLLOWS = {
    ("open", "acknowledged"): "acknowledged",
    ("open", "confirmed"): "confirmed",
    ("open", "dismissed"): "dismissed",
    ("open", "escalated"): "acknowledged",
    ("acknowledged", "confirmed"): "confirmed",
    ("acknowledged", "dismissed"): "dismissed",
    ("acknowledged", "escalated"): "acknowledged",
    ("confirmed", "dismissed"): "dismissed",
    ("confirmed", "escalated"): "confirmed",
    ("dismissed", "confirmed"): "confirmed",
}


@pytest.mark.parametrize(
    ("state", "verdict"), list(itertools.product(IncidentState, Verdict)), ids=str
)
def test_every_verdict_on_every_state(state: IncidentState, verdict: Verdict) -> None:
    before = incident(state)
    after = FOLLOWS.get((state.value, verdict.value))
    if after is None:
        with pytest.raises(NotAllowedNowError, match=f"is {state} and cannot be {verdict}") as told:
            decide(before, verdict)
        assert told.value.field == "verdict"
        return
    change = decide(before, verdict)
    assert change.kind is ChangeKind.DECIDED
    assert change.incident.state is IncidentState(after)
    assert change.incident.revision == 8
    assert change.incident.best is before.best
    assert change.incident.sighting_count == 4
    escalated = verdict is Verdict.ESCALATED
    assert change.incident.severity is (Severity.HIGH if escalated else Severity.LOW)
    assert change.incident.severity_held is escalated


@pytest.mark.parametrize("verdict", ["open", "hostile", "", "Confirmed"])
def test_no_other_verdict_exists(verdict: str) -> None:
    with pytest.raises(InvalidInputError, match="is none of acknowledged, confirmed") as told:
        decide(incident(IncidentState.OPEN), verdict)
    assert told.value.field == "verdict"


def test_what_was_merged_says_where_to_decide() -> None:
    merged = replace(incident(IncidentState.MERGED), merged_into="other")
    with pytest.raises(NotAllowedNowError, match="decide on other, which it was merged into"):
        decide(merged, "confirmed")


@pytest.mark.parametrize("state", list(IncidentState))
def test_only_what_may_be_real_is_released(state: IncidentState) -> None:
    allowed = state.value in {"open", "acknowledged", "confirmed", "expired"}
    assert bool(release_faults(incident(state))) is not allowed


def test_a_dismissal_says_what_it_was() -> None:
    for code in set(ReasonCode) - {ReasonCode.OTHER}:
        check_reason(Verdict.DISMISSED, code, "")
    check_reason(Verdict.DISMISSED, ReasonCode.OTHER, "a market stall")
    with pytest.raises(InvalidInputError, match="vegetation, animal, own_forces") as told:
        check_reason(Verdict.DISMISSED, None, "a shrub")
    assert told.value.field == "reason_code"
    with pytest.raises(InvalidInputError, match="what else it was") as told:
        check_reason(Verdict.DISMISSED, ReasonCode.OTHER, "  ")
    assert told.value.field == "reason"
    with pytest.raises(InvalidInputError, match="not confirmed"):
        check_reason(Verdict.CONFIRMED, ReasonCode.ANIMAL, "")
    check_reason(Verdict.ESCALATED, None, "")


def test_people_and_vehicles_rightly_seen_are_no_negatives() -> None:
    assert {code.value for code in NEGATIVE_REASONS} == {"vegetation", "animal", "artefact"}
