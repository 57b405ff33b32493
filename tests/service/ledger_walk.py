"""A mission under random operations over a real ledger, and what is expected of it."""

from __future__ import annotations

import random
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
from sqlalchemy import event, select

from models.errors import NotAllowedNowError
from pipelines.assessment import Assessment
from pipelines.threats.incidents.decisions import ReasonCode, Verdict
from pipelines.threats.incidents.incident import ChangeKind, IncidentState
from pipelines.threats.positions.position import Position, PositionKind
from pipelines.threats.proximity.weighing import weigh
from pipelines.threats.rules.rule import DEFAULT_RULE
from service.errors import AlreadyExistsError, SecondPersonError, StaleRevisionError
from service.ledger.audit_entries import AuditNote, noting
from service.ledger.records import Acceptance, ImageryRecord, IncidentRecord
from service.ledger.store import Ledger
from service.ledger.tables import METADATA, suppressed_looks, track_looks

MISSION = "unmiss"
CHAIN = f"missions/{MISSION}"
METRE = 1.0 / 111_000.0
POSTS = tuple(
    Position(
        position_id=name,
        display_name=name,
        kind=PositionKind.POST,
        latitude_deg=4.0,
        longitude_deg=30.0 + east_m * METRE,
    )
    for name, east_m in (("west", -350.0), ("east", 350.0))
)
RING = np.array([[-6, -6], [6, -6], [6, 6], [-6, 6], [-6, -6]]) * 100 * METRE + [30.0, 4.0]

OPEN, ACKNOWLEDGED, CONFIRMED, DISMISSED, CANCELLED, EXPIRED, MERGED = IncidentState
JUDGED = {CONFIRMED, DISMISSED}
# Which state may follow on which by what: docs/reference.md, "Decisions".
MAY_FOLLOW: dict[ChangeKind, set[tuple[IncidentState | None, IncidentState]]] = {
    ChangeKind.RAISED: {(None, OPEN)},
    ChangeKind.DECIDED: {
        *((OPEN, after) for after in (ACKNOWLEDGED, *JUDGED)),
        *((ACKNOWLEDGED, after) for after in (ACKNOWLEDGED, *JUDGED)),
        *((CONFIRMED, after) for after in JUDGED),
        (DISMISSED, CONFIRMED),
    },
    ChangeKind.RELEASED: {(it, it) for it in (OPEN, ACKNOWLEDGED, CONFIRMED, EXPIRED)},
    ChangeKind.CANCELLED: {(OPEN, CANCELLED), (ACKNOWLEDGED, CANCELLED)},
    ChangeKind.EXPIRED: {(it, EXPIRED) for it in (OPEN, ACKNOWLEDGED, CONFIRMED)},
    ChangeKind.MERGED: {(it, MERGED) for it in (OPEN, ACKNOWLEDGED, CONFIRMED)},
    **{
        kind: {(it, it) for it in (OPEN, ACKNOWLEDGED, CONFIRMED)}
        for kind in (ChangeKind.UPDATED, ChangeKind.ESCALATED, ChangeKind.DE_ESCALATED)
    },
}


class KilledError(Exception):
    """The process ended in the middle of a transaction."""


