"""What people decide of incidents, and to whom they release them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, insert

from models.errors import InvalidInputError, NotAllowedNowError
from pipelines.threats.incidents.decisions import (
    ReasonCode,
    Verdict,
    check_reason,
    decide,
    release_faults,
)
from pipelines.threats.incidents.incident import ChangeKind
from service.access import EVERYTHING, Sight
from service.errors import (
    AlreadyExistsError,
    SecondPersonError,
    StaleRevisionError,
)
from service.ledger.database import Database, lock_mission
from service.ledger.hard_negatives import forget_negative, keep_negative
from service.ledger.incidents import read_incident, write_events
from service.ledger.pledge_states import Caveat
from service.ledger.records import Decision, IncidentEventRecord, IncidentRecord, Release
from service.ledger.tables import releases


class Decisions(Database):
    """Decisions on the incidents of every mission."""

    def decide_incident(
        self,
        mission_id: str,
        incident_id: str,
        verdict: Verdict,
        reason: str,
        revision: int,
        decided_by: str,
        now: datetime,
        *,
        reason_code: ReasonCode | None = None,
        sight: Sight = EVERYTHING,
    ) -> IncidentRecord:
        """Record what a person said of an incident, and an event of it.

        A dismissal that says that the model was wrong makes a hard negative; a confirmation takes
        it back.

        Raises:
            InvalidInputError: a dismissal without a reason.
            NotAllowedNowError: the verdict does not follow on the state.
            NotFoundError: the mission has none of that name that the person may see.
            StaleRevisionError: it has changed since that revision was read.
        """
        check_reason(verdict, reason_code, reason)

        def decided(connection: Connection, record: IncidentRecord) -> IncidentRecord:
            before = record.decision
            if verdict is Verdict.ESCALATED and before and before.verdict is Verdict.ESCALATED:
                raise NotAllowedNowError(
                    f"the incident was escalated by {before.decided_by} already", field="verdict"
                )
            after = replace(
                record,
                incident=decide(record.incident, verdict.value, reason_code).incident,
                decision=Decision(
                    verdict=verdict,
                    reason=reason,
                    decided_by=decided_by,
                    decided_at=now,
                    reason_code=reason_code,
                ),
            )
            if verdict is Verdict.DISMISSED:
                keep_negative(connection, after)
            elif verdict is Verdict.CONFIRMED:
                forget_negative(connection, mission_id, incident_id)
            return after

        return self._change(
            mission_id, incident_id, revision, ChangeKind.DECIDED, decided, now, sight
        )

    def release_incident(
        self,
        mission_id: str,
        incident_id: str,
        recipient: str,
        reason: str,
        revision: int,
        released_by: str,
        now: datetime,
        *,
        sight: Sight = EVERYTHING,
    ) -> IncidentRecord:
        """Propose to release an incident outside the mission, or approve what another proposed.

        Raises:
            AlreadyExistsError: it is released to that recipient already.
            NotAllowedNowError: a pledge that it comes from forbids it, or the incident's state.
            InvalidInputError: the proposal has no reason.
            NotFoundError: the mission has none of that name that the person may see.
            SecondPersonError: the same person proposed it.
            StaleRevisionError: it has changed since that revision was read.
        """

        def released(connection: Connection, record: IncidentRecord) -> IncidentRecord:
            for message in release_faults(record.incident):
                raise NotAllowedNowError(message, field="name")
            if Caveat.NO_RELEASE in record.caveats:
                raise NotAllowedNowError(
                    "some of its imagery comes from a pledge with the caveat no-release",
                    field="name",
                )
            known = {release.recipient: release for release in record.releases}
            before = known.get(recipient)
            if before is None:
                if not reason:
                    raise InvalidInputError("a proposal needs a reason", field="reason")
                after = Release(
                    recipient=recipient,
                    reason=reason,
                    proposed_by=released_by,
                    proposed_at=now,
                    position_id=record.incident.best.position_id,
                )
            else:
                after = _approved(before, released_by, now)
                connection.execute(
                    insert(releases).values(
                        mission_id=mission_id,
                        incident_id=incident_id,
                        recipient=recipient,
                        approved_at=now,
                    )
                )
            incident = record.incident
            return replace(
                record,
                incident=replace(incident, revision=incident.revision + 1),
                releases=tuple((known | {recipient: after}).values()),
            )

        return self._change(
            mission_id, incident_id, revision, ChangeKind.RELEASED, released, now, sight
        )

    def _change(
        self,
        mission_id: str,
        incident_id: str,
        revision: int,
        kind: ChangeKind,
        change: Callable[[Connection, IncidentRecord], IncidentRecord],
        now: datetime,
        sight: Sight,
    ) -> IncidentRecord:
        """Change an incident that is still at the revision a person looked at, and tell of it."""
        with self._writing() as connection:
            sequence = lock_mission(connection, mission_id)
            record = read_incident(connection, mission_id, incident_id, sight)
            if record.incident.revision != revision:
                raise StaleRevisionError(
                    f"incident {incident_id!r} is at revision {record.incident.revision}, not "
                    f"{revision}",
                    field="revision",
                )
            changed = change(connection, record)
            event = IncidentEventRecord(
                sequence=sequence + 1, kind=kind, record=changed, occurred_at=now
            )
            write_events(connection, mission_id, [event])
        return changed


def _approved(proposal: Release, approved_by: str, now: datetime) -> Release:
    """A proposal that a second person approves.

    Raises:
        AlreadyExistsError: somebody has before.
        SecondPersonError: the person is the first one.
    """
    if proposal.approved_at is not None:
        raise AlreadyExistsError(
            f"it was released to {proposal.recipient!r} by {proposal.proposed_by} and "
            f"{proposal.approved_by}",
            field="recipient",
        )
    if proposal.proposed_by == approved_by:
        raise SecondPersonError(
            f"{approved_by} proposed this release to {proposal.recipient!r}; another person has "
            "to approve it",
            field="recipient",
        )
    return replace(proposal, approved_by=approved_by, approved_at=now)
