"""Vedette as a way of alerting: its own rules and incidents, fed frame by frame."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from benchmarks.incident_days import Day
from benchmarks.incident_looks import Look
from benchmarks.incident_scores import Told
from pipelines.threats.incidents import ChangeKind, Incident, fold
from pipelines.threats.proximity import weigh
from pipelines.threats.rules import DEFAULT_RULE


def ours(day: Day) -> Iterator[tuple[Look, Told]]:
    """Everything that the program does on one day, in order."""
    incidents: dict[str, Incident] = {}
    footprints: dict[str, NDArray[np.float64]] = {}
    for look in day.looks:
        if look.footprint_lonlat is not None:
            footprints[look.imagery_id] = look.footprint_lonlat
        sightings = weigh(
            look.ground, look.categories, look.confidence, day.positions(look), (DEFAULT_RULE,)
        )
        changes = fold(
            incidents.values(),
            sightings,
            imagery_id=look.imagery_id,
            captured_at=day.captured_at(look),
            footprint_lonlat=look.footprint_lonlat,
            footprints=footprints,
        )
        for change in changes:
            incident = change.incident
            incidents[incident.incident_id] = incident
            # A frame that comes late leaves the incident with the detection it had.
            here = incident.imagery_id == look.imagery_id
            behind = (int(look.truth[incident.best.detection_index]),) if here else ()
            yield (
                look,
                Told(
                    alert_id=incident.incident_id,
                    position_id=incident.best.position_id,
                    truth=behind,
                    raised=change.kind is ChangeKind.RAISED,
                ),
            )
