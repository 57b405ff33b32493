"""One incident for one thing, near however many positions."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from alembic import op

from service.clock import utc_now

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_LIVE = ("open", "acknowledged", "confirmed")
_LEVELS = ("possible", "alert")
_SEVERITIES = ("low", "medium", "high")
_MARKINGS = ("UNCLASSIFIED", "CONFIDENTIAL", "STRICTLY CONFIDENTIAL")
_MOST_NEAR = 32
_OF_POSITION = ("calm_run", "calm_since", "outside_run", "outside_since")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_missions = sa.table("missions", sa.column("mission_id"), sa.column("event_sequence"))
_incidents = sa.table(
    "incidents",
    *(
        sa.column(name)
        for name in (
            "mission_id",
            "incident_id",
            "position_id",
            "track_id",
            "state",
            "revision",
            "raised_at",
            "changed_at",
            "last_seen_at",
            "marking",
            "is_kept_inside",
        )
    ),
    sa.column("record", sa.JSON()),
)
_events = sa.table(
    "incident_events",
    *(sa.column(name) for name in ("mission_id", "sequence", "incident_id", "kind", "occurred_at")),
    sa.column("record", sa.JSON()),
)
_releases = sa.table(
    "releases",
    *(sa.column(name) for name in ("mission_id", "incident_id", "recipient", "approved_at")),
)
_positions = sa.table(
    "incident_positions",
    *(sa.column(name) for name in ("mission_id", "position_id", "incident_id")),
)


def upgrade() -> None:
    """Make the table of this revision; live incidents of one track become one.

    The one that a person confirmed goes on, else the gravest; the others are merged into it, with
    an event each. What was decided, and by whom, stays with the incident that it was decided of.
    """
    op.create_table(
        "incident_positions",
        sa.Column("mission_id", sa.String(length=200), nullable=False),
        sa.Column("position_id", sa.String(length=200), nullable=False),
        sa.Column("incident_id", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(
            ["mission_id", "incident_id"],
            ["incidents.mission_id", "incidents.incident_id"],
            name=op.f("fk_incident_positions_mission_id_incident_id"),
        ),
        sa.PrimaryKeyConstraint(
            "mission_id", "position_id", "incident_id", name=op.f("pk_incident_positions")
        ),
    )
    op.create_index(
        op.f("ix_incident_positions_mission_id_incident_id"),
        "incident_positions",
        ["mission_id", "incident_id"],
    )
    connection = op.get_bind()
    live = sa.and_(_incidents.c.state.in_(_LIVE), _incidents.c.track_id != "")
    several = connection.execute(
        sa.select(_incidents.c.mission_id, _incidents.c.track_id)
        .where(live)
        .group_by(_incidents.c.mission_id, _incidents.c.track_id)
        .having(sa.func.count() > 1)
        .order_by(_incidents.c.mission_id, _incidents.c.track_id)
    ).all()
    tracks: dict[str, list[str]] = defaultdict(list)
    for row in several:
        tracks[row.mission_id].append(row.track_id)
    for mission_id, names in tracks.items():
        sequence = connection.execute(
            sa.select(_missions.c.event_sequence).where(_missions.c.mission_id == mission_id)
        ).scalar_one()
        for name in names:
            rows = connection.execute(
                sa.select(_incidents).where(
                    _incidents.c.mission_id == mission_id, _incidents.c.track_id == name, live
                )
            ).all()
            sequence = _unite(connection, list(rows), int(sequence))
        connection.execute(
            sa.update(_missions)
            .where(_missions.c.mission_id == mission_id)
            .values(event_sequence=sequence)
        )


def downgrade() -> None:
    """Take it away; what was merged stays merged."""
    op.drop_index(
        op.f("ix_incident_positions_mission_id_incident_id"), table_name="incident_positions"
    )
    op.drop_table("incident_positions")


def _unite(connection: sa.Connection, rows: list[Any], sequence: int) -> int:
    """Make one incident of some of one track; the mission's last sequence after it."""
    rows.sort(key=_gravity, reverse=True)
    # The gravest of each position: it may have been told twice where tracks were merged.
    places: dict[str, Any] = {}
    for row in rows:
        places.setdefault(row.position_id, row)
    confirmed = [row for row in rows if row.state == "confirmed"]
    kept = (confirmed or rows)[0]
    now = (utc_now() - _EPOCH) // timedelta(microseconds=1)
    told = {"mission_id": kept.mission_id, "occurred_at": now}
    for row in rows:
        if row is kept:
            continue
        sequence += 1
        incident = row.record["incident"] | {
            "state": "merged",
            "merged_into": kept.incident_id,
            "reason": "It is told by one incident for all positions that the object is near.",
            "revision": row.revision + 1,
        }
        record = row.record | {"incident": incident}
        _write(connection, row, record, state="merged", changed_at=now)
        event = {"sequence": sequence, "incident_id": row.incident_id, "kind": "merged"}
        connection.execute(sa.insert(_events).values(**told, **event, record=record))
    record = _united(kept, rows, list(places.values()))
    _write(
        connection,
        kept,
        record,
        state=kept.state,
        position_id=record["incident"]["best"]["position_id"],
        last_seen_at=max((row.last_seen_at for row in rows if row.last_seen_at), default=None),
        changed_at=max(row.changed_at for row in rows),
        marking=record["marking"],
        is_kept_inside=any(row.is_kept_inside for row in rows),
    )
    sequence += 1
    event = {"sequence": sequence, "incident_id": kept.incident_id, "kind": "updated"}
    connection.execute(sa.insert(_events).values(**told, **event, record=record))
    for near in record["incident"]["near"]:
        connection.execute(
            sa.insert(_positions).values(
                mission_id=kept.mission_id,
                incident_id=kept.incident_id,
                position_id=near["sighting"]["position_id"],
            )
        )
    _release_again(connection, kept, record)
    return sequence


