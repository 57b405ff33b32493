"""The result of a rendered sortie: goals, figures and a table."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from scenes.comparison import VEHICLES, Comparison, distance_m, pair, things_within
from scenes.sortie import Sortie
from scenes.truth import ThingTruth

GOAL_INSIDE, GOAL_MEDIAN_M = 0.85, 1.0
_HEAD = (
    "object",
    "range m",
    "whole in",
    "found in",
    "median m",
    "worst m",
    "CE90 m",
    "in CE90",
    "incident",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Alarm:
    """One incident as it stands at the end.

    Attributes:
        latitude_deg: WGS 84.
        longitude_deg: WGS 84.
        ce90_m: radius that holds 90 % of horizontal errors.
        level: "possible" or "alert".
    """

    latitude_deg: float
    longitude_deg: float
    ce90_m: float
    level: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Goal:
    """One thing that must hold, told with its figures."""

    text: str
    met: bool


@dataclass(frozen=True, kw_only=True)
class Scorecard:
    """What came of a sortie beside what was there.

    Attributes:
        sortie: the truth.
        post: latitude and longitude of the position that was guarded.
        radius_m: what is planted no farther than that is a threat, and must be one incident.
        comparison: the detections against the truth.
        alarms: the incidents.
    """

    sortie: Sortie
    post: tuple[float, float]
    radius_m: float
    comparison: Comparison
    alarms: tuple[Alarm, ...]

    @cached_property
    def threats(self) -> tuple[ThingTruth, ...]:
        """What must be an incident."""
        return things_within(self.sortie, *self.post, self.radius_m)

    @cached_property
    def raised(self) -> dict[int, str]:
        """Which incident is which threat, by index."""
        places = [(one.latitude_deg, one.longitude_deg, one.ce90_m) for one in self.alarms]
        return pair(self.threats, places)

    @cached_property
    def vehicles(self) -> Comparison:
        """The cases of vehicles within the radius."""
        return self.comparison.of(
            frozenset(thing.thing_id for thing in self.threats if thing.category in VEHICLES)
        )

    @property
    def goals(self) -> tuple[Goal, ...]:
        """Places within their errors, errors small, one incident for each threat and no other."""
        vehicles = self.vehicles
        inside = (
            f"vehicles in range lie within their CE90: {vehicles.inside_share:.0%} of "
            f"{len(vehicles.located)} cases (goal {GOAL_INSIDE:.0%})"
        )
        median = f"their median error: {vehicles.median_error_m:.2f} m (goal < {GOAL_MEDIAN_M:g} m)"
        incidents = (
            f"incidents: {len(self.alarms)}, planted threats: {len(self.threats)}, "
            f"one to one: {len(self.raised)}"
        )
        return (
            Goal(text=inside, met=vehicles.inside_share >= GOAL_INSIDE),
            Goal(text=median, met=vehicles.median_error_m < GOAL_MEDIAN_M),
            Goal(text=incidents, met=len(self.alarms) == len(self.threats) == len(self.raised)),
        )

    @property
    def summary(self) -> str:
        """All objects in one line, those beyond the radius and people as well."""
        every = self.comparison
        found = sum(case.claim is not None for case in every.cases)
        return (
            f"all objects: {found} of {len(every.cases)} looks found, {every.inside_share:.0%} "
            f"within CE90, median {every.median_error_m:.2f} m; "
            f"{len(every.false_claims)} false detections"
        )

    def text_lines(self) -> list[str]:
        """The table in columns; the first is set left, the others right."""
        rows = [_HEAD, *self._rows()]
        widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
        return [
            "  ".join(
                cell.rjust(width) if column else cell.ljust(width)
                for column, (cell, width) in enumerate(zip(row, widths, strict=True))
            )
            for row in rows
        ]

    def markdown_lines(self) -> list[str]:
        """The same as a markdown table."""
        rule = ("---", *("---:" for _ in _HEAD[1:]))
        return ["| " + " | ".join(row) + " |" for row in [_HEAD, rule, *self._rows()]]

    def figures(self) -> dict[str, Any]:
        """Everything, fit for `json.dumps`."""
        return {
            "rendered": True,
            "vehicles_in_range": {
                "cases": len(self.vehicles.cases),
                "located": len(self.vehicles.located),
                "inside_ce90_share": self.vehicles.inside_share,
                "median_error_m": self.vehicles.median_error_m if self.vehicles.located else None,
            },
            "incidents": len(self.alarms),
            "planted_threats": len(self.threats),
            "threats_raised": sorted(self.raised.values()),
            "false_detections": [asdict(claim) for claim in self.comparison.false_claims],
            "cases": [
                {
                    "file_name": case.file_name,
                    "thing": case.thing.thing_id,
                    "category": case.claim.category if case.claim else None,
                    "confidence": case.claim.confidence if case.claim else None,
                    "error_m": case.error_m,
                    "ce90_m": case.claim.ce90_m if case.claim else None,
                    "inside": case.inside,
                }
                for case in self.comparison.cases
            ],
        }

    def _rows(self) -> list[tuple[str, ...]]:
        return [self._row(thing) for thing in self.sortie.things]

    def _row(self, thing: ThingTruth) -> tuple[str, ...]:
        mine = self.comparison.of(frozenset({thing.thing_id}))
        errors = sorted(case.error_m for case in mine.located if case.error_m is not None)
        stated = [case.claim.ce90_m for case in mine.located if case.claim and case.claim.ce90_m]
        alarm = next((index for index, name in self.raised.items() if name == thing.thing_id), None)
        away = distance_m(*self.post, thing.latitude_deg, thing.longitude_deg)
        return (
            thing.thing_id,
            f"{away:.1f}",
            str(len(mine.cases)),
            str(sum(case.claim is not None for case in mine.cases)),
            f"{mine.median_error_m:.2f}" if errors else "-",
            f"{errors[-1]:.2f}" if errors else "-",
            f"{min(stated):.1f}-{max(stated):.1f}" if stated else "-",
            f"{sum(bool(case.inside) for case in mine.located)}/{len(errors)}" if errors else "-",
            self.alarms[alarm].level if alarm is not None else "-",
        )
