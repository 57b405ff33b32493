"""Rules and their previews in words, for people at a terminal."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from datetime import datetime

from vedette.v1 import rule_pb2

from models.wording import counted
from pipelines.threats.rules.requirements import Day, Hours
from pipelines.threats.rules.rule import Rule
from pipelines.threats.rules.rule_document import rule_toml
from pipelines.threats.rules.sentence import duration
from pipelines.threats.rules.severity import Severity
from service.api.convert.rule import told_rule
from service.cli.output import last_part, utc, word


def asks(rule: Rule) -> str:
    """What a rule asks besides nearness, in a few words; "nothing else" where it does not."""
    return "; ".join(_asks(rule)) or "nothing else"


def _asks(rule: Rule) -> Iterator[str]:
    if rule.min_sightings > 1:
        yield f"{rule.min_sightings} looks"
    if rule.cluster is not None:
        yield f"{rule.cluster.min_count} within {rule.cluster.radius_m:g} m"
    if rule.convoy is not None:
        yield f"{counted(rule.convoy.min_count, 'vehicle')} in line"
    if rule.dwell is not None:
        yield f"stays {duration(rule.dwell.min_s)}"
    if rule.closing is not None:
        yield f"closes faster than {rule.closing.min_speed_m_s:g} m/s"
    if rule.arrival is not None:
        yield f"at the perimeter within {duration(rule.arrival.within_s)}"
    if rule.crossing is not None:
        yield "crosses"
    if rule.new_object is not None:
        yield "is new"
    if rule.hours is not None:
        yield _hours(rule.hours)


def _hours(hours: Hours) -> str:
    days = ",".join(day.value for day in Day if day in hours.days)
    clock = ""
    if hours.start is not None and hours.end is not None:
        clock = f"{hours.start:%H:%M}-{hours.end:%H:%M}"
    return " ".join(part for part in (days, clock, hours.zone) if part)


def toml_of(message: rule_pb2.Rule) -> str:
    """A rule as the document that sets it, with a comment on what it is."""
    return f"# {standing(message)}\n{rule_toml(told_rule(message))}"


def standing(message: rule_pb2.Rule) -> str:
    """Which revision of a rule it is, and who set it when."""
    if message.revision == 0:
        return f"{message.name}, built in"
    text = f"{message.name}, revision {message.revision}"
    if message.HasField("set_time"):
        did = "deleted" if message.deleted else "set"
        text += f", {did} {utc(message.set_time)}"
    return f"{text} by {message.set_by}" if message.set_by else text


def changes(older: rule_pb2.Rule | None, newer: rule_pb2.Rule) -> list[str]:
    """The lines of its document that a revision took away or added; all of the first one."""
    if newer.deleted:
        return ["- all of it"]
    before = [] if older is None else _lines(older)
    return [
        line
        for line in difflib.unified_diff(before, _lines(newer), lineterm="", n=0)
        if not line.startswith(("---", "+++", "@@")) and line.strip("+-")
    ]


def _lines(message: rule_pb2.Rule) -> list[str]:
    """A document with each line of a table named in full, so that a single line says what it is."""
    lines, table = [], ""
    for line in rule_toml(told_rule(message)).splitlines():
        if line.startswith("["):
            table = line.strip("[]") + "."
        elif line:
            lines.append(table + line)
    return lines


def preview_lines(
    found: rule_pb2.PreviewRuleResponse, rule: Rule, since: datetime
) -> Iterator[str]:
    """What a preview found, line by line."""
    until = found.until.ToDatetime()
    yield (
        f"{rule.rule_id} on {counted(found.image_count, 'image')} with "
        f"{counted(found.detection_count, 'detection')}, {since:%Y-%m-%d %H:%M} to "
        f"{until:%Y-%m-%d %H:%M} UTC"
    )
    if found.truncated:
        yield "There were more: only the earlier ones were looked at. Try a shorter time."
    told = f"This rule would have raised {counted(found.preview.incident_count, 'incident')}"
    told += _severities(found.preview)
    if found.HasField("present"):
        told += f"; the one in force {counted(found.present.incident_count, 'incident')}"
        told += _severities(found.present)
    else:
        told += "; none of this name is in force"
    yield f"{told}."
    yield (
        f"All rules together: {counted(found.all_with_preview.incident_count, 'incident')} "
        f"with it, {found.all_present.incident_count:,} as they are."
    )
    if found.image_count == 0:
        yield (
            "No processed image of that time has a known capture time, so this says nothing about "
            "the rule."
        )


def _severities(preview: rule_pb2.RulePreview) -> str:
    counts = {word(it, "severity"): it.count for it in preview.by_severity}
    parts = [
        f"{counts[severity.value]:,} {severity.value}"
        for severity in reversed(Severity)
        if counts.get(severity.value)
    ]
    return f" ({', '.join(parts)})" if parts else ""


def position_rows(found: rule_pb2.PreviewRuleResponse) -> list[tuple[str, str, str]]:
    """Position, incidents of the rule tried, and of the one in force; the most first."""
    tried = {it.position: it for it in found.preview.by_position}
    present = {it.position: it for it in found.present.by_position}
    rows = []
    for name in {**tried, **present}:
        shown = tried.get(name) or present[name]
        rows.append(
            (
                shown.display_name,
                last_part(name),
                tried[name].count if name in tried else 0,
                present[name].count if name in present else 0,
            )
        )
    rows.sort(key=lambda row: (-row[2], -row[3], row[1]))
    return [(called, f"{count:,}", f"{other:,}") for called, _, count, other in rows]


def example_lines(examples: Sequence[rule_pb2.PreviewedIncident]) -> Iterator[str]:
    """Each example as its time and its sentence."""
    for example in examples:
        yield f"{example.capture_time.ToDatetime():%Y-%m-%d %H:%M:%S}  {example.reason}"
