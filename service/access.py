"""Who calls, what that person may do, and what of a mission that person may see."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from service.ledger.records import Marking

EVERY_MISSION = "-"
"""Stands for every mission among those of a credential, as google.aip.dev/159 has it."""
ADMINISTRATOR = "administrator"
"""The name on the token that is made at the first start."""

_STRICTNESS = tuple(Marking)


class Role(StrEnum):
    """What a person is to a mission."""

    CONTRIBUTOR = "contributor"
    ANALYST = "analyst"
    OPERATOR = "operator"
    LIAISON = "liaison"
    ADMINISTRATOR = "administrator"


@dataclass(frozen=True, kw_only=True, slots=True)
class Sight:
    """What of a mission's things a reader may see; the one place that says so.

    Attributes:
        clearance: the highest marking.
        contributor: only what comes from the pledges of this state; None for all states.
        recipient: only what was released to this recipient; None without that limit.
    """

    clearance: Marking
    contributor: str | None = None
    recipient: str | None = None

    @property
    def markings(self) -> tuple[Marking, ...]:
        """The markings up to the clearance."""
        return _STRICTNESS[: _STRICTNESS.index(self.clearance) + 1]

    @property
    def is_whole(self) -> bool:
        """Whether nothing is hidden from it."""
        return (
            self.clearance is _STRICTNESS[-1]
            and self.contributor is None
            and self.recipient is None
        )


EVERYTHING = Sight(clearance=_STRICTNESS[-1])
"""The sight of the service itself."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Credential:
    """One person or device that may call.

    Attributes:
        name: unique for good, also after it ended: the audit names it.
        role: what it may do.
        missions: identifiers; `EVERY_MISSION` stands for all.
        clearance: the highest marking it may read.
        created_at: when it was made.
        created_by: the name on the credential that made it.
        contributor: ISO 3166-1 alpha-3 code of a contributor's state; None for other roles.
        recipient: whose releases a liaison reads; None for other roles.
        expires_at: when it ends; None where it does not.
        revoked_at: when it was ended; None while it holds.
        revoked_by: who ended it; empty while it holds.
    """

    name: str
    role: Role
    missions: frozenset[str]
    clearance: Marking
    created_at: datetime
    created_by: str
    contributor: str | None = None
    recipient: str | None = None
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    revoked_by: str = ""

    @property
    def sight(self) -> Sight:
        """What it may see in its missions."""
        return Sight(
            clearance=self.clearance,
            contributor=self.contributor if self.role is Role.CONTRIBUTOR else None,
            recipient=self.recipient if self.role is Role.LIAISON else None,
        )

    def covers(self, mission_id: str) -> bool:
        """Whether a mission is one of its own."""
        return EVERY_MISSION in self.missions or mission_id in self.missions

    @property
    def covers_all(self) -> bool:
        """Whether it belongs to every mission, and so to the installation."""
        return EVERY_MISSION in self.missions


def may_see(
    credential: Credential,
    marking: Marking,
    *,
    contributor: str | None = None,
    recipients: Collection[str] = (),
) -> bool:
    """Whether a credential may see one thing of a mission that it belongs to.

    Args:
        credential: who reads.
        marking: that of the thing.
        contributor: the state whose pledge it comes from; None where it comes from several or
            none, which contributors do not see.
        recipients: to whom it was released.
    """
    sight = credential.sight
    return (
        marking in sight.markings
        and (sight.contributor is None or sight.contributor == contributor)
        and (sight.recipient is None or sight.recipient in recipients)
    )
