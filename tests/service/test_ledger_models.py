"""Models come into force, go back, and a shadow's looks are kept apart."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest

from models.catalogue.model_card import Modality
from models.detections import Detections
from models.detector import DetectorIdentity
from models.errors import InvalidInputError
from models.evaluation.comparison import CategoryAgreement
from pipelines.assessment import Assessment, ShadowLook
from service.ledger.records import ImageryRecord
from service.ledger.store import Ledger
from service.model_choice import ChangeOfModel, ModelChange, ModelRole, roles_of

VISIBLE, THERMAL, SHADOW = ModelRole.VISIBLE, ModelRole.THERMAL, ModelRole.SHADOW
DAY = timedelta(days=1)


def activate(
    ledger: Ledger, model: str, roles: Collection[ModelRole], now: datetime, share: float = 1.0
) -> tuple[ModelChange, ...]:
    return ledger.activate_model(
        model,
        {f"{model}.bin": "ab" * 32},
        roles,
        share=share,
        changed_by="ana",
        reason=f"try {model}",
        now=now,
    )


def in_force(ledger: Ledger) -> dict[str, str]:
    return {role.value: one.model for role, one in ledger.models_in_force().by_role.items()}


def test_models_come_into_force_with_their_history(ledger: Ledger, now: datetime) -> None:
    assert ledger.models_in_force().by_role == {}
    assert [change.sequence for change in activate(ledger, "a@1", [VISIBLE, THERMAL], now)] == [
        1,
        2,
    ]
    (third,) = activate(ledger, "b@1", [THERMAL], now + DAY)
    assert third == ModelChange(
        sequence=3,
        role=THERMAL,
        kind=ChangeOfModel.ACTIVATED,
        before="a@1",
        after="b@1",
        share=1.0,
        changed_by="ana",
        reason="try b@1",
        changed_at=now + DAY,
    )
    assert in_force(ledger) == {"visible": "a@1", "thermal": "b@1"}
    found = ledger.models_in_force()
    assert found.revision == 3
    assert found.by_role[THERMAL].sha256 == {"b@1.bin": "ab" * 32}
    assert found.by_role[VISIBLE].since == now
    # The same again is no change.
    assert activate(ledger, "b@1", [THERMAL], now + 2 * DAY) == ()
    history = ledger.list_model_changes(page_size=2)
    assert [change.sequence for change in history.items] == [3, 2]
    rest = ledger.list_model_changes(page_size=2, page_token=history.next_page_token)
    assert [change.sequence for change in rest.items] == [1]


def test_rolling_back_goes_step_by_step_to_the_default(ledger: Ledger, now: datetime) -> None:
    for number, model in enumerate(["a@1", "b@1", "c@1"]):
        activate(ledger, model, [VISIBLE], now + number * DAY)

    def back() -> tuple[ModelChange, ...]:
        return ledger.roll_back_models(
            [VISIBLE, THERMAL], changed_by="ben", reason="worse", now=now + 9 * DAY
        )

    (change,) = back()
    assert (change.before, change.after, change.kind) == ("c@1", "b@1", ChangeOfModel.ROLLED_BACK)
    assert (change.changed_by, change.reason) == ("ben", "worse")
    back()
    assert in_force(ledger) == {"visible": "a@1"}
    # What was rolled back may be activated again, and is then what is rolled back first.
    activate(ledger, "c@1", [VISIBLE], now + 10 * DAY)
    assert back()[0].after == "a@1"
    assert back()[0].after == ""
    assert in_force(ledger) == {}
    with pytest.raises(InvalidInputError, match="nothing was activated for visible, thermal"):
        back()
    assert len(ledger.list_model_changes().items) == 8


def test_a_shadow_has_a_share_and_ends_when_it_is_activated(ledger: Ledger, now: datetime) -> None:
    activate(ledger, "a@1", [VISIBLE, THERMAL], now)
    with pytest.raises(InvalidInputError, match="a shadow of itself"):
        activate(ledger, "a@1", [SHADOW], now)
    activate(ledger, "b@1", [SHADOW], now, share=0.25)
    assert ledger.models_in_force().by_role[SHADOW].share == 0.25
    changes = activate(ledger, "b@1", [VISIBLE, THERMAL], now + DAY)
    assert [(change.role, change.kind, change.after) for change in changes] == [
        (VISIBLE, ChangeOfModel.ACTIVATED, "b@1"),
        (THERMAL, ChangeOfModel.ACTIVATED, "b@1"),
        (SHADOW, ChangeOfModel.ENDED, ""),
    ]
    assert in_force(ledger) == {"visible": "b@1", "thermal": "b@1"}


def test_changes_made_at_once_are_all_in_the_history(ledger: Ledger, now: datetime) -> None:
    threads = [
        threading.Thread(
            target=activate, args=(ledger, f"m@{number}", [VISIBLE, SHADOW][: 1 + number % 2], now)
        )
        for number in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    history = ledger.list_model_changes().items[::-1]
    assert [change.sequence for change in history] == list(range(1, len(history) + 1))
    visible = [change for change in history if change.role is VISIBLE]
    assert len(visible) == 8
    # Each follows on the one before it.
    assert [change.before for change in visible[1:]] == [change.after for change in visible[:-1]]
    assert in_force(ledger)["visible"] == visible[-1].after


def shadow(count: int, agreed: int, *, failure: str = "", name: str = "trial") -> ShadowLook:
    place = np.arange(count, dtype=np.float32) * 8
    return ShadowLook(
        detector=DetectorIdentity(
            name=name, engine="e", sha256={}, categories=("car",), input_px=640, version="2"
        ),
        detections=Detections(
            xyxy=np.stack([place, place, place + 4, place + 4], axis=1),
            confidence=np.full(count, 0.5, np.float32),
            class_id=np.zeros(count, np.int32),
        ),
        categories=("car",) * count,
        agreement={}
        if failure
        else {"car": CategoryAgreement(active=3, shadow=count, both=agreed, recategorised=1)},
        failure=failure,
    )


def finish(ledger: Ledger, assessment: Assessment, now: datetime) -> None:
    lease = ledger.lease_job("w", now, 30)
    assert lease is not None
    ledger.finish_job(lease, assessment, [], now=now)


def test_looks_of_a_shadow_are_summed_and_seen_by_nobody_else(
    ledger: Ledger,
    accept: Callable[..., ImageryRecord],
    make_assessment: Callable[..., Assessment],
    now: datetime,
) -> None:
    assert ledger.compare_shadow().frames == 0
    looks = [shadow(4, 2), shadow(1, 1), shadow(0, 0, failure="it broke"), None]
    for number, look in enumerate(looks):
        accept(number)
        finish(
            ledger,
            replace(make_assessment((4.0 + number, 30.0)), shadow=look),
            now + number * DAY,
        )
    found = ledger.compare_shadow()
    assert (found.shadow, found.against) == ("trial@2", ("vedette-n",))
    assert (found.frames, found.failed) == (2, 1)
    assert (found.first_at, found.last_at) == (now, now + 2 * DAY)
    assert found.by_category == {
        "car": CategoryAgreement(active=6, shadow=5, both=3, recategorised=2)
    }
    # Of the first frame one car is in another category, and two are of the shadow alone.
    assert [(frame.imagery_id, frame.differences) for frame in found.differing] == [
        ("image-0000", 2),
        ("image-0001", 1),
    ]
    assert ledger.compare_shadow("trial@2", "unmiss") == found
    assert ledger.compare_shadow("trial@2", "other").frames == 0
    assert ledger.compare_shadow("unknown@1").frames == 0
    # The mission's own detections are those of the model in force.
    assert len(ledger.list_detections("unmiss").items) == 4


def test_a_modality_has_its_roles() -> None:
    assert [roles_of(modality) for modality in Modality] == [
        (VISIBLE,),
        (THERMAL,),
        (VISIBLE, THERMAL),
    ]
