"""The rules of a mission that has set none."""

from __future__ import annotations

from pipelines.threats.positions.position import CIVILIAN_KINDS, PositionKind
from pipelines.threats.rules.requirements import Cluster, Convoy, Crossing, NewObject, WhenUnknown
from pipelines.threats.rules.rule import DEFAULT_MIN_CONFIDENCE, DEFAULT_RULE, Rule

DEFAULT_RULES: tuple[Rule, ...] = (
    DEFAULT_RULE,
    Rule(
        rule_id="buffer-zone",
        revision=0,
        description="Vehicles inside a zone that is to be free of them",
        categories=frozenset({"vehicle"}),
        position_kinds=frozenset({PositionKind.BUFFER_ZONE}),
        radius_m=10.0,
        min_confidence=DEFAULT_MIN_CONFIDENCE,
    ),
    Rule(
        rule_id="ceasefire-line",
        revision=0,
        description="Anybody or anything that goes over a ceasefire line or into a buffer zone",
        categories=frozenset({"person", "vehicle"}),
        position_kinds=frozenset({PositionKind.CEASEFIRE_LINE, PositionKind.BUFFER_ZONE}),
        # Far enough that who has crossed is still seen near it.
        radius_m=1000.0,
        min_confidence=DEFAULT_MIN_CONFIDENCE,
        crossing=Crossing(probability=0.5),
    ),
    Rule(
        rule_id="protected-convoy",
        revision=0,
        description="Vehicles that drive in line near a protected site",
        categories=frozenset({"vehicle"}),
        position_kinds=CIVILIAN_KINDS,
        radius_m=2000.0,
        min_confidence=DEFAULT_MIN_CONFIDENCE,
        # Rows of parked vehicles are what such a site looks like every day.
        convoy=Convoy(min_count=3, when_unknown=WhenUnknown.WITHHOLD),
    ),
    Rule(
        rule_id="protected-site",
        revision=0,
        description="Several vehicles together at a protected site; people there are its own",
        categories=frozenset({"vehicle"}),
        position_kinds=CIVILIAN_KINDS,
        radius_m=300.0,
        min_confidence=DEFAULT_MIN_CONFIDENCE,
        cluster=Cluster(min_count=3, radius_m=100.0),
    ),
    Rule(
        rule_id="route-crowd",
        revision=0,
        description="People together on a route: a crowd, a checkpoint or an ambush",
        categories=frozenset({"person"}),
        position_kinds=frozenset({PositionKind.ROUTE}),
        radius_m=50.0,
        min_confidence=DEFAULT_MIN_CONFIDENCE,
        cluster=Cluster(min_count=5, radius_m=50.0),
    ),
    Rule(
        rule_id="route-new",
        revision=0,
        description="What stands on a route where the last look saw nothing",
        categories=frozenset({"person", "vehicle"}),
        position_kinds=frozenset({PositionKind.ROUTE}),
        radius_m=25.0,
        min_confidence=DEFAULT_MIN_CONFIDENCE,
        # Two looks tell what stands from what drives along.
        min_sightings=2,
        # The first look at a route shows everything on it, and none of it is known to be new.
        new_object=NewObject(when_unknown=WhenUnknown.WITHHOLD),
    ),
)
"""Built in, revision 0; in force while a mission has no rule in force of its own."""
