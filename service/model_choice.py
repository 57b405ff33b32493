"""Which models look at imagery: those in force, and the changes that brought them there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from models.catalogue.model_card import Modality

MODELS_FOLDER = "models"
"""In the data folder: the models that were added to this installation."""


class ModelRole(StrEnum):
    """What a model does in an installation."""

    VISIBLE = "visible"
    """Looks at frames of visible light."""

    THERMAL = "thermal"
    """Looks at thermal frames."""

    SHADOW = "shadow"
    """Looks beside the one in force, is compared with it, and never alerts."""


class ChangeOfModel(StrEnum):
    """How a model came into force."""

    ACTIVATED = "activated"
    ROLLED_BACK = "rolled_back"
    ENDED = "ended"
    """A shadow that was activated, and so is none any more."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelInForce:
    """The model of one role.

    Attributes:
        model: "name@version".
        sha256: of its files, by name, as they were when it was activated.
        share: of the frames that it looks at, above 0 to 1; 1 but for a shadow.
        since: when it came into force.
    """

    model: str
    sha256: Mapping[str, str]
    share: float
    since: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelsInForce:
    """The models of an installation now; a role without one has the default of the settings.

    Attributes:
        by_role: what was activated.
        revision: grows with every change.
    """

    by_role: Mapping[ModelRole, ModelInForce] = field(default_factory=dict)
    revision: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelChange:
    """One change of a role; see `vedette.v1.ModelChange`.

    Attributes:
        sequence: place in the history, from 1.
        role: whose model changed.
        kind: how.
        before: "name@version" before; empty for the default, or for no shadow.
        after: the same afterwards.
        share: of the frames, for a shadow.
        changed_by: the name on the credential.
        reason: in the person's words.
        changed_at: when.
    """

    sequence: int
    role: ModelRole
    kind: ChangeOfModel
    before: str
    after: str
    share: float
    changed_by: str
    reason: str
    changed_at: datetime


def roles_of(modality: Modality) -> tuple[ModelRole, ...]:
    """The roles that a model of a modality can have, but for that of a shadow."""
    return tuple(
        role
        for role, wanted in (
            (ModelRole.VISIBLE, Modality.VISIBLE),
            (ModelRole.THERMAL, Modality.THERMAL),
        )
        if modality.serves(wanted)
    )
