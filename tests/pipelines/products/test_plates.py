"""The words on a plate, as an operator would read them over a radio."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from models.detections import Detections
from pipelines.products.lettering import printable, shorten, typeface, wrap
from pipelines.products.plates import plates_of
from pipelines.threats.positions.position import Position, PositionKind
from pipelines.threats.proximity.weighing import Level
from tests.pipelines.analytic_frame import seen_frame

NAMES = {"post-7": "Poste avancé 7"}


def test_an_alert_says_where_how_well_how_far_and_from_whom() -> None:
    alert, possible, plain = plates_of(seen_frame().assessment, NAMES, 16)
    assert alert.headline == "ALERT · vehicle 0.91"
    # 28 m west and 18.5 m north of 33.2 N, 35.5 E, where a degree is 93.2 and 110.9 km.
    assert alert.lines[0] == "33.20017, 35.49970"
    assert alert.lines[1].startswith("36S YB ")
    assert alert.lines[2:] == ("CE90 8.0 m", "300 m (288 to 313), 045° from", "Poste avance 7")
    assert possible.headline == "POSSIBLE · person 0.60"
    assert (plain.headline, plain.lines) == ("vehicle 0.30", ())
    assert plain.size_px < alert.size_px


def test_the_weightiest_comes_first_and_many_positions_are_counted() -> None:
    seen = seen_frame()
    near = seen.assessment.sightings[0]
    five = tuple(
        replace(near, detection_index=2, position_id=f"post-{index}", probability=0.9 - index / 10)
        for index in range(5)
    )
    plates = plates_of(replace(seen.assessment, sightings=five), {}, 16)
    assert [plate.index for plate in plates] == [2, 0, 1]
    assert plates[0].lines[4] == "post-0"
    assert plates[0].lines[-1] == "and 2 positions more"


def test_two_rules_that_meet_one_position_say_its_range_once() -> None:
    seen = seen_frame()
    near = seen.assessment.sightings[0]
    both = (
        replace(near, rule_id="wide", radius_m=900.0, probability=0.99, level=Level.POSSIBLE),
        near,
        replace(near, position_id="post-8", level=Level.POSSIBLE, range_m=450.0),
    )
    (alert, *_) = plates_of(replace(seen.assessment, sightings=both), NAMES, 16)
    assert [line for line in alert.lines if "from" in line] == [
        "300 m (288 to 313), 045° from",
        "450 m (288 to 313), 045° from",
    ]
    assert alert.lines[-1] == "post-8"


def test_a_patrol_that_nobody_has_heard_of_has_no_range() -> None:
    seen = seen_frame()
    patrol = Position(
        position_id="patrol-3",
        display_name="Patrol 3",
        kind=PositionKind.PATROL,
        latitude_deg=33.2,
        longitude_deg=35.5,
        sigma_m=3000.0,
        reported_at=datetime(2026, 11, 24, 9, 15, tzinfo=UTC),
    )
    lost = replace(
        seen.assessment.sightings[0],
        position_id="patrol-3",
        position=patrol,
        position_sigma_m=3000.0,
        range_high_m=7012.0,
    )
    (alert, *_) = plates_of(replace(seen.assessment, sightings=(lost,)), {}, 16)
    assert alert.lines[3:] == (
        "perhaps near",
        "patrol-3",
        "its place is unknown",
        "last reported 2026-11-24 09:15 UTC",
    )
    crowd = tuple(replace(lost, detection_index=index) for index in range(3)) * 4
    many = replace(
        seen.assessment,
        detections=Detections.concatenate([seen.assessment.detections] * 4),
        categories=seen.assessment.categories * 4,
        ground=seen.assessment.ground * 4,
        sightings=tuple(replace(it, detection_index=at) for at, it in enumerate(crowd)),
    )
    assert plates_of(many, {}, 16)[-1].headline.endswith(" · place of position not known")


def test_in_a_crowd_of_alerts_only_the_weightiest_say_all() -> None:
    seen = seen_frame()
    assessment, near = seen.assessment, seen.assessment.sightings[0]
    crowd = replace(
        assessment,
        detections=Detections.concatenate([assessment.detections] * 10),
        categories=assessment.categories * 10,
        ground=assessment.ground * 10,
        sightings=tuple(replace(near, detection_index=index) for index in range(30)),
    )
    plates = plates_of(crowd, NAMES, 16)
    assert sum(bool(plate.lines) for plate in plates) == 8
    assert all(plate.level is Level.ALERT for plate in plates)
    assert plates[-1].headline == "ALERT · vehicle 0.30 · 300 m"


def test_bearings_just_west_of_north_are_not_360() -> None:
    seen = seen_frame()
    near = replace(seen.assessment.sightings[0], bearing_deg=359.7)
    (alert, *_) = plates_of(replace(seen.assessment, sightings=(near,)), NAMES, 16)
    assert "000° from" in alert.lines[3]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Poste avancé Béta", "Poste avance Beta"),
        ("45° · ±3", "45° · ±3"),
        ("نقطة 4", "???? 4"),
        ("tab\tand\nline", "tab and line"),
    ],
)
def test_letters_the_typeface_lacks(text: str, shown: str) -> None:
    assert printable(text) == shown
    # The mark of a letter that is not there is the widest box; none of these may be drawn as one.
    missing = typeface(40).getmask("\u0627").getbbox()
    assert all(typeface(40).getmask(one).getbbox() != missing for one in shown if one != " ")


def test_lines_fit_their_width() -> None:
    text = (
        "Mission unifil · sortie S-0412 · 2026-11-24 10:02:11 UTC · a_very_long_word_indeed_it_is"
    )
    lines = wrap(text, 16, 140)
    assert all(typeface(16).getlength(line) <= 140 for line in lines)
    assert lines[0].startswith("Mission unifil")
    assert "".join(lines).startswith("Mission unifil".replace("  ", " "))
    assert shorten("abc", 16, 500) == "abc"
    assert shorten("a" * 200, 16, 100).endswith("…")
