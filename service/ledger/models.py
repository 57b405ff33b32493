"""Which models are in force and how they came there; what a shadow saw beside them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from models.errors import InvalidInputError
from models.evaluation.comparison import CategoryAgreement
from pipelines.assessment import ShadowLook
from service.ledger.database import Database
from service.ledger.dialect import insert_if_absent
from service.ledger.pages import Order, Page, read_page
from service.ledger.records import ImageryRecord
from service.ledger.tables.models import model_changes, models_in_force, shadow_looks
from service.model_choice import (
    ChangeOfModel,
    ModelChange,
    ModelInForce,
    ModelRole,
    ModelsInForce,
)

MOST_DIFFERING = 20
"""Frames that a comparison names."""

_ROWS_AT_ONCE = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class DifferingFrame:
    """A frame on which a shadow and the model in force differ.

    Attributes:
        mission_id: the mission.
        imagery_id: the imagery.
        total: agreement over all categories.
    """

    mission_id: str
    imagery_id: str
    total: CategoryAgreement

    @property
    def differences(self) -> int:
        """How many detections only one has, or has in another category."""
        return self.total.only_active + self.total.only_shadow


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """A shadow against the models in force, over the frames that both looked at.

    Attributes:
        shadow: "name@version".
        against: the models it was compared with.
        frames: how many frames.
        failed: frames that the shadow could not look at; they are in none of the figures.
        first_at: the first look; None without one.
        last_at: the last one.
        by_category: agreement by category.
        differing: the frames on which they differ most, the worst first.
    """

    shadow: str
    against: tuple[str, ...]
    frames: int
    failed: int
    first_at: datetime | None
    last_at: datetime | None
    by_category: Mapping[str, CategoryAgreement]
    differing: tuple[DifferingFrame, ...]


class Models(Database):
    """Models in force, one for each role, and their history."""

    def models_in_force(self) -> ModelsInForce:
        """What was activated, and not rolled back to the default."""
        with self._reading() as connection:
            rows = connection.execute(select(models_in_force)).all()
        return ModelsInForce(
            by_role={ModelRole(row.role): _in_force(row) for row in rows if row.model},
            revision=max((row.sequence for row in rows), default=0),
        )

    def activate_model(
        self,
        model: str,
        sha256: Mapping[str, str],
        roles: Collection[ModelRole],
        *,
        share: float = 1.0,
        changed_by: str,
        reason: str,
        now: datetime,
    ) -> tuple[ModelChange, ...]:
        """Put a model in force; where it is already, nothing changes.

        A shadow that comes into force elsewhere is none any more.

        Args:
            model: "name@version".
            sha256: of its files, by name.
            roles: for what.
            share: of the frames, for a shadow.
            changed_by: who.
            reason: why.
            now: the time now.

        Returns:
            The changes, in order.

        Raises:
            InvalidInputError: it would be a shadow of itself.
        """
        with self._writing() as connection:
            before = _lock(connection)
            active = {row.model for role, row in before.items() if role is not ModelRole.SHADOW}
            if ModelRole.SHADOW in roles and active == {model}:
                raise InvalidInputError(
                    f"{model} is in force: a shadow of itself would tell nothing", field="name"
                )
            changes = []
            for role in ModelRole:
                row = before[role]
                if role in roles:
                    kind, after, part = ChangeOfModel.ACTIVATED, model, share
                elif role is ModelRole.SHADOW and row.model == model:
                    kind, after, part = ChangeOfModel.ENDED, "", 1.0
                else:
                    continue
                same = row.model == after and dict(row.sha256) == dict(sha256)
                if kind is ChangeOfModel.ACTIVATED and same and row.share == part:
                    continue
                changes.append(
                    _change(
                        connection,
                        row,
                        ModelInForce(
                            model=after, sha256=sha256 if after else {}, share=part, since=now
                        ),
                        kind=kind,
                        changed_by=changed_by,
                        reason=reason,
                    )
                )
        return tuple(changes)

    def roll_back_models(
        self, roles: Collection[ModelRole], *, changed_by: str, reason: str, now: datetime
    ) -> tuple[ModelChange, ...]:
        """Put back in force what was before the latest activation that is not yet taken back.

        Raises:
            InvalidInputError: nothing was activated for any of the roles, or all of it was taken
                back.
        """
        with self._writing() as connection:
            before = _lock(connection)
            changes = []
            for role in (role for role in ModelRole if role in roles):
                undone = select(model_changes.c.undoes).where(model_changes.c.undoes.is_not(None))
                latest = connection.execute(
                    select(model_changes)
                    .where(
                        model_changes.c.role == role.value,
                        model_changes.c.undoes.is_(None),
                        model_changes.c.sequence.not_in(undone),
                    )
                    .order_by(model_changes.c.sequence.desc())
                    .limit(1)
                ).first()
                if latest is None:
                    continue
                changes.append(
                    _change(
                        connection,
                        before[role],
                        ModelInForce(
                            model=latest.before_model,
                            sha256=latest.before_sha256,
                            share=latest.before_share,
                            since=now,
                        ),
                        kind=ChangeOfModel.ROLLED_BACK,
                        changed_by=changed_by,
                        reason=reason,
                        undoes=latest.sequence,
                    )
                )
            if not changes:
                told = ", ".join(role.value for role in ModelRole if role in roles)
                raise InvalidInputError(
                    f"nothing was activated for {told} that could be taken back", field="roles"
                )
        return tuple(changes)

    def list_model_changes(self, *, page_size: int = 0, page_token: str = "") -> Page[ModelChange]:
        """The history, newest first.

        Raises:
            InvalidInputError: the page size or the token is wrong.
        """
        with self._reading() as connection:
            return read_page(
                connection,
                select(model_changes),
                [Order(column=model_changes.c.sequence, descending=True)],
                scope=["model_changes"],
                page_size=page_size,
                page_token=page_token,
                to_item=_model_change,
            )

    def compare_shadow(self, shadow: str = "", mission_id: str | None = None) -> Comparison:
        """How a shadow and the models in force agree.

        Args:
            shadow: "name@version"; empty for the one that looked last.
            mission_id: only frames of this mission; None for all.
        """
        of_mission = [] if mission_id is None else [shadow_looks.c.mission_id == mission_id]
        with self._reading() as connection:
            if not shadow:
                shadow = (
                    connection.execute(
                        select(shadow_looks.c.model)
                        .where(*of_mission)
                        .order_by(shadow_looks.c.looked_at.desc())
                        .limit(1)
                    ).scalar()
                    or ""
                )
            statement = (
                select(
                    shadow_looks.c.mission_id,
                    shadow_looks.c.imagery_id,
                    shadow_looks.c.active_model,
                    shadow_looks.c.failure,
                    shadow_looks.c.agreement,
                    shadow_looks.c.looked_at,
                )
                .where(shadow_looks.c.model == shadow, *of_mission)
                .order_by(shadow_looks.c.looked_at)
                .execution_options(yield_per=_ROWS_AT_ONCE)
            )
            sum_of = _Sum()
            for row in connection.execute(statement):
                sum_of.add(row)
        return sum_of.comparison(shadow)


class _Sum:
    """Looks of a shadow, added up as they come from the database."""

    def __init__(self) -> None:
        self._against: set[str] = set()
        self._frames = self._failed = 0
        self._first_at: datetime | None = None
        self._last_at: datetime | None = None
        self._by_category: dict[str, CategoryAgreement] = {}
        self._differing: list[DifferingFrame] = []

    def add(self, row: Any) -> None:
        self._first_at = self._first_at or row.looked_at
        self._last_at = row.looked_at
        if row.failure:
            self._failed += 1
            return
        self._frames += 1
        self._against.add(row.active_model)
        total = CategoryAgreement()
        for name, (active, seen, both, recategorised) in row.agreement.items():
            one = CategoryAgreement(
                active=active, shadow=seen, both=both, recategorised=recategorised
            )
            self._by_category[name] = self._by_category.get(name, CategoryAgreement()) + one
            total += one
        frame = DifferingFrame(mission_id=row.mission_id, imagery_id=row.imagery_id, total=total)
        if frame.differences:
            self._differing.append(frame)
        if len(self._differing) > _ROWS_AT_ONCE:
            self._keep_worst()

    def _keep_worst(self) -> None:
        self._differing.sort(key=lambda one: (-one.differences, one.mission_id, one.imagery_id))
        del self._differing[MOST_DIFFERING:]

    def comparison(self, shadow: str) -> Comparison:
        self._keep_worst()
        return Comparison(
            shadow=shadow,
            against=tuple(sorted(self._against)),
            frames=self._frames,
            failed=self._failed,
            first_at=self._first_at,
            last_at=self._last_at,
            by_category=dict(sorted(self._by_category.items())),
            differing=tuple(self._differing),
        )


def delete_shadow_look(connection: Connection, image: ImageryRecord) -> None:
    """Forget what a shadow saw of one imagery within a transaction."""
    connection.execute(
        delete(shadow_looks).where(
            shadow_looks.c.mission_id == image.mission_id,
            shadow_looks.c.imagery_id == image.imagery_id,
        )
    )


def write_shadow_look(
    connection: Connection,
    image: ImageryRecord,
    active_model: str,
    look: ShadowLook | None,
    now: datetime,
) -> None:
    """Write what a shadow saw of one imagery, where there is a shadow, within a transaction."""
    if look is None:
        return
    boxes = look.detections.xyxy.astype(float).round(2).tolist()
    connection.execute(
        insert(shadow_looks).values(
            mission_id=image.mission_id,
            imagery_id=image.imagery_id,
            model=look.detector.label,
            active_model=active_model,
            failure=look.failure,
            detections=[
                [category, round(float(confidence), 5), *box]
                for category, confidence, box in zip(
                    look.categories, look.detections.confidence.tolist(), boxes, strict=True
                )
            ],
            agreement={
                name: [one.active, one.shadow, one.both, one.recategorised]
                for name, one in look.agreement.items()
            },
            detection_count=len(look.detections),
            looked_at=now,
        )
    )


def _lock(connection: Connection) -> dict[ModelRole, Row[Any]]:
    """The row of every role, locked in one order until the transaction ends."""
    for role in ModelRole:
        insert_if_absent(
            connection,
            models_in_force,
            {
                "role": role.value,
                "model": "",
                "sha256": {},
                "share": 1.0,
                "sequence": 0,
                "changed_at": None,
            },
        )
    rows: Sequence[Row[Any]] = connection.execute(
        select(models_in_force).order_by(models_in_force.c.role).with_for_update()
    ).all()
    return {ModelRole(row.role): row for row in rows}


def _change(
    connection: Connection,
    before: Row[Any],
    after: ModelInForce,
    *,
    kind: ChangeOfModel,
    changed_by: str,
    reason: str,
    undoes: int | None = None,
) -> ModelChange:
    latest = connection.execute(select(func.max(model_changes.c.sequence))).scalar() or 0
    change = ModelChange(
        sequence=latest + 1,
        role=ModelRole(before.role),
        kind=kind,
        before=before.model,
        after=after.model,
        share=after.share,
        changed_by=changed_by,
        reason=reason,
        changed_at=after.since,
    )
    connection.execute(
        insert(model_changes).values(
            sequence=change.sequence,
            role=change.role.value,
            kind=kind.value,
            before_model=before.model,
            before_sha256=before.sha256,
            before_share=before.share,
            after_model=after.model,
            share=after.share,
            undoes=undoes,
            changed_by=changed_by,
            reason=reason,
            changed_at=after.since,
        )
    )
    connection.execute(
        update(models_in_force)
        .where(models_in_force.c.role == before.role)
        .values(
            model=after.model,
            sha256=dict(after.sha256),
            share=after.share,
            sequence=change.sequence,
            changed_at=after.since,
        )
    )
    return change


def _in_force(row: Row[Any]) -> ModelInForce:
    return ModelInForce(
        model=row.model, sha256=dict(row.sha256), share=row.share, since=row.changed_at
    )


def _model_change(row: Row[Any]) -> ModelChange:
    return ModelChange(
        sequence=row.sequence,
        role=ModelRole(row.role),
        kind=ChangeOfModel(row.kind),
        before=row.before_model,
        after=row.after_model,
        share=row.share,
        changed_by=row.changed_by,
        reason=row.reason,
        changed_at=row.changed_at,
    )
