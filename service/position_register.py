"""The positions of missions, kept in memory for as long as nobody changes them."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime

from pipelines.threats.positions.patrols import patrol_at
from pipelines.threats.positions.position import Position, PositionKind
from pipelines.threats.positions.position_index import PositionIndex
from service.ledger.store import Ledger


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Known:
    """One mission at one revision of its register: what stands still, and who moves."""

    revision: int
    standing: PositionIndex
    patrols: tuple[Position, ...]


class PositionRegister:
    """Positions of any mission at any time; for one process, whose threads may share it.

    Each question reads the revision of the mission's register, and of each patrol the two reports
    around the time; the positions themselves only after they have changed.

    Args:
        ledger: where they are registered.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._lock = threading.Lock()
        self._known: dict[str, _Known] = {}

    def of(self, mission_id: str) -> MissionPositions:
        """The positions of one mission; nothing is read yet."""
        return MissionPositions(register=self, mission_id=mission_id)

    def at(self, mission_id: str, moment: datetime | None) -> PositionIndex:
        """Positions in use at an aware time, patrols where they were then; None where unknown.

        Raises:
            UnavailableError: the ledger does not answer.
        """
        known = self._current(mission_id)
        patrols = [it for it in known.patrols if it.in_use_at(moment)]
        reports = self._ledger.reports_around(
            mission_id, [it.position_id for it in patrols], moment
        )
        found = [(it, patrol_at(it, reports.get(it.position_id, ()), moment)) for it in patrols]
        moving = PositionIndex.of(
            [there for _, there in found if there is not None],
            unknown=[patrol.position_id for patrol, there in found if there is None],
        )
        return known.standing.in_use_at(moment).joined(moving)

    def _current(self, mission_id: str) -> _Known:
        with self._lock:
            known = self._known.get(mission_id)
        revision, positions = self._ledger.positions_since(
            mission_id, None if known is None else known.revision
        )
        if known is not None and positions is None:
            return known
        every = positions or ()
        fresh = _Known(
            revision=revision,
            standing=PositionIndex.of(it for it in every if it.kind is not PositionKind.PATROL),
            patrols=tuple(it for it in every if it.kind is PositionKind.PATROL),
        )
        with self._lock:
            self._known[mission_id] = fresh
        return fresh


@dataclass(frozen=True, kw_only=True, slots=True)
class MissionPositions:
    """The positions of one mission, as an assessment asks for them."""

    register: PositionRegister
    mission_id: str

    def at(self, moment: datetime | None) -> PositionIndex:
        """As `PositionRegister.at`."""
        return self.register.at(self.mission_id, moment)
