"""Lines on an incident beside its sentence: how it moves, and what else it is near."""

from __future__ import annotations

from vedette.v1 import incident_pb2

from models.wording import counted
from service.cli.output import last_part, plain, word
from service.cli.watch import range_unknown, range_words


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
