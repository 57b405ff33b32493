"""Shapes, updates, patrols and imports, through the servicer and the ledger behind it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp
from vedette.v1 import position_pb2

from models.errors import InvalidInputError
from pipelines.threats.positions.position import PositionKind
from pipelines.threats.positions.shapes import Line, Polygon
from service.api.position import PositionService
from service.clock import utc_now
from service.errors import (
    AlreadyExistsError,
    LimitExceededError,
    NotFoundError,
    StaleRevisionError,
)
from service.ledger.store import Ledger

PARENT = "missions/unmiss"


@pytest.fixture
def service(sqlite_ledger: Ledger) -> PositionService:
    return PositionService(sqlite_ledger)


def vertices(*places: tuple[float, float]) -> list[position_pb2.Vertex]:
    return [position_pb2.Vertex(longitude_deg=x, latitude_deg=y) for x, y in places]


def camp(**changes: Any) -> position_pb2.Position:
    ring = position_pb2.Ring(
        vertices=vertices((31.5, 4.8), (31.51, 4.8), (31.51, 4.81), (31.5, 4.81), (31.5, 4.8))
    )
    message = position_pb2.Position(
        display_name="Camp",
        kind=position_pb2.POSITION_KIND_CAMP,
        polygon=position_pb2.PositionPolygon(rings=[ring]),
        sigma_m=3.0,
        use_times=["mon-fri 06:00-18:00 +03:00"],
    )
    message.MergeFrom(position_pb2.Position(**changes))
    return message


async def create(
    service: PositionService, position_id: str, position: position_pb2.Position
) -> position_pb2.Position:
    return await service.CreatePosition(
        position_pb2.CreatePositionRequest(
            parent=PARENT, position_id=position_id, position=position
        ),
        None,
    )


async def get(service: PositionService, position_id: str) -> position_pb2.Position:
    name = f"{PARENT}/positions/{position_id}"
    return await service.GetPosition(position_pb2.GetPositionRequest(name=name), None)


async def update(
    service: PositionService, position: position_pb2.Position, *paths: str
) -> position_pb2.Position:
    return await service.UpdatePosition(
        position_pb2.UpdatePositionRequest(
            position=position, update_mask=FieldMask(paths=list(paths))
        ),
        None,
    )


async def test_a_shape_comes_back_as_it_was_given_with_its_reference_point(
    service: PositionService, sqlite_ledger: Ledger
) -> None:
    made = await create(service, "camp-1", camp())
    assert (made.latitude_deg, made.longitude_deg) == pytest.approx((4.805, 31.505), abs=1e-6)
    assert made.revision == 1
    # What is got can be given again, and changes nothing.
    assert await create(service, "camp-1", made) == made
    assert await get(service, "camp-1") == made
    kept = sqlite_ledger.get_position("unmiss", "camp-1")
    assert kept.kind is PositionKind.CAMP
    assert isinstance(kept.shape, Polygon)
    assert len(kept.shape.rings_lonlat[0]) == 4
    listed = await service.ListPositions(position_pb2.ListPositionsRequest(parent=PARENT), None)
    assert list(listed.positions) == [made]


@pytest.mark.parametrize(
    ("position", "field"),
    [
        (camp(kind=position_pb2.POSITION_KIND_ROUTE), "position.polygon"),
        (camp(use_times=["now and then"]), "position.use_times[1]"),
        (
            position_pb2.Position(
                kind=position_pb2.POSITION_KIND_ROUTE,
                line=position_pb2.PositionLine(vertices=vertices((31.5, 4.8))),
            ),
            "position.line.vertices",
        ),
        (
            position_pb2.Position(
                kind=position_pb2.POSITION_KIND_CEASEFIRE_LINE,
                line=position_pb2.PositionLine(vertices=vertices((31.5, 4.8), (31.5, 94.8))),
            ),
            "position.line.vertices[1].latitude_deg",
        ),
        (
            position_pb2.Position(
                kind=position_pb2.POSITION_KIND_POST,
                latitude_deg=4.0,
                longitude_deg=31.0,
                aging=position_pb2.Aging(speed_m_s=2.0),
            ),
            "position.aging",
        ),
    ],
)
async def test_what_cannot_be_is_refused_by_field(
    service: PositionService, position: position_pb2.Position, field: str
) -> None:
    with pytest.raises(InvalidInputError) as caught:
        await create(service, "p", position)
    assert caught.value.field == field


async def test_an_update_changes_what_its_mask_names(service: PositionService) -> None:
    made = await create(service, "camp-1", camp(radius_m=800.0))
    name = made.name
    renamed = await update(
        service, position_pb2.Position(name=name, display_name="Camp Juba"), "display_name"
    )
    assert (renamed.display_name, renamed.revision) == ("Camp Juba", 2)
    assert renamed.polygon == made.polygon
    assert renamed.radius_m == 800.0
    # A field that the mask names and the message leaves out is taken away.
    plain = await update(service, position_pb2.Position(name=name), "radius_m", "use_times")
    assert not plain.HasField("radius_m")
    assert list(plain.use_times) == []
    # Nothing that differs is no change.
    assert (await update(service, plain)).revision == plain.revision == 3
    moved = await update(
        service,
        position_pb2.Position(
            name=name,
            kind=position_pb2.POSITION_KIND_ROUTE,
            line=position_pb2.PositionLine(vertices=vertices((31.5, 4.8), (31.6, 4.8))),
        ),
        "kind",
        "polygon",
        "line",
    )
    assert moved.WhichOneof("shape") == "line"
    assert moved.longitude_deg == pytest.approx(31.55, abs=1e-6)


async def test_two_who_change_a_position_notice_each_other(service: PositionService) -> None:
    made = await create(service, "camp-1", camp())
    made.sigma_m = 7.0
    await update(service, made)
    made.sigma_m = 9.0
    with pytest.raises(StaleRevisionError, match="revision 2, not 1"):
        await update(service, made)
    made.revision = 0
    assert (await update(service, made)).sigma_m == 9.0
    with pytest.raises(NotFoundError):
        await update(service, position_pb2.Position(name=f"{PARENT}/positions/x"), "sigma_m")
    with pytest.raises(InvalidInputError) as caught:
        await update(service, made, "colour")
    assert caught.value.field == "update_mask"


def report(
    at: datetime, longitude_deg: float, sigma_m: float = 10.0, latitude_deg: float = 4.8
) -> position_pb2.PatrolReport:
    stamp = Timestamp()
    stamp.FromDatetime(at)
    return position_pb2.PatrolReport(
        report_time=stamp, latitude_deg=latitude_deg, longitude_deg=longitude_deg, sigma_m=sigma_m
    )


async def stream(
    service: PositionService, requests: Iterable[position_pb2.StreamPatrolRequest]
) -> list[int]:
    async def sent() -> AsyncIterator[position_pb2.StreamPatrolRequest]:
        for request in requests:
            yield request

    return [answer.acknowledged_sequence async for answer in service.StreamPatrol(sent(), None)]


PATROL = f"{PARENT}/positions/patrol-3"


async def make_patrol(service: PositionService) -> None:
    await create(
        service,
        "patrol-3",
        position_pb2.Position(
            kind=position_pb2.POSITION_KIND_PATROL,
            latitude_deg=4.8,
            longitude_deg=31.5,
            sigma_m=100.0,
        ),
    )


async def test_every_message_of_a_patrol_is_acknowledged_when_it_is_in_the_ledger(
    service: PositionService, sqlite_ledger: Ledger
) -> None:
    await make_patrol(service)
    start = (utc_now() - timedelta(hours=1)).replace(microsecond=0)
    messages = [
        position_pb2.StreamPatrolRequest(
            patrol=PATROL,
            sequence=7,
            reports=[report(start, 31.50), report(start + timedelta(minutes=1), 31.51)],
        ),
        position_pb2.StreamPatrolRequest(
            sequence=9, reports=[report(start + timedelta(minutes=2), 31.52)]
        ),
    ]
    assert await stream(service, messages) == [7, 9]
    # Sent again after a cut: acknowledged, and there once.
    assert await stream(service, messages) == [7, 9]
    now = await get(service, "patrol-3")
    assert now.longitude_deg == 31.52
    assert now.sigma_m == 10.0
    assert now.report_time.ToDatetime(tzinfo=UTC) == start + timedelta(minutes=2)
    around = sqlite_ledger.reports_around("unmiss", ["patrol-3"], start + timedelta(seconds=70))
    assert [it.longitude_deg for it in around["patrol-3"]] == [31.51, 31.52]
    # Where it was, half-way between two reports.
    then = sqlite_ledger.position_at("unmiss", "patrol-3", start + timedelta(seconds=90))
    assert then.longitude_deg == pytest.approx(31.515, abs=1e-9)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"patrol": "missions/unmiss"}, "patrol"),
        ({"patrol": "missions/minusca/positions/patrol-3"}, "patrol"),
        ({"sequence": 1}, "sequence"),
        ({"reports": [report(datetime(2090, 1, 1, tzinfo=UTC), 31.5)]}, "reports[0].report_time"),
        (
            {"reports": [report(datetime(2026, 1, 1, tzinfo=UTC), 200.0)]},
            "reports[0].longitude_deg",
        ),
        (
            {"reports": [report(datetime(2026, 1, 1, tzinfo=UTC), 31.0, sigma_m=0.0)]},
            "reports[0].sigma_m",
        ),
        ({"reports": [position_pb2.PatrolReport(latitude_deg=4.0)]}, "reports[0].report_time"),
        ({"reports": [position_pb2.PatrolReport()] * 1001}, "reports"),
    ],
)
async def test_a_message_that_is_wrong_ends_the_stream_and_says_why(
    service: PositionService, change: dict[str, Any], field: str
) -> None:
    await make_patrol(service)
    first = position_pb2.StreamPatrolRequest(patrol=PATROL, sequence=1)
    second = position_pb2.StreamPatrolRequest(**({"sequence": 2} | change))
    with pytest.raises(InvalidInputError) as caught:
        await stream(service, [first, second])
    assert caught.value.field == field


async def test_only_a_patrol_reports(service: PositionService) -> None:
    await create(service, "camp-1", camp())
    request = position_pb2.StreamPatrolRequest(patrol=f"{PARENT}/positions/camp-1", sequence=1)
    with pytest.raises(InvalidInputError, match="only a patrol"):
        await stream(service, [request])
    request.patrol = f"{PARENT}/positions/nobody"
    with pytest.raises(NotFoundError):
        await stream(service, [request])


async def test_a_patrol_that_reports_is_moved_by_reports_alone(service: PositionService) -> None:
    await make_patrol(service)
    await stream(
        service,
        [
            position_pb2.StreamPatrolRequest(
                patrol=PATROL, sequence=1, reports=[report(utc_now(), 31.7)]
            )
        ],
    )
    with pytest.raises(InvalidInputError, match="StreamPatrol"):
        await update(service, position_pb2.Position(name=PATROL), "latitude_deg")
    now = await get(service, "patrol-3")
    now.display_name = "Patrol Three"
    now.aging.CopyFrom(position_pb2.Aging(max_age_s=600.0))
    changed = await update(service, now)
    assert (changed.display_name, changed.longitude_deg) == ("Patrol Three", 31.7)
    assert (changed.aging.max_age_s, changed.aging.speed_m_s) == (600.0, 5.0)


async def test_a_patrol_may_begin_with_its_first_report(
    service: PositionService, sqlite_ledger: Ledger
) -> None:
    at = Timestamp()
    at.FromDatetime(datetime(2026, 3, 1, 8, tzinfo=UTC))
    position = position_pb2.Position(
        kind=position_pb2.POSITION_KIND_PATROL,
        latitude_deg=4.8,
        longitude_deg=31.5,
        sigma_m=20.0,
        aging=position_pb2.Aging(speed_m_s=2.0),
        report_time=at,
    )
    made = await create(service, "patrol-4", position)
    assert made.report_time == at
    assert await create(service, "patrol-4", position) == made
    aged = sqlite_ledger.position_at("unmiss", "patrol-4", datetime(2026, 3, 1, 8, 5, tzinfo=UTC))
    assert aged.sigma_m == pytest.approx((20.0**2 + (2.0 * 300.0) ** 2 / 2.0) ** 0.5)


async def import_file(
    service: PositionService, data: bytes, chunk: int = 100, **header: Any
) -> position_pb2.ImportPositionsResponse:
    async def sent() -> AsyncIterator[position_pb2.ImportPositionsRequest]:
        yield position_pb2.ImportPositionsRequest(
            header=position_pb2.ImportHeader(parent=PARENT, **header)
        )
        for start in range(0, len(data), chunk):
            yield position_pb2.ImportPositionsRequest(chunk=data[start : start + chunk])

    return await service.ImportPositions(sent(), None)


def rows(*lines: str) -> bytes:
    return "\n".join(("id,name,kind,latitude,longitude,sigma_m", *lines)).encode()


GOOD = rows("a,A,post,4.8,31.5,1", "b,B,base,4.9,31.6,2")


async def test_an_import_is_previewed_then_made_then_nothing(
    service: PositionService, sqlite_ledger: Ledger
) -> None:
    preview = await import_file(service, GOOD, validate_only=True)
    assert [(it.position_id, it.change) for it in preview.positions] == [
        ("a", position_pb2.IMPORT_CHANGE_CREATED),
        ("b", position_pb2.IMPORT_CHANGE_CREATED),
    ]
    assert not preview.committed
    assert sqlite_ledger.all_positions("unmiss") == ()
    made = await import_file(service, GOOD)
    assert made.committed
    assert [it.position_id for it in sqlite_ledger.all_positions("unmiss")] == ["a", "b"]
    again = await import_file(service, GOOD)
    assert {it.change for it in again.positions} == {position_pb2.IMPORT_CHANGE_UNCHANGED}
    assert {it.revision for it in sqlite_ledger.all_positions("unmiss")} == {1}


async def test_one_fault_keeps_all_out_unless_the_rest_is_asked_for(
    service: PositionService, sqlite_ledger: Ledger
) -> None:
    bad = GOOD + b"\nc,C,castle,95,31.5,0\n"
    refused = await import_file(service, bad)
    assert [(it.entry, it.position_id, it.field) for it in refused.faults] == [
        (4, "c", "kind"),
        (4, "c", "latitude"),
    ]
    assert refused.fault_count == 2
    assert not refused.committed
    assert list(refused.positions) == []
    assert sqlite_ledger.all_positions("unmiss") == ()
    partly = await import_file(service, bad, allow_partial=True)
    assert partly.committed
    assert partly.fault_count == 2
    assert len(sqlite_ledger.all_positions("unmiss")) == 2


async def test_what_exists_and_differs_is_replaced_only_when_asked(
    service: PositionService, sqlite_ledger: Ledger
) -> None:
    await import_file(service, GOOD)
    other = rows("a,A,post,4.85,31.5,1", "d,D,post,4.8,31.9,1")
    refused = await import_file(service, other)
    assert [(it.entry, it.position_id) for it in refused.faults] == [(2, "a")]
    assert "exists and differs" in refused.faults[0].message
    assert len(sqlite_ledger.all_positions("unmiss")) == 2
    made = await import_file(service, other, replace=True)
    assert [it.change for it in made.positions] == [
        position_pb2.IMPORT_CHANGE_REPLACED,
        position_pb2.IMPORT_CHANGE_CREATED,
    ]
    changed = sqlite_ledger.get_position("unmiss", "a")
    assert (changed.latitude_deg, changed.revision) == (4.85, 2)


async def test_a_route_of_a_geojson_file_is_a_line(
    service: PositionService, sqlite_ledger: Ledger
) -> None:
    document = {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "properties": {"name": "MSR Green", "buffer_m": 15},
                "geometry": {"type": "LineString", "coordinates": [[31.5, 4.8], [31.7, 4.9]]},
            }
        ],
    }
    await import_file(
        service, json.dumps(document).encode(), format=position_pb2.IMPORT_FORMAT_GEOJSON
    )
    (route,) = sqlite_ledger.all_positions("unmiss")
    assert route.kind is PositionKind.ROUTE
    assert route.shape == Line(vertices_lonlat=((31.5, 4.8), (31.7, 4.9)), buffer_m=15.0)


async def test_a_stream_that_is_no_file_is_refused(service: PositionService) -> None:
    async def headless() -> AsyncIterator[position_pb2.ImportPositionsRequest]:
        yield position_pb2.ImportPositionsRequest(chunk=b"a")

    with pytest.raises(InvalidInputError) as caught:
        await service.ImportPositions(headless(), None)
    assert caught.value.field == "header"
    with pytest.raises(LimitExceededError):
        await import_file(service, bytes(33 << 20), chunk=1 << 20)
    with pytest.raises(InvalidInputError):
        await import_file(service, bytes(2 << 20), chunk=2 << 20)


async def test_the_same_name_with_other_content_is_told(service: PositionService) -> None:
    await create(service, "camp-1", camp())
    with pytest.raises(AlreadyExistsError):
        await create(service, "camp-1", camp(sigma_m=9.0))