def _united(kept: Any, rows: list[Any], places: list[Any]) -> dict[str, Any]:
    """The record of the incident that goes on, near all positions, the gravest first."""
    gravest, others = places[0], places[1:]
    lead, ours = gravest.record["incident"], kept.record["incident"]
    seen = [row.record["incident"] for row in rows]
    severities = [_severity(it) for it in seen]
    held = any(it.get("severity_held", False) for it in seen)
    firsts = [it["first_seen_at"] for it in seen if it["first_seen_at"]]
    lasts = [it["last_seen_at"] for it in seen if it["last_seen_at"]]
    incident = ours | {
        "best": lead["best"],
        "severity": max(severities, key=_SEVERITIES.index) if held else _severity(lead),
        "severity_held": held,
        "reason": lead.get("reason", ""),
        **{name: lead.get(name) for name in _OF_POSITION if name in lead},
        "sighting_count": max(it["sighting_count"] for it in seen),
        "first_seen_at": min(firsts, key=datetime.fromisoformat, default=None),
        "last_seen_at": max(lasts, key=datetime.fromisoformat, default=None),
        "revision": kept.revision + 1,
        "near": [_near(row.record["incident"]) for row in others[:_MOST_NEAR]],
        "more_near": max(len(others) - _MOST_NEAR, 0),
        "only_here": False,
    }
    releases: dict[str, Any] = {}
    for row in (kept, *rows):
        for release in row.record.get("releases", ()):
            known = releases.get(release["recipient"])
            if known is None or (release["approved_at"] and not known["approved_at"]):
                releases[release["recipient"]] = release | {"position_id": row.position_id}
    record: dict[str, Any] = kept.record | {
        "incident": incident,
        "position_display_name": gravest.record["position_display_name"],
        "near_display_names": {
            row.position_id: row.record["position_display_name"] for row in others[:_MOST_NEAR]
        },
        "marking": max((row.record["marking"] for row in rows), key=_MARKINGS.index),
        "caveats": sorted({name for row in rows for name in row.record.get("caveats", ())}),
        "releases": list(releases.values()),
    }
    return record


def _near(incident: dict[str, Any]) -> dict[str, Any]:
    return {
        "sighting": incident["best"],
        "severity": _severity(incident),
        "reason": incident.get("reason", ""),
        "last_near_at": incident["last_seen_at"],
        "calm_run": incident.get("calm_run", 0),
        "calm_since": incident.get("calm_since"),
        "outside_run": incident.get("outside_run", 0),
        "outside_since": incident.get("outside_since"),
    }


def _severity(incident: dict[str, Any]) -> str:
    usual = "medium" if incident["best"]["level"] == "alert" else "low"
    return str(incident.get("severity", usual))


def _gravity(row: Any) -> tuple[int, int, float, int, str]:
    """Sorts incidents by level, severity and probability; of those that are alike the older."""
    incident = row.record["incident"]
    best = incident["best"]
    return (
        _LEVELS.index(best["level"]),
        _SEVERITIES.index(_severity(incident)),
        best["probability"],
        -row.raised_at,
        row.incident_id,
    )


def _write(connection: sa.Connection, row: Any, record: dict[str, Any], **values: Any) -> None:
    connection.execute(
        sa.update(_incidents)
        .where(
            _incidents.c.mission_id == row.mission_id, _incidents.c.incident_id == row.incident_id
        )
        .values(record=record, revision=row.revision + 1, **values)
    )


def _release_again(connection: sa.Connection, kept: Any, record: dict[str, Any]) -> None:
    """To whom any of them was released, the one that goes on is."""
    known = set(
        connection.execute(
            sa.select(_releases.c.recipient).where(
                _releases.c.mission_id == kept.mission_id,
                _releases.c.incident_id == kept.incident_id,
            )
        ).scalars()
    )
    for release in record["releases"]:
        if release["approved_at"] and release["recipient"] not in known:
            approved = datetime.fromisoformat(release["approved_at"])
            connection.execute(
                sa.insert(_releases).values(
                    mission_id=kept.mission_id,
                    incident_id=kept.incident_id,
                    recipient=release["recipient"],
                    approved_at=(approved - _EPOCH) // timedelta(microseconds=1),
                )
            )
