"""The detectors of one worker process: those in force, opened when they come into force."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from models.catalogue.catalogue import Catalogue, CatalogueEntry, EngineName
from models.catalogue.model_card import Modality
from models.detector import Detector
from models.errors import EngineGoneError, ModelRefusedError, VedetteError
from pipelines.detectors import Detectors, Shadow, not_opened
from pipelines.outcome import Finding
from service.model_choice import ModelInForce, ModelRole, ModelsInForce

_log = logging.getLogger("vedette.models")

_TRY_AGAIN_S = 60.0
"""After so long a model that could not be opened is tried again."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Opened:
    """A model on an engine."""

    label: str
    sha256: Mapping[str, str]
    modality: Modality
    detector: Detector


class DetectorRack:
    """Gives each job the detectors in force; any number of threads may ask.

    At most one model for each kind of light and one shadow are kept open: a model that is no longer
    in force goes when the last job that began with it ends.

    Args:
        in_force: what the ledger says now.
        catalogue_dir: the models that were added to the installation.
        default: name, or name and version, of the model where none was activated.
        engine: what runs them.
        threads: CPU threads of each; None for all.
    """

    def __init__(
        self,
        in_force: Callable[[], ModelsInForce],
        catalogue_dir: Path,
        default: str,
        engine: EngineName,
        threads: int | None,
    ) -> None:
        self._in_force = in_force
        self._catalogue_dir = catalogue_dir
        self._default = default
        self._engine: EngineName = engine
        self._threads = threads
        self._lock = threading.Lock()
        self._by_role: dict[ModelRole, _Opened] = {}
        self._current: Detectors | None = None
        self._revision = -1
        self._again_at = float("inf")

    def current(self) -> Detectors:
        """The detectors in force now.

        A model that cannot be opened is told in the findings, and the one before it goes on, or
        the default: frames shall be looked at.

        Raises:
            ModelRefusedError: the default model is damaged or unknown.
            EngineError: the default model does not start.
            UnavailableError: the ledger does not answer.
        """
        wanted = self._in_force()
        with self._lock:
            now = time.monotonic()
            if self._current is None or wanted.revision != self._revision or now > self._again_at:
                self._current = self._open(wanted)
                self._revision = wanted.revision
            return self._current

    def _open(self, wanted: ModelsInForce) -> Detectors:
        catalogue = Catalogue.installed(self._catalogue_dir)
        default = catalogue.standing(self._default)
        before, opened = self._by_role, dict[ModelRole, _Opened]()
        findings: list[Finding] = []
        failed = False
        for role in ModelRole:
            asked = wanted.by_role.get(role)
            if asked is None:
                if role is not ModelRole.SHADOW:
                    opened[role] = self._kept(default, before, opened)
                continue
            try:
                entry = catalogue.entry(asked.model)
                _require_same(entry, asked)
                opened[role] = self._kept(entry, before, opened)
            except EngineGoneError:
                raise
            except VedetteError as error:
                failed = True
                _log.error("%s for %s cannot be opened: %s", asked.model, role.value, error)
                if role is ModelRole.SHADOW:
                    continue
                opened[role] = before.get(role) or self._kept(default, before, opened)
                findings.append(not_opened(asked.model, str(error), opened[role].label))
        self._by_role = opened
        self._again_at = time.monotonic() + _TRY_AGAIN_S if failed else float("inf")
        shadow = opened.get(ModelRole.SHADOW)
        return Detectors(
            visible=opened[ModelRole.VISIBLE].detector,
            thermal=opened[ModelRole.THERMAL].detector,
            shadow=None
            if shadow is None
            else Shadow(
                detector=shadow.detector,
                modality=shadow.modality,
                share=wanted.by_role[ModelRole.SHADOW].share,
            ),
            findings=tuple(dict.fromkeys(findings)),
        )

    def _kept(
        self,
        entry: CatalogueEntry,
        before: Mapping[ModelRole, _Opened],
        opened: Mapping[ModelRole, _Opened],
    ) -> _Opened:
        """A model, open already or opened now."""
        for one in (*opened.values(), *before.values()):
            if one.label == entry.label and one.sha256 == entry.card.sha256:
                return one
        began = time.monotonic()
        detector = entry.open(self._engine, self._threads)
        _log.info("%s opened in %.1f s", entry.label, time.monotonic() - began)
        return _Opened(
            label=entry.label,
            sha256=dict(entry.card.sha256),
            modality=entry.card.modality,
            detector=detector,
        )


def _require_same(entry: CatalogueEntry, asked: ModelInForce) -> None:
    """Refuse other weights under a name that was activated for these.

    Raises:
        ModelRefusedError: they differ.
    """
    if dict(entry.card.sha256) != dict(asked.sha256):
        raise ModelRefusedError(
            f"{entry.label} has other files than when it was activated; look at it and activate it "
            "again"
        )
