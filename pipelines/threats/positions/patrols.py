"""Where a patrol was at a time, from the reports around it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pyproj import Geod

from pipelines.threats.positions.position import DEFAULT_AGING, MAX_SIGMA_M, Aging, Position

MAX_AHEAD = timedelta(minutes=5)
"""A clock of a receiver may be wrong by so much; a report from later is a fault."""
_GEOD = Geod(ellps="WGS84")


@dataclass(frozen=True, kw_only=True, slots=True)
class PatrolReport:
    """One report of where a patrol is.

    Attributes:
        reported_at: when it was there, aware.
        latitude_deg: WGS 84.
        longitude_deg: WGS 84.
        sigma_m: one sigma of each horizontal axis, above 0.
    """

    reported_at: datetime
    latitude_deg: float
    longitude_deg: float
    sigma_m: float


def report_faults(report: PatrolReport, now: datetime) -> tuple[tuple[str, str], ...]:
    """Everything that is wrong with a report that is received at an aware time."""
    faults = []
    if report.reported_at > now + MAX_AHEAD:
        faults.append(("report_time", "is in the future; set the clock of the receiver"))
    if not -90.0 <= report.latitude_deg <= 90.0:
        faults.append(("latitude_deg", f"{report.latitude_deg} is not between -90 and 90"))
    if not -180.0 <= report.longitude_deg <= 180.0:
        faults.append(("longitude_deg", f"{report.longitude_deg} is not between -180 and 180"))
    if not 0.0 < report.sigma_m <= MAX_SIGMA_M:
        faults.append(("sigma_m", f"{report.sigma_m} is not above 0 and at most {MAX_SIGMA_M:.0f}"))
    return tuple(faults)


def patrol_at(
    patrol: Position, reports: Sequence[PatrolReport], moment: datetime | None
) -> Position | None:
    """A patrol as it was known at a time; None where it was not.

    Between two reports it is on the straight way from one to the other at a steady speed; aside of
    it anywhere that it could have gone to and come back from in time. After the last report, and
    before the first, it stays where it was seen and its error grows. Without any report it is where
    the position says, with the error that is stated there.

    Args:
        patrol: the position.
        reports: in order of time: those around the moment at least, the one before it and the one
            after.
        moment: aware; None where it is unknown: then the latest report counts, with the largest
            error.

    Returns:
        The position there, with `sigma_m` of then and `reported_at` of the nearer report; None
        where that is farther from the moment than the patrol's `max_age_s`.
    """
    if not reports:
        return patrol
    aging = patrol.aging or DEFAULT_AGING
    if moment is None:
        return _seen(patrol, reports[-1], max(aging.max_sigma_m, reports[-1].sigma_m))
    count = 0
    while count < len(reports) and reports[count].reported_at <= moment:
        count += 1
    if 0 < count < len(reports):
        return _between(patrol, aging, reports[count - 1], reports[count], moment)
    last = reports[max(count - 1, 0)]
    age_s = abs((moment - last.reported_at).total_seconds())
    if age_s > aging.max_age_s:
        return None
    return _seen(patrol, last, aged_sigma_m(last.sigma_m, age_s, aging))


def aged_sigma_m(sigma_m: float, age_s: float, aging: Aging) -> float:
    """One sigma of each axis of a patrol so long after a report.

    Who moves by `d` in an unknown direction has the variance `d^2 / 2` on each axis.
    """
    grown = math.hypot(sigma_m, aging.speed_m_s * age_s / math.sqrt(2.0))
    return min(grown, max(aging.max_sigma_m, sigma_m))


def _seen(patrol: Position, report: PatrolReport, sigma_m: float) -> Position:
    return _put(patrol, report.latitude_deg, report.longitude_deg, sigma_m, report.reported_at)


def _put(
    patrol: Position,
    latitude_deg: float,
    longitude_deg: float,
    sigma_m: float,
    reported_at: datetime,
) -> Position:
    # Field by field, for every patrol with every frame: `replace` takes nearly twice as long.
    return Position(
        position_id=patrol.position_id,
        display_name=patrol.display_name,
        kind=patrol.kind,
        latitude_deg=latitude_deg,
        longitude_deg=longitude_deg,
        sigma_m=sigma_m,
        radius_m=patrol.radius_m,
        shape=patrol.shape,
        aging=patrol.aging,
        reported_at=reported_at,
        valid_from=patrol.valid_from,
        valid_until=patrol.valid_until,
        use_times=patrol.use_times,
        revision=patrol.revision,
    )


def _between(
    patrol: Position,
    aging: Aging,
    before: PatrolReport,
    after: PatrolReport,
    moment: datetime,
) -> Position | None:
    since_s = (moment - before.reported_at).total_seconds()
    until_s = (after.reported_at - moment).total_seconds()
    nearer = before if since_s <= until_s else after
    if min(since_s, until_s) > aging.max_age_s:
        return None
    share = since_s / (since_s + until_s)
    azimuth, _, distance_m = _GEOD.inv(
        before.longitude_deg, before.latitude_deg, after.longitude_deg, after.latitude_deg
    )
    longitude, latitude, _ = _GEOD.fwd(
        before.longitude_deg, before.latitude_deg, azimuth, share * distance_m
    )
    reported = math.hypot((1.0 - share) * before.sigma_m, share * after.sigma_m)
    sigma = math.hypot(reported, _detour_m(since_s, until_s, distance_m, aging.speed_m_s))
    return _put(
        patrol,
        float(latitude),
        float(longitude),
        min(sigma, max(aging.max_sigma_m, reported)),
        nearer.reported_at,
    )


def _detour_m(since_s: float, until_s: float, distance_m: float, speed_m_s: float) -> float:
    """One sigma of each axis for what a patrol may have gone aside between two reports.

    Growth after the first and before the second, both known, together:
    `v^2 / 2 * a^2 b^2 / (a^2 + b^2)`; and less by what the way itself took of the time. Half-way
    between two reports of one place that is `v T / 4`, which a disc of the radius `v T / 2` has
    that is evenly filled.
    """
    farthest_m = speed_m_s * (since_s + until_s)
    if farthest_m <= distance_m or since_s == 0.0:
        return 0.0
    spare = 1.0 - (distance_m / farthest_m) ** 2
    together = since_s * until_s / math.hypot(since_s, until_s)
    return speed_m_s * together * math.sqrt(spare / 2.0)
