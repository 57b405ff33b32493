"""Clusters and convoys: one incident for all of a group."""

from __future__ import annotations

from dataclasses import replace

from pipelines.threats.rules.requirements import (
    Cluster,
    Convoy,
    WhenUnknown,
)
from pipelines.threats.rules.rule import DEFAULT_RULE
from pipelines.threats.rules.severity import Severity
from tests.pipelines.threats.rules.small_world import COLUMN, CROWD, Thing, World, rule


def test_a_cluster_is_one_incident_for_all_of_it() -> None:
    crowds = rule(cluster=Cluster(min_count=4, radius_m=30.0))
    found = World(things=CROWD, rules=[crowds]).judged()
    (shown,) = found.shown
    assert shown.object_count == 4
    assert set(shown.track_ids) == {"p0", "p1", "p2", "p3"}
    assert shown.track_ids[0] == f"p{shown.sighting.detection_index}"
    assert shown.reason.startswith("4 people, ")
    assert shown.reason.endswith("High because 4 are together.")
    assert [it.reason for it in found.withheld] == ["IN_GROUP"] * 3
    assert World(things=CROWD[:3], rules=[crowds]).withheld() == ["TOO_FEW"] * 3


def test_a_group_is_known_by_the_track_that_began_first() -> None:
    crowds = rule(cluster=Cluster(min_count=3, radius_m=30.0))
    older = replace(CROWD[2], seconds_before=[30.0])
    (shown,) = World(things=[CROWD[0], CROWD[1], older], rules=[crowds]).judged().shown
    assert shown.sighting.detection_index == 2


def test_what_another_frame_showed_just_now_counts_and_what_it_showed_long_ago_does_not() -> None:
    crowds = rule(cluster=Cluster(min_count=4, radius_m=30.0))
    unseen = replace(CROWD[3])
    (shown,) = World(things=CROWD[:3], unseen=[unseen], rules=[crowds]).judged().shown
    assert shown.object_count == 4
    # Without a time of the frame, only what it shows itself is known to be there at once.
    assert World(things=CROWD[:3], unseen=[unseen], rules=[crowds], captured_at=None).withheld()


def test_other_categories_and_what_stands_apart_do_not_count() -> None:
    crowds = rule(categories=frozenset({"person"}), cluster=Cluster(min_count=4, radius_m=30.0))
    other = [*CROWD[:3], Thing(at=(306.0, 8.0), category="car"), replace(CROWD[0], at=(380.0, 0.0))]
    assert World(things=other, rules=[crowds]).withheld() == ["TOO_FEW"] * 4


def test_a_convoy_is_told_with_when_it_arrives() -> None:
    columns = rule(
        radius_m=600.0, categories=frozenset({"vehicle"}), convoy=Convoy(), min_sightings=2
    )
    found = World(things=COLUMN, rules=[columns]).judged()
    (shown,) = found.shown
    assert shown.object_count == 3
    assert shown.severity is Severity.HIGH
    # From 400 m at 10 m/s to 50 m: 35 s.
    assert shown.reason.startswith("3 trucks in line, over 99 % within 600 m of Post Alpha")
    assert "closing at 10.0 +- 0.5 m/s: at the perimeter in 0:3" in shown.reason
    assert [it.reason for it in found.withheld] == ["IN_GROUP"] * 2


def test_members_of_a_convoy_beyond_the_radius_count() -> None:
    columns = rule(radius_m=415.0, categories=frozenset({"vehicle"}), convoy=Convoy())
    found = World(things=COLUMN, rules=[columns]).judged()
    (shown,) = found.shown
    assert shown.object_count == 3
    assert set(shown.track_ids) == {"c0", "c1", "c2"}


def test_vehicles_in_line_of_unknown_movement_are_shown_or_withheld_as_the_rule_says() -> None:
    still = [replace(it, velocity=None, seconds_before=()) for it in COLUMN]
    columns = rule(radius_m=600.0, convoy=Convoy())
    (shown,) = World(things=still, rules=[columns]).judged().shown
    assert "movement not known" in shown.reason
    strict = rule(radius_m=600.0, convoy=Convoy(when_unknown=WhenUnknown.WITHHOLD))
    assert World(things=still, rules=[strict]).withheld() == ["CONVOY_UNKNOWN"] * 3
    scattered = [replace(it, at=(it.at[0], 90.0 * at * at)) for at, it in enumerate(still)]
    assert World(things=scattered[:2], rules=[columns]).withheld() == ["NO_CONVOY"] * 2


def test_what_other_rules_show_of_a_group_is_part_of_it_with_the_highest_severity() -> None:
    columns = rule(radius_m=600.0, convoy=Convoy(), severity_at_most=Severity.LOW)
    wide = replace(DEFAULT_RULE, radius_m=600.0)
    apart = Thing(at=(0.0, -450.0), category="person", name="alone")
    found = World(things=[*COLUMN, apart], rules=[columns, wide]).judged()
    group, single = found.shown
    assert (group.object_count, group.severity) == (3, Severity.HIGH)
    assert group.reason.endswith(
        "High because it closes and arrives within 3 minutes and a truck closes."
    )
    assert single.track_ids == ("alone",)
    assert sorted(it.reason for it in found.withheld) == ["IN_GROUP"] * 5 + ["NO_CONVOY"]
