"""One training from the first picture to a model in the catalogue."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from models.catalogue.atomic_folder import replace_file
from models.catalogue.catalogue import CatalogueEntry, EngineName
from models.detections import Detections
from models.detector import DEFAULT_CONFIDENCE, DetectionParameters, Detector
from models.errors import EngineError, InvalidInputError
from models.evaluation.evaluation import AP_LOWEST_CONFIDENCE
from models.evaluation.labels import LabelledImage
from models.taxonomy import GROUPS
from models.tiles.tile_plan import plan_unknown_scale
from models.training.batches import BatchSource
from models.training.mistakes import LOOKED_AT, with_mistakes
from models.training.operating_point import GroupCurve, alarms_on_empty_ground, curves
from models.training.pieces import Piece, class_numbers
from models.training.recipe import Step
from service.cli.evaluation_images import read_pixels
from service.training.materials import Materials, cut, dismissed, rendered
from service.training.plan import Plan

OPERATING_CONFIDENCE = DEFAULT_CONFIDENCE
"""The threshold at which the start is measured, and to which the result is brought."""

_ANY_CAR_PX = (12, 220)
"""For a start whose card does not say what cars it finds best."""

_CHECKPOINT_STEPS = 25
_PARAMETERS = DetectionParameters(min_confidence=AP_LOWEST_CONFIDENCE)


class Watcher(Protocol):
    """Is told how a training goes."""

    def phase(self, told: str, total: int) -> Callable[[int], None]:
        """A phase begins; the answer is told what of it is done."""
        ...

    def step(self, step: Step) -> None:
        """A step of learning was taken."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Look:
    """What a network sees in one half of the validation.

    Attributes:
        curves: by group.
        empty: detections in the images without objects.
    """

    curves: Mapping[str, GroupCurve]
    empty: tuple[Detections, ...]


def prepare(
    plan: Plan,
    materials: Materials,
    entry: CatalogueEntry,
    work: Path,
    watcher: Watcher,
    threads: int | None = None,
) -> list[Piece]:
    """Everything to learn from, cut, drawn, and looked at by the start.

    Raises:
        InvalidInputError: an image or a chip is broken.
        EngineError: the engine failed.
    """
    card = entry.card
    car_px = card.car_px or _ANY_CAR_PX
    said = watcher.phase("cutting images", len(materials.learn))
    pieces = cut(materials.learn, card.class_map, car_px, said)
    said = watcher.phase("cutting empty ground", len(materials.learn_empty))
    pieces += cut(materials.learn_empty, card.class_map, car_px, said, kind="empty")
    pieces += dismissed(plan)
    said = watcher.phase("drawing made-up ground", plan.rendered + plan.rendered_empty)
    pieces += rendered(plan, work, card.class_map, said)
    return _looked_at(pieces, entry, work, watcher, threads)


def _looked_at(
    pieces: list[Piece],
    entry: CatalogueEntry,
    work: Path,
    watcher: Watcher,
    threads: int | None,
) -> list[Piece]:
    """The pieces with the places that the start takes for objects; looked for once."""
    file = work / "mistakes.json"
    if file.is_file():
        places = json.loads(file.read_text(encoding="utf-8"))
        return [
            replace(piece, mistaken=np.array(places[piece.name], np.float64).reshape(-1, 4))
            if piece.name in places
            else piece
            for piece in pieces
        ]
    said = watcher.phase("looking for mistakes", len(pieces))
    told = with_mistakes(pieces, entry.open(floats_of(entry), threads=threads), said)
    places = {piece.name: piece.mistaken.tolist() for piece in told if piece.kind in LOOKED_AT}
    replace_file(file, json.dumps(places).encode())
    return told


def learn(
    plan: Plan,
    entry: CatalogueEntry,
    pieces: Sequence[Piece],
    work: Path,
    watcher: Watcher,
    threads: int | None = None,
) -> Any:
    """Take the steps that are left.

    Returns:
        The trainer with what came of it.

    Raises:
        EngineError: torch is not installed, or failed.
        ModelRefusedError: the start cannot learn.
    """
    trainer = open_trainer(plan, entry, threads)
    trainer.resume(work)
    source = BatchSource(
        pieces,
        plan.shares,
        tile_px=plan.recipe.tile_px,
        whole_px=entry.card.input_px,
        batch=plan.recipe.batch,
        seed=plan.recipe.seed,
    )
    trainer.train(source, work, every=_CHECKPOINT_STEPS, progress=watcher.step)
    return trainer


