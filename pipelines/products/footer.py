"""What the footer of an annotated picture says: which frame, when, how many, placed by what."""

from __future__ import annotations

from datetime import UTC

from models.wording import counted
from pipelines.assessment import Assessment, Provenance
from pipelines.outcome import Outcome, Severity
from pipelines.products.marginalia import FooterLine
from pipelines.products.outcome_words import outcome_sentence, terrain_words
from pipelines.products.plates import highest_levels
from pipelines.threats.proximity.weighing import Level


def footer_lines(
    provenance: Provenance, assessment: Assessment, left_out: int = 0
) -> list[FooterLine]:
    """What the footer says.

    Args:
        provenance: where the frame comes from.
        assessment: what is known of it.
        left_out: labels that found no room.
    """
    capture = assessment.capture
    time = (
        "time unknown"
        if capture.captured_at is None
        else f"{capture.captured_at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    )
    lines = [
        FooterLine(
            text=f"Mission {provenance.mission_id} · sortie {provenance.sortie_id} · {time}"
        ),
        FooterLine(text=_summary(assessment, left_out)),
        _place_line(assessment),
        _warnings_line(assessment),
        FooterLine(
            text=f"Imagery {provenance.imagery_id} · {provenance.file_name} · "
            f"from {provenance.contributor}, pledge {provenance.pledge_id}",
            weight="faint",
        ),
        FooterLine(
            text=f"Model {assessment.detector.label} · {assessment.detector.engine} · "
            "machine detections, not confirmed by a person",
            weight="faint",
        ),
    ]
    return [line for line in lines if line.text]


def _summary(assessment: Assessment, left_out: int) -> str:
    levels = highest_levels(assessment.sightings)
    alerts = sum(level is Level.ALERT for level in levels.values())
    counts = [
        counted(alerts, "alert"),
        f"{len(levels) - alerts} possible",
        counted(len(assessment.detections), "detection"),
    ]
    if left_out:
        counts.append(f"{counted(left_out, 'label')} left out for room")
    return " · ".join(counts)


def _warnings_line(assessment: Assessment) -> FooterLine:
    """Names of what is doubtful about the metadata; the reasons stand in the GeoJSON."""
    codes = dict.fromkeys(
        finding.code.lower().replace("_", " ")
        for finding in assessment.capture.findings
        if finding.severity is Severity.WARNING
    )
    return FooterLine(text=f"Doubtful: {', '.join(codes)}" if codes else "", weight="warning")


def _place_line(assessment: Assessment) -> FooterLine:
    outcome = assessment.capture.outcome
    if outcome is not Outcome.LOCATED:
        sentence = outcome_sentence(outcome)
        return FooterLine(text=f"This frame {sentence}", weight="warning")
    terrain = sorted({terrain_words(point.terrain) for point in assessment.ground if point.terrain})
    placeless: dict[Outcome, int] = {}
    for point in assessment.ground:
        if point.outcome is not Outcome.LOCATED:
            placeless[point.outcome] = placeless.get(point.outcome, 0) + 1
    parts = [f"Ground: {', '.join(terrain)}"] if terrain else []
    parts += [
        f"{count} {outcome_sentence(outcome)}" for outcome, count in sorted(placeless.items())
    ]
    return FooterLine(text=" · ".join(parts), weight="warning" if placeless else "plain")
