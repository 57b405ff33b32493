"""Models over the API: what each does here, who may change that, and what is asked for."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from vedette.v1 import model_pb2

import models
from models.catalogue.card_file import CARD_FILE, card_text, read_card
from models.catalogue.catalogue import add_model
from models.catalogue.model_card import Modality
from models.detections import Detections
from models.errors import InvalidInputError, ModelRefusedError
from models.evaluation.comparison import CategoryAgreement
from pipelines.assessment import Assessment, ShadowLook
from service.access import Credential
from service.api.interceptor import _CALLER
from service.api.model import ModelService
from service.errors import NotFoundError, PermissionDeniedError
from service.ledger.records import ImageryRecord, Marking
from service.ledger.store import Ledger

SHIPPED = Path(models.__file__).parent / "shipped" / "vedette-n"
VISIBLE, THERMAL, SHADOW = (
    model_pb2.MODEL_ROLE_VISIBLE,
    model_pb2.MODEL_ROLE_THERMAL,
    model_pb2.MODEL_ROLE_SHADOW,
)


@pytest.fixture
def service(sqlite_ledger: Ledger, tmp_path: Path) -> ModelService:
    """With version 102.0, which sees thermal only, beside the shipped one."""
    source = tmp_path / "source"
    shutil.copytree(SHIPPED, source)
    card = replace(read_card(SHIPPED), version="102.0", modality=Modality.THERMAL)
    (source / CARD_FILE).write_text(card_text(card), encoding="utf-8")
    add_model(source, tmp_path / "models")
    return ModelService(sqlite_ledger, tmp_path / "models", "vedette-n", lambda: "engine 1")


@contextmanager
def called_by(credential: Credential) -> Iterator[None]:
    token = _CALLER.set(credential)
    yield
    _CALLER.reset(token)


async def activate(service: ModelService, name: str = "vedette-n@102.0", **fields: Any) -> Any:
    request = model_pb2.ActivateModelRequest(
        name=f"models/{name}", **{"reason": "because", **fields}
    )
    return await service.ActivateModel(request, None)


async def test_each_model_says_what_it_does_here(service: ModelService) -> None:
    async def told() -> dict[str, tuple[bool, list[int], str]]:
        found = await service.ListModels(model_pb2.ListModelsRequest(), None)
        return {one.name: (one.active, list(one.roles), one.engine) for one in found.models}

    shipped, added = f"models/{read_card(SHIPPED).label}", "models/vedette-n@102.0"
    assert await told() == {
        shipped: (True, [VISIBLE, THERMAL], "engine 1"),
        added: (False, [], ""),
    }
    await activate(service, roles=[SHADOW], share=0.5)
    assert (await told())[added] == (False, [SHADOW], "")
    answer = await activate(service)
    assert [change.role for change in answer.changes] == [THERMAL, SHADOW]
    assert await told() == {
        shipped: (True, [VISIBLE], "engine 1"),
        added: (True, [THERMAL], "engine 1"),
    }
    in_force = await service.GetModelsInForce(model_pb2.GetModelsInForceRequest(), None)
    visible, thermal = in_force.models
    assert (visible.model, visible.HasField("activate_time")) == (shipped, False)
    assert (thermal.model, thermal.HasField("activate_time")) == (added, True)
    one = await service.GetModel(model_pb2.GetModelRequest(name=added), None)
    assert one.modality == model_pb2.MODEL_MODALITY_THERMAL
    assert dict(one.accuracy[0].ap50) == dict(read_card(SHIPPED).accuracy[0].ap50)


async def test_only_an_administrator_of_every_mission_changes_models(
    service: ModelService, tester: Credential
) -> None:
    with called_by(replace(tester, missions=frozenset({"unmiss"}))):
        with pytest.raises(PermissionDeniedError, match="every mission"):
            await activate(service)
        with pytest.raises(PermissionDeniedError, match="every mission"):
            await service.RollbackModel(model_pb2.RollbackModelRequest(reason="x"), None)
    history = await service.ListModelChanges(model_pb2.ListModelChangesRequest(), None)
    assert list(history.changes) == []


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"reason": "  "}, "reason"),
        ({"reason": "x" * 1001}, "reason"),
        ({"reason": "a\nb"}, "reason"),
        ({"roles": [0]}, "roles"),
        ({"roles": [SHADOW, THERMAL]}, "roles"),
        ({"roles": [VISIBLE]}, "roles"),
        ({"share": 0.5}, "share"),
        ({"share": 1.5, "roles": [SHADOW]}, "share"),
        ({"share": float("nan"), "roles": [SHADOW]}, "share"),
    ],
)
async def test_what_cannot_be_asked_for_is_refused_by_field(
    service: ModelService, fields: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidInputError) as refusal:
        await activate(service, **fields)
    assert refusal.value.field == field


async def test_unknown_and_damaged_models_are_not_activated(
    service: ModelService, tmp_path: Path
) -> None:
    with pytest.raises(NotFoundError, match=r"there are: vedette-n@102\.0, vedette-n@"):
        await activate(service, "nothing@1")
    with pytest.raises(InvalidInputError, match="is not models/NAME@VERSION"):
        await service.GetModel(model_pb2.GetModelRequest(name="vedette-n"), None)
    weights = tmp_path / "models" / "vedette-n@102.0" / "vedette-n.xml"
    weights.write_bytes(weights.read_bytes() + b"<!-- -->")
    with pytest.raises(ModelRefusedError, match="SHA-256 expected"):
        await activate(service)


async def test_frames_that_differ_are_named_to_who_may_see_them_all(
    service: ModelService,
    sqlite_ledger: Ledger,
    pledge: Any,
    make_imagery: Callable[..., ImageryRecord],
    make_assessment: Callable[..., Assessment],
    tester: Credential,
    now: datetime,
) -> None:
    sqlite_ledger.create_pledge(pledge)
    sqlite_ledger.accept_imagery(make_imagery(0), "00000000-0000-0000-0000-000000000001", now)
    lease = sqlite_ledger.lease_job("w", now, 60)
    assert lease is not None
    assessment = make_assessment((4.0, 30.0))
    look = ShadowLook(
        detector=replace(assessment.detector, version="102.0"),
        detections=Detections(
            xyxy=np.zeros((1, 4), np.float32),
            confidence=np.ones(1, np.float32),
            class_id=np.zeros(1, np.int32),
        ),
        categories=("bus",),
        agreement={"car": CategoryAgreement(active=1), "bus": CategoryAgreement(shadow=1)},
    )
    sqlite_ledger.finish_job(lease, replace(assessment, shadow=look), [], now=now)
    for parent in ("missions/-", "missions/unmiss"):
        found = await service.CompareModels(model_pb2.CompareModelsRequest(parent=parent), None)
        assert (found.shadow, found.frames) == ("models/vedette-n@102.0", 1)
        told = {row.category: (row.only_active, row.only_shadow) for row in found.categories}
        assert told == {"bus": (0, 1), "car": (1, 0)}
        (frame,) = found.differing
        assert frame.imagery == "missions/unmiss/imagery/image-0000"
    request = model_pb2.CompareModelsRequest(
        parent="missions/unmiss", shadow="models/vedette-n@102.0"
    )
    with called_by(replace(tester, clearance=Marking.UNCLASSIFIED)):
        hidden = await service.CompareModels(request, None)
    assert (hidden.frames, list(hidden.differing)) == (1, [])
    with pytest.raises(NotFoundError):
        await service.CompareModels(model_pb2.CompareModelsRequest(parent="missions/other"), None)