@dataclass
class Walk:
    """A mission under random operations, and what is expected of its ledger."""

    ledger: Ledger
    chance: random.Random
    now: datetime
    make_imagery: Callable[..., ImageryRecord]
    make_assessment: Callable[..., Assessment]
    with_second_looks: bool
    objects: list[tuple[float, float]] = field(default_factory=list)
    frames: list[ImageryRecord] = field(default_factory=list)
    # Of the latest look at each frame: (detection, position) of its sightings.
    sightings: dict[str, set[tuple[int, str]]] = field(default_factory=dict)
    stands: dict[str, tuple[IncidentState, int]] = field(default_factory=dict)
    # Near which positions each incident was ever told to be.
    near: dict[str, set[str]] = field(default_factory=dict)
    sequence: int = 0
    notes: int = 0
    happened: Counter[str] = field(default_factory=Counter)

    def see(self) -> None:
        """A frame that the mission does not have, in time or late."""
        image = self.make_imagery(len(self.frames))
        image = replace(image, received_at=self.now, sortie_id=f"s{len(self.frames) // 40}")
        self.frames.append(image)
        assert self._accept(image) is Acceptance.NEW
        self._look_at(image.imagery_id)

    def send_again(self) -> None:
        """The same bytes with the same words: nothing happens."""
        if self.frames:
            image = self.chance.choice(self.frames)
            assert self._accept(image) is Acceptance.KNOWN
            assert self.ledger.lease_job("w", self.now, 30) is None
            self.happened["duplicate"] += 1

    def look_again(self) -> None:
        """Another pose or time is stated of a frame, or another model looks at it."""
        if not self.frames or not self.with_second_looks:
            return
        number = self.chance.randrange(max(len(self.frames) - 30, 0), len(self.frames))
        self.frames[number] = image = replace(
            self.frames[number], stated_pose=f"{self.chance.random()}"
        )
        assert self._accept(image) is Acceptance.LOOKED_AT_AGAIN
        self._look_at(image.imagery_id)
        self.happened["second look"] += 1

    def decide(self) -> None:
        """A person says something of any incident, allowed or not, informed or not."""
        record = self._some_incident()
        if record is None:
            return
        verdict = self.chance.choice(list(Verdict))
        code = ReasonCode.VEGETATION if verdict is Verdict.DISMISSED else None
        stale = self.chance.random() < 0.2
        revision = record.incident.revision - stale
        outcome = self._as_person(
            "berg",
            lambda: self.ledger.decide_incident(
                MISSION,
                record.incident.incident_id,
                verdict,
                "",
                revision,
                "berg",
                self.now,
                reason_code=code,
            ),
        )
        if stale:
            assert outcome is StaleRevisionError
        else:
            assert outcome in {None, NotAllowedNowError}
        self.happened[f"decision {outcome.__name__ if outcome else 'taken'}"] += 1

    def decide_at_once(self) -> None:
        """Two persons decide on what both of them see: one of them is told that it has changed."""
        record = self._some_incident(IncidentState.OPEN)
        if record is None:
            return
        outcomes: list[str] = []
        start = threading.Barrier(2)

        def act(person: str) -> None:
            start.wait()
            try:
                with noting(self._note(person)):
                    self.ledger.decide_incident(
                        MISSION,
                        record.incident.incident_id,
                        Verdict.CONFIRMED,
                        "",
                        record.incident.revision,
                        person,
                        self.now,
                    )
            except StaleRevisionError:
                outcomes.append("stale")
            else:
                outcomes.append("decided")

        threads = [threading.Thread(target=act, args=(name,)) for name in ("berg", "lund")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(outcomes) == ["decided", "stale"]
        self.notes += 1
        self.happened["conflict"] += 1

    def release(self) -> None:
        """Somebody proposes or approves a release."""
        record = self._some_incident()
        if record is None:
            return
        person = self.chance.choice(["berg", "lund"])
        outcome = self._as_person(
            person,
            lambda: self.ledger.release_incident(
                MISSION,
                record.incident.incident_id,
                "host state",
                "near them",
                record.incident.revision,
                person,
                self.now,
            ),
        )
        if record.incident.state in {DISMISSED, CANCELLED, MERGED}:
            assert outcome is NotAllowedNowError
        elif record.releases and record.releases[0].approved_at is not None:
            assert outcome is AlreadyExistsError
        elif record.releases and record.releases[0].proposed_by == person:
            assert outcome is SecondPersonError
        else:
            assert outcome is None
        self.happened[f"release {outcome.__name__ if outcome else 'taken'}"] += 1

    def wait(self) -> None:
        """Time passes, mostly a little; what is not seen any more ends."""
        (minutes,) = self.chance.choices([0.1, 1.0, 20.0, 300.0], weights=[40, 30, 5, 0.4])
        self.now += timedelta(minutes=minutes)
        self.ledger.expire_incidents(self.now)

    # How it is done.

    def _accept(self, image: ImageryRecord) -> Acceptance:
        _, acceptance = self.ledger.accept_imagery(
            image, str(uuid.UUID(int=len(self.frames))), self.now
        )
        return acceptance

    def _look_at(self, imagery_id: str) -> None:
        lease = self.ledger.lease_job("w", self.now, 30)
        assert lease is not None
        assert lease.imagery_id == imagery_id
        found = self._assessment()

        def finish() -> None:
            self.ledger.finish_job(
                lease, found, [], now=self.now, positions=POSTS, rules=[DEFAULT_RULE]
            )

        if self.chance.random() < 0.08:
            self._killed(finish)
        finish()
        self.sightings[imagery_id] = {
            (it.detection_index, it.position_id) for it in found.sightings
        }

    def _assessment(self) -> Assessment:
        """Some of the objects, each where it stands but for some metres; now and then a ghost."""
        if len(self.objects) < 12 or self.chance.random() < 0.05:
            self.objects.append(
                (self.chance.uniform(-900.0, 900.0), self.chance.uniform(-400.0, 400.0))
            )
        seen = self.chance.sample(self.objects[-25:], self.chance.randint(0, 4))
        if self.chance.random() < 0.3 and seen:
            # Two boxes on one object, or two objects beside each other.
            east, north = seen[0]
            seen.append((east + self.chance.uniform(1.0, 9.0), north))
        places = [
            (
                4.0 + (north + self.chance.gauss(0.0, 3.0)) * METRE,
                30.0 + (east + self.chance.gauss(0.0, 3.0)) * METRE,
            )
            for east, north in seen
        ]
        late = self.chance.random() < 0.1
        captured_at = self.now - timedelta(seconds=self.chance.uniform(0, 600) if late else 0)
        found = self.make_assessment(
            *places,
            category=self.chance.choice(["car", "car", "person"]),
            captured_at=None if self.chance.random() < 0.05 else captured_at,
            sighted=False,
        )
        confidence = np.array([self.chance.uniform(0.26, 0.95) for _ in places], np.float32)
        return replace(
            found,
            detections=replace(found.detections, confidence=confidence),
            footprint_lonlat=RING if self.chance.random() < 0.5 else None,
            sightings=weigh(
                found.ground,
                found.categories,
                [float(value) for value in confidence],
                POSTS,
                [DEFAULT_RULE],
            ),
        )

    def _some_incident(self, state: IncidentState | None = None) -> IncidentRecord | None:
        names = [
            name for name, (now, _) in sorted(self.stands.items()) if state is None or now is state
        ]
        if not names:
            return None
        return self.ledger.get_incident(MISSION, self.chance.choice(names[-40:]))

    def _note(self, person: str) -> AuditNote:
        return AuditNote(
            chain=CHAIN,
            at=self.now,
            actor=person,
            role="operator",
            action="IncidentService.DecideIncident",
            subject=CHAIN,
            detail="{}",
        )

    def _as_person(self, person: str, act: Callable[[], object]) -> type[Exception] | None:
        """What came of it: the kind of the refusal, or None; what was refused left nothing."""
        if self.chance.random() < 0.08:
            with noting(self._note(person)):
                self._killed(act)
        note = self._note(person)
        before = self._everything() if self.chance.random() < 0.1 else None
        try:
            with noting(note):
                act()
        except (
            NotAllowedNowError,
            StaleRevisionError,
            AlreadyExistsError,
            SecondPersonError,
        ) as error:
            assert not note.written
            assert before is None or self._everything() == before
            return type(error)
        self.notes += 1
        return None

    def _killed(self, act: Callable[[], object]) -> None:
        """End the work before one of its statements or its commit: nothing of it is left."""
        before = self._everything()
        refusals = (NotAllowedNowError, StaleRevisionError, AlreadyExistsError, SecondPersonError)
        with (
            _killed_at(self.ledger, self.chance.randrange(1, 25)),
            pytest.raises((KilledError, *refusals)) as ended,
        ):
            act()
        assert self._everything() == before
        self.happened["killed"] += ended.type is KilledError

    def _everything(self) -> dict[str, list[str]]:
        with self.ledger._reading() as connection:
            return {
                table.name: sorted(map(repr, connection.execute(select(table)).all()))
                for table in METADATA.sorted_tables
            }

    # What is expected.

    def follow(self) -> None:
        """Read the events since, and hold each against the state before it."""
        for told in self.ledger.events_since(MISSION, self.sequence, 1000):
            assert told.sequence == self.sequence + 1
            self.sequence = told.sequence
            incident = told.record.incident
            state, revision = self.stands.get(incident.incident_id, (None, 0))
            assert (state, incident.state) in MAY_FOLLOW[told.kind], told.kind
            assert incident.revision == revision + 1
            self.stands[incident.incident_id] = incident.state, incident.revision
            self.near.setdefault(incident.incident_id, set()).update(incident.position_ids)
            self.happened[told.kind.value] += 1

    def check(self) -> None:
        """Hold all of the ledger against what has happened."""
        incidents = self._incidents()
        assert {
            name: (it.incident.state, it.incident.revision) for name, it in incidents.items()
        } == self.stands
        with self.ledger._reading() as connection:
            looks = connection.execute(select(suppressed_looks)).all()
            track_of = {
                (row.imagery_id, row.detection_index): row.track_id
                for row in connection.execute(select(track_looks))
            }
        told = {
            (track_id, position_id)
            for it in incidents.values()
            for track_id in (it.incident.track_id, *it.incident.group_ids)
            for position_id in self.near[it.incident.incident_id]
        }
        withheld = Counter((it.imagery_id, it.detection_index, it.position_id) for it in looks)
        for imagery_id, sightings in self.sightings.items():
            for index, position_id in sightings:
                count = withheld.pop((imagery_id, index, position_id), 0)
                # It is told of by an incident, or counted as not shown, and that once.
                assert count <= 1
                assert count == 1 or (track_of[imagery_id, index], position_id) in told
        assert not withheld
        counted = {
            it.suppression.key: (it.suppression.count, it.suppression.probability)
            for it in self._suppressions()
        }
        keys = [(it.track_id, it.position_id, it.rule_id, it.reason) for it in looks]
        assert counted == {
            key: (
                count,
                max(it.probability for it, its in zip(looks, keys, strict=True) if its == key),
            )
            for key, count in Counter(keys).items()
        }
        if not self.with_second_looks:
            # A look at a thing is one, near however many positions: of the incident that tells of
            # it, or of the one that was dismissed. What was merged is counted by the older one.
            reasons = {
                (it.imagery_id, it.detection_index, it.position_id): it.reason for it in looks
            }
            looked = {
                (imagery_id, track_of[imagery_id, index])
                for imagery_id, sightings in self.sightings.items()
                for index, position_id in sightings
                if reasons.get((imagery_id, index, position_id), "DISMISSED") == "DISMISSED"
            }
            counts = [
                it.incident.sighting_count
                for it in incidents.values()
                if it.incident.state is not MERGED
            ]
            assert sum(counts) == len(looked)

    def _incidents(self) -> dict[str, IncidentRecord]:
        return {it.incident.incident_id: it for it in _pages(self.ledger.list_incidents)}

    def _suppressions(self) -> list[Any]:
        return list(_pages(self.ledger.list_suppressions))


def _pages(read: Callable[..., Any]) -> Iterator[Any]:
    token = ""
    while True:
        page = read(MISSION, page_size=500, page_token=token)
        yield from page.items
        token = page.next_page_token
        if not token:
            return


@contextmanager
def _killed_at(ledger: Ledger, number: int) -> Iterator[None]:
    """End what is done before its nth statement, or before its commit where it has fewer."""
    left = number

    def count(*_: object) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise KilledError

    def commit(_: object) -> None:
        raise KilledError

    event.listen(ledger._engine, "before_cursor_execute", count)
    event.listen(ledger._engine, "commit", commit)
    try:
        yield
    finally:
        event.remove(ledger._engine, "before_cursor_execute", count)
        event.remove(ledger._engine, "commit", commit)
