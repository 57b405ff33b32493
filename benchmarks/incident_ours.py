"""Vedette as a way of alerting: its own tracks, rules and incidents, fed frame by frame."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.incident_days import Day
from benchmarks.incident_looks import Look
from benchmarks.incident_scores import Told
from pipelines.threats.incidents.incident import QUIET, ChangeKind
from pipelines.threats.incidents.sentry import Watch
from pipelines.threats.rules.rule import DEFAULT_RULE
from pipelines.threats.tracks.tracker import Frame


def ours(day: Day) -> Iterator[tuple[Look, Told]]:
    """Everything that operators are told on one day, in order."""
    watch = Watch()
    alerted: set[str] = set()
    ended: set[str] = set()
    for look in day.looks:
        frame = Frame(
            imagery_id=look.imagery_id,
            captured_at=day.captured_at(look),
            ground=look.ground,
            categories=look.categories,
            confidences=look.confidence.tolist(),
            footprint_lonlat=look.footprint_lonlat,
            sortie_id=look.flight,
            xyxy=look.xyxy,
        )
        watch, seen = watch.observe(frame, positions=day.positions(look), rules=(DEFAULT_RULE,))
        behind: dict[str, list[int]] = {}
        for index, track in seen.update.track_of.items():
            behind.setdefault(track.track_id, []).append(int(look.truth[index]))
        for change in seen.changes:
            if change.kind in QUIET:
                continue
            incident = change.incident
            name = incident.incident_id
            # An incident that comes back after its end alerts again.
            raised = change.kind is ChangeKind.RAISED or name in ended
            if change.kind in {ChangeKind.CANCELLED, ChangeKind.EXPIRED, ChangeKind.MERGED}:
                ended.add(name)
                raised = False
            else:
                ended.discard(name)
            alerted.add(name)
            names = {incident.track_id, *incident.group_ids} - {None}
            yield (
                look,
                Told(
                    alert_id=name,
                    position_id=incident.best.position_id,
                    truth=tuple(truth for it in sorted(names) for truth in behind.get(it, ())),
                    raised=raised,
                ),
            )
