"""Models, what of them is in force, and its history as messages."""

from __future__ import annotations

from collections.abc import Iterable

from vedette.v1 import model_pb2

from models.catalogue.catalogue import CatalogueEntry
from models.catalogue.model_card import Accuracy, Modality
from models.errors import InvalidInputError
from service.api.convert.values import chosen, numbers, timestamp
from service.ledger.models import Comparison
from service.model_choice import ChangeOfModel, ModelChange, ModelInForce, ModelRole

ROLES = numbers(model_pb2.ModelRole, "MODEL_ROLE", ModelRole)
_MODALITIES = numbers(model_pb2.ModelModality, "MODEL_MODALITY", Modality)
_KINDS = numbers(model_pb2.ModelChangeKind, "MODEL_CHANGE_KIND", ChangeOfModel)
_PREFIX = "models/"


def model_name(label: str) -> str:
    """The resource name of "name@version"; empty for none."""
    return f"{_PREFIX}{label}" if label else ""


def model_label(name: str, field: str) -> str:
    """What a resource name calls, "name@version" or a name.

    Raises:
        InvalidInputError: it is none of a model.
    """
    label = name.removeprefix(_PREFIX)
    if label == name or not label or "/" in label:
        raise InvalidInputError(f"{name[:80]!r} is not models/NAME@VERSION", field=field)
    return label


def asked_roles(asked: Iterable[int], field: str) -> tuple[ModelRole, ...]:
    """The roles that a request names.

    Raises:
        InvalidInputError: one is unknown.
    """
    return tuple(dict.fromkeys(chosen(ROLES, number, field) for number in asked))


def model_message(
    entry: CatalogueEntry, roles: Iterable[ModelRole], engine: str
) -> model_pb2.Model:
    """One model of the catalogue and what it does here."""
    card, in_use = entry.card, tuple(roles)
    active = any(role is not ModelRole.SHADOW for role in in_use)
    return model_pb2.Model(
        name=model_name(entry.label),
        version=card.version,
        modality=_MODALITIES[card.modality],
        categories=card.categories,
        input_px=card.input_px,
        sha256=dict(card.sha256),
        license=card.license,
        weaknesses=card.weaknesses,
        training_data=card.training_data,
        thresholds=dict(card.thresholds),
        accuracy=[_accuracy(row) for row in card.accuracy],
        active=active,
        engine=engine if active else "",
        roles=[ROLES[role] for role in in_use],
    )


def _accuracy(row: Accuracy) -> model_pb2.ModelAccuracy:
    return model_pb2.ModelAccuracy(
        data=row.data,
        ap50=dict(row.ap50),
        recall=dict(row.recall),
        precision=dict(row.precision),
        false_alarms_per_km2=dict(row.false_alarms_per_km2),
    )


def in_force_message(role: ModelRole, one: ModelInForce) -> model_pb2.ModelInForce:
    """One model that was activated."""
    return model_pb2.ModelInForce(
        role=ROLES[role],
        model=model_name(one.model),
        share=one.share,
        activate_time=timestamp(one.since),
    )


def change_message(change: ModelChange) -> model_pb2.ModelChange:
    """One change of the history."""
    return model_pb2.ModelChange(
        sequence=change.sequence,
        role=ROLES[change.role],
        kind=_KINDS[change.kind],
        before=model_name(change.before),
        after=model_name(change.after),
        share=change.share,
        changed_by=change.changed_by,
        reason=change.reason,
        change_time=timestamp(change.changed_at),
    )


def comparison_message(found: Comparison, *, name_frames: bool) -> model_pb2.ModelComparison:
    """A shadow against what is in force; frames are named to those who may see all of them."""
    return model_pb2.ModelComparison(
        shadow=model_name(found.shadow if found.frames or found.failed else ""),
        against=[model_name(label) for label in found.against],
        frames=found.frames,
        failed=found.failed,
        first_time=timestamp(found.first_at),
        last_time=timestamp(found.last_at),
        categories=[
            model_pb2.CategoryComparison(
                category=name,
                active=one.active,
                shadow=one.shadow,
                both=one.both,
                recategorised=one.recategorised,
                only_active=one.only_active,
                only_shadow=one.only_shadow,
            )
            for name, one in found.by_category.items()
        ],
        differing=[
            model_pb2.FrameComparison(
                imagery=f"missions/{frame.mission_id}/imagery/{frame.imagery_id}",
                recategorised=frame.total.recategorised,
                only_active=frame.total.only_active,
                only_shadow=frame.total.only_shadow,
            )
            for frame in (found.differing if name_frames else ())
        ],
    )
