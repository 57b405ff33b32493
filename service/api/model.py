"""The detection models of this installation, served."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from vedette.v1 import model_pb2, model_pb2_grpc

from models.catalogue.catalogue import Catalogue, CatalogueEntry
from models.errors import InvalidInputError, ModelRefusedError
from service.access import EVERY_MISSION
from service.api import names
from service.api.convert.model import (
    ROLES,
    asked_roles,
    change_message,
    comparison_message,
    in_force_message,
    model_label,
    model_message,
    model_name,
)
from service.api.interceptor import caller_credential, caller_sight
from service.clock import utc_now
from service.errors import NotFoundError, PermissionDeniedError
from service.ledger.store import Ledger
from service.model_choice import ModelChange, ModelRole, ModelsInForce, roles_of

_IN_USE = (ModelRole.VISIBLE, ModelRole.THERMAL)
_LONGEST_REASON = 1000


class ModelService(model_pb2_grpc.ModelServiceServicer):
    """`vedette.v1.ModelService`.

    Args:
        ledger: knows what is in force.
        catalogue_dir: the models that were added to the installation.
        default: the model where none was activated.
        running: the engine that runs the one in force, for people.
    """

    def __init__(
        self, ledger: Ledger, catalogue_dir: Path, default: str, running: Callable[[], str]
    ) -> None:
        self._ledger = ledger
        self._catalogue_dir = catalogue_dir
        self._default = default
        self._running = running

    async def ListModels(  # noqa: N802 - the contract's name
        self, request: model_pb2.ListModelsRequest, context: Any
    ) -> model_pb2.ListModelsResponse:
        """Every model of the catalogue."""
        del request, context
        return await asyncio.to_thread(self._list)

    async def GetModel(  # noqa: N802 - the contract's name
        self, request: model_pb2.GetModelRequest, context: Any
    ) -> model_pb2.Model:
        """One model."""
        del context
        label = model_label(request.name, "name")
        return await asyncio.to_thread(self._get, label)

    async def ActivateModel(  # noqa: N802 - the contract's name
        self, request: model_pb2.ActivateModelRequest, context: Any
    ) -> model_pb2.ModelsInForce:
        """Put a model in force."""
        del context
        changer = _administrator()
        label = model_label(request.name, "name")
        roles = asked_roles(request.roles, "roles")
        reason = _reason(request.reason)
        share = _share(request.share, roles)
        return await asyncio.to_thread(self._activate, label, roles, share, changer, reason)

    async def RollbackModel(  # noqa: N802 - the contract's name
        self, request: model_pb2.RollbackModelRequest, context: Any
    ) -> model_pb2.ModelsInForce:
        """Put back in force what was before."""
        del context
        changer = _administrator()
        roles = asked_roles(request.roles, "roles") or _IN_USE
        reason = _reason(request.reason)

        def roll_back() -> model_pb2.ModelsInForce:
            changes = self._ledger.roll_back_models(
                roles, changed_by=changer, reason=reason, now=utc_now()
            )
            return self._answer(changes)

        return await asyncio.to_thread(roll_back)

    async def GetModelsInForce(  # noqa: N802 - the contract's name
        self, request: model_pb2.GetModelsInForceRequest, context: Any
    ) -> model_pb2.ModelsInForce:
        """Which models are in force."""
        del request, context
        return await asyncio.to_thread(self._answer, ())

    async def ListModelChanges(  # noqa: N802 - the contract's name
        self, request: model_pb2.ListModelChangesRequest, context: Any
    ) -> model_pb2.ListModelChangesResponse:
        """The history."""
        del context
        page = await asyncio.to_thread(
            self._ledger.list_model_changes,
            page_size=request.page_size,
            page_token=request.page_token,
        )
        return model_pb2.ListModelChangesResponse(
            changes=[change_message(change) for change in page.items],
            next_page_token=page.next_page_token,
        )

    async def CompareModels(  # noqa: N802 - the contract's name
        self, request: model_pb2.CompareModelsRequest, context: Any
    ) -> model_pb2.ModelComparison:
        """A shadow against the models in force."""
        del context
        every = f"missions/{EVERY_MISSION}"
        mission_id = None if request.parent == every else names.mission(request.parent)
        shadow = model_label(request.shadow, "shadow") if request.shadow else ""
        if mission_id is not None:
            await asyncio.to_thread(self._ledger.require_mission, mission_id)
        found = await asyncio.to_thread(self._ledger.compare_shadow, shadow, mission_id)
        return comparison_message(found, name_frames=caller_sight().is_whole)

    def _list(self) -> model_pb2.ListModelsResponse:
        catalogue = Catalogue.installed(self._catalogue_dir)
        in_force = self._ledger.models_in_force()
        return model_pb2.ListModelsResponse(
            models=[self._message(entry, catalogue, in_force) for entry in catalogue.entries]
        )

    def _get(self, label: str) -> model_pb2.Model:
        catalogue = Catalogue.installed(self._catalogue_dir)
        entry = _known(catalogue, label)
        return self._message(entry, catalogue, self._ledger.models_in_force())

    def _message(
        self, entry: CatalogueEntry, catalogue: Catalogue, in_force: ModelsInForce
    ) -> model_pb2.Model:
        default = catalogue.standing(self._default).label
        roles = [
            role
            for role in ModelRole
            if entry.label
            == (
                in_force.by_role[role].model
                if role in in_force.by_role
                else ("" if role is ModelRole.SHADOW else default)
            )
        ]
        return model_message(entry, roles, self._running())

    def _activate(
        self,
        label: str,
        roles: Collection[ModelRole],
        share: float,
        changed_by: str,
        reason: str,
    ) -> model_pb2.ModelsInForce:
        catalogue = Catalogue.installed(self._catalogue_dir)
        entry = _known(catalogue, label)
        entry.verify()
        if not entry.engines():
            raise ModelRefusedError(f"no engine runs {entry.label}", field="name")
        wanted = tuple(roles) or roles_of(entry.card.modality)
        if ModelRole.SHADOW in wanted and len(wanted) > 1:
            raise InvalidInputError("SHADOW stands alone", field="roles")
        for role in wanted:
            if role is not ModelRole.SHADOW and role not in roles_of(entry.card.modality):
                raise InvalidInputError(
                    f"the card of {entry.label} says that it sees {entry.card.modality.value} "
                    f"only, not {role.value}",
                    field="roles",
                )
        changes = self._ledger.activate_model(
            entry.label,
            entry.card.sha256,
            wanted,
            share=share,
            changed_by=changed_by,
            reason=reason,
            now=utc_now(),
        )
        return self._answer(changes)

    def _answer(self, changes: Collection[ModelChange]) -> model_pb2.ModelsInForce:
        in_force = self._ledger.models_in_force()
        default = Catalogue.installed(self._catalogue_dir).standing(self._default).label
        models = []
        for role in ModelRole:
            if role in in_force.by_role:
                models.append(in_force_message(role, in_force.by_role[role]))
            elif role is not ModelRole.SHADOW:
                models.append(
                    model_pb2.ModelInForce(
                        role=ROLES[role],
                        model=model_name(default),
                        share=1.0,
                    )
                )
        return model_pb2.ModelsInForce(
            models=models, changes=[change_message(change) for change in changes]
        )


def _administrator() -> str:
    """The caller's name, where models are the caller's to change.

    Raises:
        PermissionDeniedError: the caller administers some missions only; models serve them all.
    """
    credential = caller_credential()
    if not credential.covers_all:
        raise PermissionDeniedError(
            "models look at the imagery of every mission: an administrator of all of them changes "
            "them"
        )
    return credential.name


def _known(catalogue: Catalogue, label: str) -> CatalogueEntry:
    try:
        return catalogue.entry(label)
    except ModelRefusedError as error:
        if label in catalogue.refused:
            raise
        raise NotFoundError(str(error), field="name") from error


def _reason(text: str) -> str:
    reason = text.strip()
    if not reason:
        raise InvalidInputError("say why; it is part of the history", field="reason")
    if len(reason) > _LONGEST_REASON or not reason.isprintable():
        raise InvalidInputError(
            f"must be at most {_LONGEST_REASON} printable characters", field="reason"
        )
    return reason


def _share(asked: float, roles: Collection[ModelRole]) -> float:
    if asked == 0:
        return 1.0
    if not (math.isfinite(asked) and 0 < asked <= 1):
        raise InvalidInputError("is above 0 and at most 1", field="share")
    if ModelRole.SHADOW not in roles:
        raise InvalidInputError("only a shadow looks at a share of the frames", field="share")
    return asked
