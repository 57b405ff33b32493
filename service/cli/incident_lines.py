"""An incident in words: why it is told, how far from whom, how it moves, what was decided."""

from __future__ import annotations

import math

from vedette.v1 import incident_pb2

from models.wording import counted
from service.cli.output import last_part, plain, word

Stands = incident_pb2.Incident | incident_pb2.NearPosition
# Between the 5 % and the 95 % quantile of a normal distribution.
_INTERVAL_SIGMAS = 3.29
# CE90 in sigmas of the longer axis, where the ellipse is a line.
_LEAST_CE90_SIGMAS = 1.645
_ENDED = frozenset(
    {
        incident_pb2.INCIDENT_STATE_CANCELLED,
        incident_pb2.INCIDENT_STATE_EXPIRED,
        incident_pb2.INCIDENT_STATE_MERGED,
    }
)


def describe(incident: incident_pb2.Incident) -> str:
    """Why it is told, in a sentence, and what all its sightings together measure.

    The sentence is of the one look that gave the incident its severity. Where there was no other
    the two are the same, and the interval is not said twice.
    """
    sentence = plain(incident.severity_reason)
    if sentence and incident.sighting_count > 1 and incident.state not in _ENDED:
        sentence = f"At one look: {sentence}"
    return f"{sentence} {_measured(incident, said=bool(sentence))}".lstrip()


def _measured(incident: incident_pb2.Incident, *, said: bool) -> str:
    ground, count = incident.ground, incident.sighting_count
    position = plain(incident.position_display_name) or last_part(incident.position)
    together = f"All {count:,} sightings together" if count > 1 else "One sighting"
    sure = f"confidence {incident.confidence:.2f}"
    if count > 1 or not said:
        span = range_words(incident, ground.ce90_m)
        sure += f", P(within {incident.radius_m:.0f} m) {incident.probability:.2f}"
    else:
        span = f"{incident.range_m:.0f} m"
    away = f"{span} at bearing {incident.bearing_deg:03.0f}° from {position}"
    if range_unknown(incident, ground.ce90_m):
        # Of the patrol, most likely; the sentence says since when.
        away = f"perhaps near {position}, at a range that is not known"
        sure = f"confidence {incident.confidence:.2f}"
    return (
        f"{together}: {incident.category} {away}; {sure}; {ground.latitude_deg:.6f}, "
        f"{ground.longitude_deg:.6f} (MGRS {ground.mgrs}) CE90 {ground.ce90_m:.1f} m"
    )


def describe_course(found: incident_pb2.Incident) -> list[str]:
    """How it moves, and what it was merged into, a line each."""
    lines = []
    if found.HasField("speed_m_s"):
        course = (
            f", heading {found.heading_deg:03.0f}° +- {found.heading_sigma_deg:.0f}°"
            if found.HasField("heading_deg")
            else ""
        )
        lines.append(f"speed {found.speed_m_s:.1f} +- {found.speed_sigma_m_s:.1f} m/s{course}")
    if found.merged_into:
        lines.append(f"merged into {last_part(found.merged_into)}")
    return lines


def describe_near(found: incident_pb2.Incident) -> list[str]:
    """How it stands to each of the other positions that it is near, a line each."""
    lines = []
    for item in found.near:
        away = f"{range_words(item, found.ground.ce90_m)} at bearing {item.bearing_deg:03.0f}°"
        if range_unknown(item, found.ground.ce90_m):
            away = "at a range that is not known"
        lines.append(
            f"also near {plain(item.position_display_name) or last_part(item.position)}: "
            f"{word(item, 'level')}, severity {word(item, 'severity')}; {away}, P(within "
            f"{item.radius_m:.0f} m) {item.probability:.2f}; rule {last_part(item.rule)}"
        )
    if found.more_near_count:
        lines.append(f"and near {counted(found.more_near_count, 'position')} more")
    return lines


def describe_decision(decision: incident_pb2.Decision) -> str:
    """What was decided, by whom and why."""
    why = f' ("{plain(decision.reason)}")' if decision.reason else ""
    code = f" as {word(decision, 'reason_code').replace('_', ' ')}" if decision.reason_code else ""
    return f"{word(decision, 'verdict')}{code} by {plain(decision.decided_by)}{why}"


def describe_release(release: incident_pb2.Release) -> str:
    """To whom it is released, or proposed to be, and by whom."""
    to, first = plain(release.recipient), plain(release.proposed_by)
    why = f' ("{plain(release.reason)}")' if release.reason else ""
    if not release.HasField("approve_time"):
        return f"proposed by {first} for release to {to}{why}; a second person has to release it"
    return f"released to {to} by {first} and {plain(release.approved_by)}{why}"


def and_others(position: str, others: int) -> str:
    """A position, and how many others a thing is near."""
    return f"{position} +{others}" if others else position


def range_unknown(stands: Stands, ce90_m: float) -> bool:
    """Whether a range says nothing, because nobody knows where the position is to speak of.

    So it is of a patrol that was not heard of for long, and of images without a time: the 90 %
    interval is wider than the object's own error makes it, by more than the radius, one sigma.
    """
    together = (stands.range_high_m - stands.range_low_m) / _INTERVAL_SIGMAS
    return math.hypot(ce90_m / _LEAST_CE90_SIGMAS, stands.radius_m) < together


def range_words(stands: Stands, ce90_m: float) -> str:
    """Range from a position and its 90 % interval, of an object with a CE90."""
    low, high = stands.range_low_m, stands.range_high_m
    if range_unknown(stands, ce90_m):
        return f"unknown (up to {high:.0f} m)"
    return f"{stands.range_m:.0f} m ({low:.0f} to {high:.0f} m)"
