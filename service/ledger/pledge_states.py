"""Where a pledge stands, what may follow on it, and what a contributor does not want done."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from models.errors import NotAllowedNowError


class PledgeState(StrEnum):
    """Where a pledge stands on its way from a promise to flights; see `vedette.v1.PledgeState`."""

    PLEDGED = "pledged"
    REGISTERED = "registered"
    DEPLOYED = "deployed"
    OPERATIONAL = "operational"
    SUSPENDED = "suspended"
    WITHDRAWN = "withdrawn"


class Caveat(StrEnum):
    """What a contributor does not want done with what its pledge delivers."""

    NO_IMAGERY = "no_imagery"
    NO_FEEDS = "no_feeds"
    NO_RELEASE = "no_release"


FOLLOWS: dict[PledgeState, frozenset[PledgeState]] = {
    PledgeState.PLEDGED: frozenset({PledgeState.REGISTERED, PledgeState.WITHDRAWN}),
    PledgeState.REGISTERED: frozenset({PledgeState.DEPLOYED, PledgeState.WITHDRAWN}),
    PledgeState.DEPLOYED: frozenset(
        {PledgeState.OPERATIONAL, PledgeState.SUSPENDED, PledgeState.WITHDRAWN}
    ),
    PledgeState.OPERATIONAL: frozenset(
        {PledgeState.DEPLOYED, PledgeState.SUSPENDED, PledgeState.WITHDRAWN}
    ),
    PledgeState.SUSPENDED: frozenset(
        {PledgeState.DEPLOYED, PledgeState.OPERATIONAL, PledgeState.WITHDRAWN}
    ),
    PledgeState.WITHDRAWN: frozenset(),
}
"""A suspended unit may come back to either place; who withdrew pledges anew."""


def require_follows(before: PledgeState, after: PledgeState) -> None:
    """Refuse a move that does not follow on a state.

    Raises:
        NotAllowedNowError: naming what would follow.
    """
    allowed = FOLLOWS[before]
    if after in allowed:
        return
    if not allowed:
        raise NotAllowedNowError(
            f"the pledge is {before}, for good; register a new one", field="state"
        )
    words = ", ".join(state for state in PledgeState if state in allowed)
    raise NotAllowedNowError(
        f"the pledge is {before} and cannot become {after}; what may follow: {words}",
        field="state",
    )


def require_delivering(
    state: PledgeState,
    valid_from: datetime | None,
    valid_until: datetime | None,
    now: datetime,
) -> None:
    """Refuse imagery of a pledge that is not to deliver now.

    Raises:
        NotAllowedNowError: it is suspended, withdrawn, not valid yet or not any more.
    """
    if state in (PledgeState.SUSPENDED, PledgeState.WITHDRAWN):
        raise NotAllowedNowError(
            f"the pledge is {state}; its imagery is not accepted", field="header.pledge"
        )
    if valid_from is not None and now < valid_from:
        raise NotAllowedNowError(
            f"the pledge is valid from {valid_from:%Y-%m-%d %H:%M} UTC on", field="header.pledge"
        )
    if valid_until is not None and now >= valid_until:
        raise NotAllowedNowError(
            f"the pledge was valid until {valid_until:%Y-%m-%d %H:%M} UTC", field="header.pledge"
        )
