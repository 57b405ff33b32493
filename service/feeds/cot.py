"""Incidents as Cursor on Target events.

The schema is MITRE's "Cursor-On-Target Message Router User's Guide" (MP090284, 2009): `ce` and `le`
are one sigma, `hae` is above the WGS 84 ellipsoid, 9999999 is unknown, `time` is when the thing was
observed and `stale` when that says nothing any more.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree as ET

from pipelines.threats.incidents.incident import ENDED, ChangeKind, IncidentState
from pipelines.threats.proximity.weighing import Level
from pipelines.threats.rules.sentence import unknown_place
from pipelines.threats.tracks.track import heading, speed
from service.ledger.records import IncidentEventRecord, IncidentRecord

UNKNOWN = "9999999"
CE90_SIGMAS = 2.146
LE90_SIGMAS = 1.645

SHOWN_AT_LEAST = timedelta(minutes=5)
"""A message is not stale sooner than this after it is sent: clients do not show what is stale when
it comes (dfpc-coe/node-CoT#78), and imagery is often older than its class stays put. How old the
observation is stands in `time` and in the remarks."""
WITHDRAWN_STALE = timedelta(minutes=1)
"""How long the last word about a dismissed incident is kept for clients that come late."""

_WITHDRAWN = ENDED | {IncidentState.DISMISSED}
# What makes it so; whatever else happens to one that is withdrawn is not sent.
_WITHDRAWING = frozenset(
    {ChangeKind.DECIDED, ChangeKind.CANCELLED, ChangeKind.EXPIRED, ChangeKind.MERGED}
)
_UNIT, _VEHICLE, _GROUND = "a-u-G-U-C", "a-u-G-E-V", "a-u-G"
# Affiliation is unknown always: the machine never calls anybody hostile, nor does a confirmation
# that something is there.
_TYPES = {"person": _UNIT} | dict.fromkeys(
    ("two-wheeler", "car", "van", "truck", "tricycle", "bus"), _VEHICLE
)
# A vehicle is a kilometre away sooner than somebody on foot.
_STALE = {_UNIT: timedelta(minutes=15), _VEHICLE: timedelta(minutes=5)}
_STALE_OTHERWISE = timedelta(minutes=10)
# Characters that XML 1.0 cannot carry, escaped or not.
_NOT_XML = re.compile("[^\\t\\n\\r\\u0020-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")


def cot_messages(
    event: IncidentEventRecord, *, sent_at: datetime | None = None
) -> tuple[bytes, ...]:
    """The messages that tell a TAK server about one event of an incident.

    A live incident, raised, seen again, escalated or de-escalated, acknowledged or confirmed, is
    one marker under the uid of the incident, which replaces the one before. One that was dismissed,
    cancelled, expired or merged is withdrawn by two: the same marker once more, marked as what it
    became and stale in a minute, which replaces what the server
    keeps for clients that connect later; then `t-x-d-d` with a link to the uid and
    `__forcedelete`, which removes it from the clients that show it (the delete message that ATAK's
    maintainers name in AndroidTacticalAssaultKit-CIV#154). `b-a-o-can` is not used: it cancels a
    `b-a-*` emergency of the same uid, and clients do not take a marker down for it. What a
    dismissed incident takes in silently is not sent.

    Args:
        event: the event, with the incident as it was after it.
        sent_at: when it is sent, aware; the time of the event when left out.

    Returns:
        Complete XML documents in the order to send them; empty for a silent update.
    """
    sent = event.occurred_at if sent_at is None else sent_at
    if event.record.incident.state not in _WITHDRAWN:
        return (_document(_marker(event, sent)),)
    if event.kind not in _WITHDRAWING:
        return ()
    return _document(_marker(event, sent)), _document(_removal(event, sent))


def cot_uid(record: IncidentRecord) -> str:
    """The uid of an incident: the same in all its messages, and in no other mission."""
    return f"vedette.{record.mission_id}.{record.incident.incident_id}"


def cot_ping(sent_at: datetime) -> bytes:
    """A message that TAK servers answer with a pong, `t-x-c-t-r`, after all that came before it."""
    element = _event(
        uid="vedette.ping",
        kind="t-x-c-t",
        how="m-g",
        time=sent_at,
        stale=sent_at + timedelta(seconds=30),
    )
    _point(element, latitude_deg=0.0, longitude_deg=0.0)
    return _document(element)


def _marker(event: IncidentEventRecord, sent: datetime) -> ET.Element:
    record = event.record
    incident = record.incident
    kind = _TYPES.get(incident.best.category, _GROUND)
    time = incident.last_seen_at or event.occurred_at
    if incident.state in _WITHDRAWN:
        stale = sent + WITHDRAWN_STALE
    else:
        stale = max(time + _STALE.get(kind, _STALE_OTHERWISE), sent + SHOWN_AT_LEAST)
    # "h-e": a person has judged it; until then a machine has predicted it.
    how = "h-e" if incident.state is IncidentState.CONFIRMED else "m-p"
    element = _event(uid=cot_uid(record), kind=kind, how=how, time=time, stale=stale)
    ground = incident.best.ground
    _point(
        element,
        latitude_deg=ground.latitude_deg,
        longitude_deg=ground.longitude_deg,
        hae_m=ground.hae_m,
        ce_m=None if ground.ce90_m is None else ground.ce90_m / CE90_SIGMAS,
        le_m=None if ground.le90_m is None else ground.le90_m / LE90_SIGMAS,
    )
    detail = ET.SubElement(element, "detail")
    ET.SubElement(detail, "contact", {"callsign": _text(_callsign(record))})
    _track(detail, record)
    remarks = ET.SubElement(detail, "remarks", {"source": "Vedette"})
    remarks.text = _text(_remarks(record))
    _own_detail(detail, event)
    return element


def _track(detail: ET.Element, record: IncidentRecord) -> None:
    """Course in degrees from true north and speed in metres a second, where looks tell both."""
    incident = record.incident
    if incident.velocity_m_s is None or incident.velocity_covariance is None:
        return
    course = heading(incident.velocity_m_s, incident.velocity_covariance)
    if course is None:
        return
    pace, _ = speed(incident.velocity_m_s, incident.velocity_covariance)
    ET.SubElement(detail, "track", {"course": _number(course[0]), "speed": _number(pace)})


def _removal(event: IncidentEventRecord, sent: datetime) -> ET.Element:
    record = event.record
    uid = cot_uid(record)
    element = _event(
        # Not the uid of the marker, which the link names.
        uid=f"{uid}.removal.{record.incident.revision}",
        kind="t-x-d-d",
        how="h-e" if record.incident.state is IncidentState.DISMISSED else "m-p",
        time=event.occurred_at,
        stale=sent + WITHDRAWN_STALE,
    )
    ground = record.incident.best.ground
    _point(element, latitude_deg=ground.latitude_deg, longitude_deg=ground.longitude_deg)
    detail = ET.SubElement(element, "detail")
    kind = _TYPES.get(record.incident.best.category, _GROUND)
    ET.SubElement(detail, "link", {"uid": uid, "type": kind, "relation": "p-p"})
    ET.SubElement(detail, "__forcedelete")
    remarks = ET.SubElement(detail, "remarks", {"source": "Vedette"})
    remarks.text = _text(_remarks(record))
    _own_detail(detail, event)
    return element


def _event(*, uid: str, kind: str, how: str, time: datetime, stale: datetime) -> ET.Element:
    return ET.Element(
        "event",
        {
            "version": "2.0",
            "uid": _text(uid),
            "type": kind,
            "how": how,
            "time": _instant(time),
            "start": _instant(time),
            "stale": _instant(stale),
        },
    )


def _point(
    element: ET.Element,
    *,
    latitude_deg: float | None,
    longitude_deg: float | None,
    hae_m: float | None = None,
    ce_m: float | None = None,
    le_m: float | None = None,
) -> None:
    """The point at the full precision of a double: four decimals would be off by up to 11 m."""
    ET.SubElement(
        element,
        "point",
        {
            "lat": _number(latitude_deg),
            "lon": _number(longitude_deg),
            "hae": _number(hae_m),
            "ce": _number(ce_m),
            "le": _number(le_m),
        },
    )


def _own_detail(detail: ET.Element, event: IncidentEventRecord) -> None:
    """What CoT has no field for; coordinates again, since some servers round those of the point."""
    record = event.record
    incident, decision = record.incident, record.decision
    best, ground = incident.best, incident.best.ground
    values = {
        "incident": f"missions/{record.mission_id}/incidents/{incident.incident_id}",
        "revision": str(incident.revision),
        "sequence": str(event.sequence),
        "event": event.kind.value,
        "state": incident.state.value,
        "level": best.level.value,
        "category": best.category,
        "confidence": _number(best.confidence),
        "latitude_deg": _number(ground.latitude_deg),
        "longitude_deg": _number(ground.longitude_deg),
        "hae_m": _number(ground.hae_m),
        "ce90_m": _number(ground.ce90_m),
        "le90_m": _number(ground.le90_m),
        "position": f"missions/{record.mission_id}/positions/{best.position_id}",
        "range_m": _number(best.range_m),
        "range_low_m": _number(best.range_low_m),
        "range_high_m": _number(best.range_high_m),
        "bearing_deg": _number(best.bearing_deg),
        "radius_m": _number(best.radius_m),
        "probability": _number(best.probability),
        "severity": incident.severity.value,
        "severity_reason": record.reason,
        "near": " ".join(
            f"missions/{record.mission_id}/positions/{name}" for name in incident.position_ids[1:]
        ),
        "more_near": str(incident.more_near),
        "object_count": str(incident.object_count),
        "track": incident.track_id,
        "merged_into": incident.merged_into,
        "sighting_count": str(incident.sighting_count),
        "imagery": f"missions/{record.mission_id}/imagery/{incident.imagery_id}",
        "marking": record.marking.value,
        # Whether `time` is the image's, or the event's because the image tells none.
        "time_source": "event" if incident.last_seen_at is None else "capture",
        "event_time": _instant(event.occurred_at),
    }
    if decision is not None:
        values |= {
            "verdict": decision.verdict.value,
            "reason": decision.reason,
            "decided_at": _instant(decision.decided_at),
        }
    ET.SubElement(detail, "__vedette", {name: _text(value) for name, value in values.items()})


def _callsign(record: IncidentRecord) -> str:
    best = record.incident.best
    if record.incident.state in _WITHDRAWN | {IncidentState.CONFIRMED}:
        word = record.incident.state.value.upper()
    else:
        word = "ALERT" if best.level is Level.ALERT else "possible"
    others = record.incident.others_near
    beside = f" +{others}" if others else ""
    return f"{word}: {best.category}, {record.position_display_name}{beside}"


def _remarks(record: IncidentRecord) -> str:
    incident, decision = record.incident, record.decision
    best, ground = incident.best, incident.best.ground
    ce90 = "unknown" if ground.ce90_m is None else f"{ground.ce90_m:.1f} m"
    photographed = (
        "at a time the image does not tell"
        if incident.last_seen_at is None
        else f"{incident.last_seen_at.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z"
    )
    judged = (
        "No person has judged it."
        if decision is None
        else f"A person has {decision.verdict.value} it"
        + (f": {decision.reason}." if decision.reason else ".")
    )
    near = (
        f"perhaps near {record.position_display_name}: {unknown_place(best)}"
        if best.position_unknown
        else f"{best.range_m:.0f} m ({best.range_low_m:.0f} to {best.range_high_m:.0f} m with "
        f"90 %) at {best.bearing_deg:03.0f} deg true from {record.position_display_name}. "
        f"Probability within {best.radius_m:.0f} m: {best.probability:.2f}"
    )
    return (
        f"{record.marking.value}. {best.category} {near}. {_also_near(record)}CE90 {ce90}. "
        f"Detector confidence {best.confidence:.2f}, sightings {incident.sighting_count}, "
        f"last photographed {photographed}. {judged} Affiliation unknown."
    )


def _also_near(record: IncidentRecord) -> str:
    """The other positions that it is near, the gravest first."""
    told = []
    for seen in record.incident.sightings[1:]:
        name = record.near_display_names.get(seen.position_id, seen.position_id)
        away = f"{seen.range_low_m:.0f} to {seen.range_high_m:.0f} m, {seen.probability:.2f}"
        if seen.position_unknown:
            away = unknown_place(seen)
        told.append(f"{seen.level.value} at {name} ({away})")
    if record.incident.more_near:
        told.append(f"near {record.incident.more_near} more")
    return f"Also {', '.join(told)}. " if told else ""


def _number(value: float | None) -> str:
    return UNKNOWN if value is None else repr(float(value))


def _text(value: str) -> str:
    return _NOT_XML.sub("\ufffd", value)


def _instant(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _document(element: ET.Element) -> bytes:
    # Stream clients are parted by the declaration of the next document: no newline after this one.
    return bytes(ET.tostring(element, encoding="UTF-8", xml_declaration=True))