def teach_classes(
    plan: Plan,
    entry: CatalogueEntry,
    pieces: Sequence[Piece],
    weights: bytes,
    watcher: Watcher,
    threads: int | None = None,
) -> Mapping[str, Any]:
    """Teach the class branches of a network alone; the start's word holds where objects may be.

    Args:
        plan: of the training.
        entry: the start.
        pieces: to learn from.
        weights: safetensors of the network.
        watcher: told how it goes.
        threads: CPU threads; None leaves them as they are.

    Returns:
        The branches' tensors by name.

    Raises:
        EngineError: torch failed.
    """
    from models.engines.class_branches import ClassBranchTrainer

    recipe, class_map = plan.class_recipe, entry.card.class_map
    people = GROUPS["person"]
    trainer = ClassBranchTrainer(
        weights,
        entry.read(".safetensors")[1],
        recipe,
        counts=[
            recipe.people_count if class_map.categories[int(place)] in people else 1.0
            for place in class_map.index
        ],
        threads=threads,
    )
    source = BatchSource(
        pieces,
        plan.class_shares,
        tile_px=recipe.tile_px,
        whole_px=entry.card.input_px,
        batch=plan.recipe.batch,
        seed=recipe.seed,
    )
    trainer.look(source, watcher.phase("keeping what is seen in tiles", recipe.tiles))
    said = watcher.phase("teaching the class branches", recipe.steps)
    return trainer.learn(lambda step: said(step.number))


def open_trainer(plan: Plan, entry: CatalogueEntry, threads: int | None = None) -> Any:
    """The adapter that learns.

    Raises:
        EngineError: torch and ultralytics are not installed.
        ModelRefusedError: the start has no weights to learn on from.
    """
    try:
        from models.engines.ultralytics_training import NetworkTrainer
    except ModuleNotFoundError as error:
        raise EngineError(
            f"{error.name} is not here, which training needs: install vedette with the extras "
            "`service` and `ultralytics`"
        ) from error
    return NetworkTrainer(entry.read(".safetensors")[1], plan.recipe, threads)


def floats_of(entry: CatalogueEntry) -> EngineName:
    """The engine that runs a network's floats.

    A start in eight bits beside a new network in floats would be two networks and two precisions.
    """
    return "openvino-float" if "float" in entry.graphs() else "ultralytics"


def look(
    detector: Detector,
    images: Sequence[LabelledImage],
    empty: Sequence[LabelledImage],
    progress: Callable[[int], None],
) -> Look:
    """What a network sees in labelled images and on empty ground, as the service looks at them."""
    side, overlap = detector.identity.input_px, _PARAMETERS.tile_overlap
    found = []
    for done, image in enumerate((*images, *empty), start=1):
        pixels = read_pixels(image.path)
        # As a photograph of unknown scale is looked at, so that thresholds hold for those.
        views = plan_unknown_scale(pixels.shape[1], pixels.shape[0], side, overlap)
        found.append(detector.detect(pixels, _PARAMETERS, views))
        progress(done)
    labelled = found[: len(images)]
    return Look(
        curves=curves(images, labelled, detector.identity.categories),
        empty=tuple(found[len(images) :]),
    )


def thresholds_at_equal_recall(start: Look, new: Look) -> dict[str, float]:
    """By group, the highest threshold at which a network finds what the start finds at the usual.

    Of the start itself this is the confidence of the last object that it finds there: to compare
    with the usual threshold would credit the new network with the gap between the two.
    """
    return {
        group: new.curves[group].threshold_for(curve.recall(OPERATING_CONFIDENCE))
        for group, curve in start.curves.items()
    }


def check_classes(entry: CatalogueEntry, materials: Materials) -> None:
    """Raise InvalidInputError where an object to learn from is of no class of the network."""
    for image in materials.learn:
        try:
            class_numbers(image, entry.card.class_map)
        except ValueError as error:
            raise InvalidInputError(f"{image.path.name}: {error}", field="data") from error


def empty_alarms(
    look_at: Look,
    images: Sequence[LabelledImage],
    categories: Sequence[str],
    thresholds: Mapping[str, float],
) -> int:
    """Detections on empty ground at thresholds by group."""
    return alarms_on_empty_ground(images, look_at.empty, categories, thresholds)
