"""What a reader may see, as conditions on rows; `service.access.may_see` says the same of a value.

A list must leave out what is hidden before it is cut into pages, so the database has to do it.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, exists, false

from service.access import Sight
from service.ledger.tables import (
    detections,
    imagery,
    incidents,
    pledges,
    releases,
    suppressions,
)


def seen_pledges(sight: Sight) -> list[ColumnElement[bool]]:
    """Conditions on rows of `pledges`."""
    if sight.is_whole:
        return []
    if sight.recipient is not None:
        return [false()]
    conditions: list[ColumnElement[bool]] = [pledges.c.marking.in_(_markings(sight))]
    if sight.contributor is not None:
        conditions.append(pledges.c.contributor == sight.contributor)
    return conditions


def seen_imagery(sight: Sight) -> list[ColumnElement[bool]]:
    """Conditions on rows of `imagery`."""
    if sight.is_whole:
        return []
    if sight.recipient is not None:
        return [false()]
    conditions: list[ColumnElement[bool]] = [imagery.c.marking.in_(_markings(sight))]
    if sight.contributor is not None:
        conditions.append(
            exists().where(
                pledges.c.mission_id == imagery.c.mission_id,
                pledges.c.pledge_id == imagery.c.pledge_id,
                pledges.c.contributor == sight.contributor,
            )
        )
    return conditions


def seen_detections(sight: Sight) -> list[ColumnElement[bool]]:
    """Conditions on rows of `detections`: those of imagery that is seen."""
    if sight.is_whole:
        return []
    return [
        exists().where(
            and_(
                imagery.c.mission_id == detections.c.mission_id,
                imagery.c.imagery_id == detections.c.imagery_id,
                *seen_imagery(sight),
            )
        )
    ]


def seen_incidents(sight: Sight) -> list[ColumnElement[bool]]:
    """Conditions on rows of `incidents`; they come from many states, so contributors see none."""
    if sight.is_whole:
        return []
    if sight.contributor is not None:
        return [false()]
    conditions: list[ColumnElement[bool]] = [incidents.c.marking.in_(_markings(sight))]
    if sight.recipient is not None:
        # Also what was released before imagery came to it that must not be.
        conditions.append(incidents.c.is_kept_inside.is_(False))
        conditions.append(
            exists().where(
                releases.c.mission_id == incidents.c.mission_id,
                releases.c.incident_id == incidents.c.incident_id,
                releases.c.recipient == sight.recipient,
            )
        )
    return conditions


def seen_suppressions(sight: Sight) -> list[ColumnElement[bool]]:
    """Conditions on rows of `suppressions`; contributors see none; none is released."""
    if sight.is_whole:
        return []
    if sight.contributor is not None or sight.recipient is not None:
        return [false()]
    return [suppressions.c.marking.in_(_markings(sight))]


def _markings(sight: Sight) -> list[str]:
    return [marking.value for marking in sight.markings]
