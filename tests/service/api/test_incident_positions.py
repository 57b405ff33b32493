"""Who learns of which of the positions that an incident is near."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest

from models.errors import VedetteError
from pipelines.threats.incidents.incident import ChangeKind, Nearby
from pipelines.threats.positions.position import Position, PositionKind
from pipelines.threats.rules.severity import Severity
from service.ledger.incidents import write_events
from service.ledger.records import IncidentEventRecord, IncidentRecord

HOME = "missions/unmiss"
HOST = {"recipient": "host state", "reason": "their road"}


def put(station: Any, record: IncidentRecord, kind: ChangeKind) -> IncidentRecord:
    """Write an incident as it is now, with an event of it."""
    ledger = station.ledger
    sequence = ledger.last_sequence("unmiss") + 1
    incident = replace(record.incident, revision=record.incident.revision + 1)
    record = replace(record, incident=incident)
    event = IncidentEventRecord(
        sequence=sequence,
        kind=kind,
        record=record,
        occurred_at=record.raised_at + timedelta(minutes=sequence),
    )
    with ledger._writing() as connection:
        write_events(connection, "unmiss", [event])
    return record


def near_secret(record: IncidentRecord, *, only: bool = False) -> IncidentRecord:
    """The incident come near a second post, and gone from the first where it is near that only."""
    first = record.incident.best
    secret = replace(first, position_id="secret-post", range_m=321.0)
    old = Nearby(sighting=first, severity=record.incident.severity, reason=record.incident.reason)
    incident = replace(
        record.incident,
        best=secret,
        severity=Severity.HIGH,
        reason="A car near the secret post.",
        near=() if only else (old,),
    )
    return replace(
        record,
        incident=incident,
        position_display_name="Secret Post",
        near_display_names={} if only else {"post-1": "Post One"},
    )


@pytest.fixture
async def host(station: Any) -> str:
    """The token of a liaison, to whom two persons released the Norwegian incident."""
    post = Position(
        position_id="secret-post",
        display_name="Secret Post",
        kind=PositionKind.POST,
        latitude_deg=4.01,
        longitude_deg=30.0,
    )
    record = record_of(station)
    station.ledger.create_position("unmiss", post, record.raised_at)
    for name, revision in (("ops-1", 1), ("ops-2", 2)):
        person = await station.credential(name, "operator", "CONFIDENTIAL")
        await station.call(
            person,
            "IncidentService.ReleaseIncident",
            name=station.incidents["NOR"],
            revision=revision,
            **HOST,
        )
    token: str = await station.credential(
        "host-lo", "liaison", "CONFIDENTIAL", recipient="host state"
    )
    return token


def record_of(station: Any) -> IncidentRecord:
    name = station.incidents["NOR"].rpartition("/")[2]
    found: IncidentRecord = station.ledger.get_incident("unmiss", name)
    return found


async def everything(station: Any, token: str) -> str:
    """All that a reader is told of incidents, by every way there is."""
    name = station.incidents["NOR"]
    told: list[Any] = [
        await station.call(token, "IncidentService.GetIncident", name=name),
        await station.call(token, "IncidentService.ListIncidents", parent=HOME),
    ]
    for detail in (1, 2):
        told += await station.call(
            token,
            "IncidentService.SubscribeIncidents",
            parent=HOME,
            replay_only=True,
            detail=detail,
        )
    text = "".join(map(str, told))
    try:
        for kind in ("geojson", "kmz"):
            pieces = await station.call(
                token, "ProductService.DownloadProduct", name=f"{name}/products/{kind}"
            )
            data = b"".join(piece.chunk for piece in pieces)
            if kind == "kmz":
                with zipfile.ZipFile(BytesIO(data)) as archive:
                    data = archive.read("doc.kml")
            text += data.decode()
    except VedetteError as error:
        text += str(error)
    return text


@pytest.mark.parametrize("only", [False, True], ids=["near-both", "gone-on"])
async def test_a_liaison_learns_of_the_released_position_alone(
    station: Any, host: str, only: bool
) -> None:
    put(station, near_secret(record_of(station), only=only), ChangeKind.ESCALATED)
    told = await everything(station, host)
    assert "secret" not in told.lower()
    # 4.01 degrees north is where the other post is, 321 m how far it is away.
    assert "4.01" not in told
    assert "321" not in told
    # Of what was told before it went there the events still tell.
    assert "post-1" in told
    assert ("not near the position" in told) is only
    analyst = await station.credential("analyst-1", "analyst", "CONFIDENTIAL")
    told = await everything(station, analyst)
    assert "missions/unmiss/positions/secret-post" in told
    assert "Secret Post" in told
    if not only:
        assert '"also_near":[{' in told


async def test_incidents_of_a_position_are_listed_for_the_mission_alone(
    station: Any, host: str
) -> None:
    put(station, near_secret(record_of(station)), ChangeKind.ESCALATED)
    analyst = await station.credential("analyst-1", "analyst", "CONFIDENTIAL")
    for position in ("post-1", "secret-post"):
        listed = await station.call(
            analyst,
            "IncidentService.ListIncidents",
            parent=HOME,
            position=f"{HOME}/positions/{position}",
        )
        assert station.incidents["NOR"] in {it.name for it in listed.incidents}
    with pytest.raises(VedetteError, match="listed by position for the mission alone"):
        await station.call(
            host,
            "IncidentService.ListIncidents",
            parent=HOME,
            position=f"{HOME}/positions/secret-post",
        )
    with pytest.raises(VedetteError, match="another mission"):
        await station.call(
            analyst,
            "IncidentService.ListIncidents",
            parent=HOME,
            position="missions/minusca/positions/post-1",
        )
