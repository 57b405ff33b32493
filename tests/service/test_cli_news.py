from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from vedette.v1 import ground_pb2, incident_pb2

from service.cli.news import News

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
METRE_DEG = 1.0 / 110_600.0


def an_update(name: str = "a", seconds: float = 0.0) -> incident_pb2.IncidentEvent:
    event = incident_pb2.IncidentEvent(
        kind=incident_pb2.INCIDENT_EVENT_KIND_UPDATED,
        incident=incident_pb2.Incident(
            name=name,
            state=incident_pb2.INCIDENT_STATE_OPEN,
            level=incident_pb2.INCIDENT_LEVEL_ALERT,
            severity=incident_pb2.INCIDENT_SEVERITY_MEDIUM,
            category="car",
            object_count=1,
            probability=0.8,
            ground=ground_pb2.GroundPoint(latitude_deg=4.8, longitude_deg=31.5, ce90_m=30.0),
            speed_m_s=0.4,
            speed_sigma_m_s=0.5,
        ),
    )
    event.incident.last_seen_time.FromDatetime(NOON + timedelta(seconds=seconds))
    return event


def far(incident: incident_pb2.Incident) -> None:
    incident.ground.latitude_deg += 31.0 * METRE_DEG


def better_known(incident: incident_pb2.Incident) -> None:
    incident.ground.ce90_m = 15.0


def likelier(incident: incident_pb2.Incident) -> None:
    incident.probability = 0.91


def moving(incident: incident_pb2.Incident) -> None:
    incident.speed_m_s = 4.0


def several(incident: incident_pb2.Incident) -> None:
    incident.object_count = 3


def graver(incident: incident_pb2.Incident) -> None:
    incident.severity = incident_pb2.INCIDENT_SEVERITY_HIGH


def otherwise(incident: incident_pb2.Incident) -> None:
    incident.category = "truck"


@pytest.mark.parametrize(
    "change", [far, better_known, likelier, moving, several, graver, otherwise]
)
def test_what_has_changed_is_news(change: Callable[[incident_pb2.Incident], None]) -> None:
    news = News()
    assert news.tells(an_update())
    assert not news.tells(an_update(seconds=30))
    changed = an_update(seconds=60)
    change(changed.incident)
    assert news.tells(changed)
    assert not news.tells(changed)


def test_what_is_seen_again_after_ten_minutes_is_news() -> None:
    news = News()
    told = [news.tells(an_update(seconds=each)) for each in range(0, 1300, 100)]
    assert [at for at, it in enumerate(told) if it] == [0, 6, 12]


def test_a_slow_drift_is_told_when_it_has_left_the_place_that_was_told() -> None:
    news, told = News(), []
    for step in range(8):
        event = an_update(seconds=step)
        event.incident.ground.longitude_deg += 9.0 * step * METRE_DEG
        told.append(news.tells(event))
    # Each is 9 m on from the last; the place was told with an error of 30 m.
    assert [at for at, it in enumerate(told) if it] == [0, 4]


def test_incidents_are_told_apart_and_everything_but_updates_is_news() -> None:
    news = News()
    assert news.tells(an_update("a"))
    assert news.tells(an_update("b"))
    decided = an_update("a")
    decided.kind = incident_pb2.INCIDENT_EVENT_KIND_DECIDED
    assert news.tells(decided)
    assert news.tells(decided)
