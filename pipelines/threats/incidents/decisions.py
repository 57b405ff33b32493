"""What people decide of an incident, and which decision may follow on which."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from types import MappingProxyType

from models.errors import InvalidInputError, NotAllowedNowError
from pipelines.threats.incidents.incident import ChangeKind, Incident, IncidentChange, IncidentState
from pipelines.threats.rules.severity import Severity


class Verdict(StrEnum):
    """What a person said of an incident."""

    ACKNOWLEDGED = "acknowledged"
    CONFIRMED = "confirmed"
    DISMISSED = "dismissed"
    # Handed to somebody of higher rank.
    ESCALATED = "escalated"


class ReasonCode(StrEnum):
    """What a dismissed incident turned out to be."""

    VEGETATION = "vegetation"
    ANIMAL = "animal"
    OWN_FORCES = "own_forces"
    CIVILIAN_ROUTINE = "civilian_routine"
    # Of the sensor, the file or the detector.
    ARTEFACT = "artefact"
    DUPLICATE = "duplicate"
    OTHER = "other"


NEGATIVE_REASONS: frozenset[ReasonCode] = frozenset(
    {ReasonCode.VEGETATION, ReasonCode.ANIMAL, ReasonCode.ARTEFACT}
)
"""Reasons that say the detector was wrong: what was seen is none of its categories.

Own forces and civilian routine are people and vehicles rightly seen; a duplicate is one as well,
and of "other" only its words know.
"""

PLACE_REASONS: frozenset[ReasonCode] = frozenset({ReasonCode.CIVILIAN_ROUTINE, ReasonCode.OTHER})
"""Reasons that speak of what a thing does at a place and a time, and not of what it is.

A car that is parked at the market every day is no news at the market; at the gate of a base it is.
"""

ALLOWED: Mapping[IncidentState, Mapping[Verdict, IncidentState]] = MappingProxyType(
    {
        IncidentState.OPEN: {
            Verdict.ACKNOWLEDGED: IncidentState.ACKNOWLEDGED,
            Verdict.CONFIRMED: IncidentState.CONFIRMED,
            Verdict.DISMISSED: IncidentState.DISMISSED,
            # Whoever hands it on has seen it.
            Verdict.ESCALATED: IncidentState.ACKNOWLEDGED,
        },
        IncidentState.ACKNOWLEDGED: {
            Verdict.CONFIRMED: IncidentState.CONFIRMED,
            Verdict.DISMISSED: IncidentState.DISMISSED,
            Verdict.ESCALATED: IncidentState.ACKNOWLEDGED,
        },
        # Confirmed and dismissed correct each other: a person may be mistaken either way.
        IncidentState.CONFIRMED: {
            Verdict.DISMISSED: IncidentState.DISMISSED,
            Verdict.ESCALATED: IncidentState.CONFIRMED,
        },
        IncidentState.DISMISSED: {Verdict.CONFIRMED: IncidentState.CONFIRMED},
    }
)
"""The state after each verdict that may follow on a state; every other one is refused."""


def decide(
    incident: Incident, verdict: str, reason_code: ReasonCode | None = None
) -> IncidentChange:
    """Take down what a person decided.

    What is escalated is of high severity and stays so. Nothing here changes whose the object is
    taken to be: no verdict makes anything hostile.

    Args:
        incident: as it is now.
        verdict: a `Verdict`.
        reason_code: what a dismissed one turned out to be; of `PLACE_REASONS`, the thing may be
            told of again near another position.

    Raises:
        InvalidInputError: there is no such verdict.
        NotAllowedNowError: it does not follow on the state.
    """
    try:
        said = Verdict(verdict)
    except ValueError as error:
        raise InvalidInputError(
            f"{str(verdict)!r} is none of {', '.join(Verdict)}", field="verdict"
        ) from error
    state = ALLOWED.get(incident.state, {}).get(said)
    if state is None:
        raise NotAllowedNowError(_refusal(incident, said), field="verdict")
    decided = replace(
        incident,
        state=state,
        revision=incident.revision + 1,
        only_here=said is Verdict.DISMISSED and reason_code in PLACE_REASONS,
    )
    if said is Verdict.ESCALATED:
        decided = replace(decided, severity=Severity.HIGH, severity_held=True)
    return IncidentChange(kind=ChangeKind.DECIDED, incident=decided)


def check_reason(verdict: Verdict, reason_code: ReasonCode | None, reason: str) -> None:
    """Refuse a decision whose reason is missing or says nothing.

    Args:
        verdict: what was decided.
        reason_code: what a dismissed incident turned out to be.
        reason: in the person's words.

    Raises:
        InvalidInputError: a dismissal without a code, one for another reason without words, or a
            code on something that is not dismissed.
    """
    if verdict is not Verdict.DISMISSED:
        if reason_code is not None:
            raise InvalidInputError(
                f"only a dismissal has a reason code, not {verdict}", field="reason_code"
            )
        return
    if reason_code is None:
        raise InvalidInputError(
            f"a dismissal needs a reason code: one of {', '.join(ReasonCode)}",
            field="reason_code",
        )
    if reason_code is ReasonCode.OTHER and not reason.strip():
        raise InvalidInputError("say in the reason what else it was", field="reason")


def release_faults(incident: Incident) -> tuple[str, ...]:
    """Why an incident cannot be released outside the mission; empty where it can."""
    if incident.state in _UNRELEASABLE:
        return (f"the incident is {incident.state}: there is nothing to release",)
    return ()


_UNRELEASABLE = frozenset({IncidentState.DISMISSED, IncidentState.CANCELLED, IncidentState.MERGED})


def _refusal(incident: Incident, verdict: Verdict) -> str:
    state = incident.state
    told = f"the incident is {state} and cannot be {verdict}"
    if state is IncidentState.MERGED:
        return f"{told}; decide on {incident.merged_into}, which it was merged into"
    allowed = ", ".join(ALLOWED.get(state, {}))
    return f"{told}; it can be {allowed}" if allowed else f"{told}: it has ended"
