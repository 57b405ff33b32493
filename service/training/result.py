"""What comes of a training: how much of it to keep, how good it is, and its place in the catalogue.

The mean of the learned weights is mixed with the starting weights: such a mixture often finds what
both find and errs where neither is sure. The share is chosen on one half of the validation, and so
is a shift of confidence that makes the new model find, at the usual threshold, what the start finds
there. Of the mixture the class branches may be taught once more, on their own; they are kept where
that is better on the choosing half. The other half tells how good it is.
"""

from __future__ import annotations

import hashlib
import math
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from models.catalogue.card_file import CARD_FILE, card_text
from models.catalogue.catalogue import CatalogueEntry, add_model
from models.catalogue.conversion import convert
from models.catalogue.model_card import Accuracy, ModelCard
from models.detector import Detector
from models.taxonomy import GROUPS
from models.training.pieces import Piece
from models.training.recipe import Mixture
from models.wording import counted
from service.training.course import (
    OPERATING_CONFIDENCE,
    Look,
    Watcher,
    empty_alarms,
    floats_of,
    look,
    teach_classes,
    thresholds_at_equal_recall,
)
from service.training.materials import Materials
from service.training.plan import Plan

MIXTURES = (
    Mixture(backbone=0.3, rest=0.7),
    Mixture(backbone=0.3, rest=1.0),
)
"""Shares of the learned weights that are tried.

Small things are lost in the backbone: 0.5 of what was learned in it, and none in the rest, cost
0.010 of average precision on 24 frames with small vehicles from above; 0.3 in it and all in the
rest gained 0.008.
"""

TOLERATED_LOSS = 0.01
"""A trial does a group harm where the group's average precision falls by more."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """One mixture with the learned weights on the choosing half.

    Attributes:
        mixture: how much of what was learned is in it.
        taught: whether the class branches were taught once more, on their own.
        ap50: average precision by group.
        thresholds: by group, for the recall of the start at the usual threshold.
        false_alarms: on labelled images at these.
        empty_alarms: on empty ground at these.
    """

    mixture: Mixture
    ap50: Mapping[str, float]
    thresholds: Mapping[str, float]
    false_alarms: int
    empty_alarms: int
    taught: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class GroupResult:
    """One group on the reporting half: start and new model.

    Attributes:
        truths: labelled objects.
        ap50: average precision, of the start and of the new model.
        recall: at the usual threshold, of both.
        false_alarms: on labelled images, of both, where they find what the start finds at the usual
            threshold.
    """

    truths: int
    ap50: tuple[float, float]
    recall: tuple[float, float]
    false_alarms: tuple[int, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What a training came to.

    Attributes:
        label: of the model in the catalogue.
        mixture: how much of what was learned is in it.
        taught: whether its class branches were taught once more, on their own.
        trials: every one that was tried.
        groups: on the reporting half.
        empty_images: images without objects there.
        empty_alarms: detections on them at the usual threshold, of the start and of the new model.
    """

    label: str
    mixture: Mixture
    taught: bool
    trials: tuple[Trial, ...]
    groups: Mapping[str, GroupResult]
    empty_images: int
    empty_alarms: tuple[int, int]


def finish(
    plan: Plan,
    start: CatalogueEntry,
    trainer: Any,
    pieces: Sequence[Piece],
    materials: Materials,
    watcher: Watcher,
    *,
    catalogue_dir: Path,
    trained_on: str,
    threads: int | None = None,
) -> Outcome:
    """Choose, measure, and add to the catalogue; nothing is activated.

    Args:
        plan: of the training.
        start: what it started from.
        trainer: the adapter that learned.
        pieces: what it learned from; the class branches are taught on them.
        materials: with both halves of the validation.
        watcher: told how it goes.
        catalogue_dir: the folder of the installation's models.
        trained_on: date, for the card.
        threads: CPU threads; None for all.

    Raises:
        ModelRefusedError: the catalogue has another model of that name and version.
        EngineError: an engine failed, or what converts is not installed.
    """
    categories = start.card.categories
    with tempfile.TemporaryDirectory(prefix="vedette-train-") as folder:
        home = Path(folder)
        before = start.open(floats_of(start), threads=threads)
        said = watcher.phase("the start on the choosing half", _count(materials, "choose"))
        base = look(before, materials.choose, materials.choose_empty, said)

        def tried(told: str, mixture: Mixture, branches: Mapping[str, Any]) -> Trial:
            folder_of_trial = _made(home / told)
            trainer.write(_weights_in(folder_of_trial, plan), mixture, branches=branches)
            detector = _open(plan, start, folder_of_trial, threads)
            said = watcher.phase(told, _count(materials, "choose"))
            seen = look(detector, materials.choose, materials.choose_empty, said)
            return _trial(mixture, base, seen, materials, categories, taught=bool(branches))

        trials = [tried(_kept(mixture), mixture, {}) for mixture in MIXTURES]
        best = chosen(base, trials)
        branches: Mapping[str, Any] = {}
        if plan.class_recipe.steps:
            weights = _weights_in(home / _kept(best.mixture), plan).read_bytes()
            branches = teach_classes(plan, start, pieces, weights, watcher, threads)
            trials.append(tried("the taught branches", best.mixture, branches))
            best = chosen(base, trials)
        branches = branches if best.taught else {}
        lift = lift_by_class(start.card, thresholds_at_equal_recall(base, base), best.thresholds)
        final = home / "final"
        trainer.write(home / "final.safetensors", best.mixture, lift, branches)
        convert(home / "final.safetensors", _made(final), plan.name, input_px=start.card.input_px)
        after = _open(plan, start, final, threads)
        said = watcher.phase("the start on the reporting half", _count(materials, "report"))
        old = look(before, materials.report, materials.report_empty, said)
        said = watcher.phase("the new model on the reporting half", _count(materials, "report"))
        new = look(after, materials.report, materials.report_empty, said)
        usual = dict.fromkeys(GROUPS, OPERATING_CONFIDENCE)
        outcome = Outcome(
            label=f"{plan.name}@{plan.version}",
            mixture=best.mixture,
            taught=best.taught,
            trials=tuple(trials),
            groups={group: _group(old, new, group) for group in old.curves},
            empty_images=len(materials.report_empty),
            empty_alarms=(
                empty_alarms(old, materials.report_empty, categories, usual),
                empty_alarms(new, materials.report_empty, categories, usual),
            ),
        )
        card = _card(plan, start.card, final, outcome, materials, trained_on)
        (final / CARD_FILE).write_text(card_text(card), encoding="utf-8")
        add_model(final, catalogue_dir)
    return outcome


def _count(materials: Materials, half: str) -> int:
    return len(getattr(materials, half)) + len(getattr(materials, f"{half}_empty"))


def _label(mixture: Mixture) -> str:
    return f"{mixture.backbone:g} of the backbone and {mixture.rest:g} of the rest"


def _kept(mixture: Mixture) -> str:
    return f"kept: {_label(mixture)}"


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _weights_in(folder: Path, plan: Plan) -> Path:
    return folder / f"{plan.name}.safetensors"


def _open(plan: Plan, start: CatalogueEntry, folder: Path, threads: int | None) -> Detector:
    """The weights in a folder as the catalogue would open them."""
    sha256 = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.iterdir())
    }
    card = replace(start.card, name=plan.name, version=plan.version, sha256=sha256)
    (folder / CARD_FILE).write_text(card_text(card), encoding="utf-8")
    entry = CatalogueEntry(folder)
    return entry.open(floats_of(entry), threads=threads)


def _trial(
    mixture: Mixture,
    base: Look,
    seen: Look,
    materials: Materials,
    categories: Sequence[str],
    *,
    taught: bool,
) -> Trial:
    thresholds = thresholds_at_equal_recall(base, seen)
    return Trial(
        mixture=mixture,
        ap50={group: curve.average_precision for group, curve in seen.curves.items()},
        thresholds=thresholds,
        false_alarms=sum(
            seen.curves[group].false_alarms(threshold) for group, threshold in thresholds.items()
        ),
        empty_alarms=empty_alarms(seen, materials.choose_empty, categories, thresholds),
        taught=taught,
    )


def chosen(base: Look, trials: Sequence[Trial]) -> Trial:
    """The trial with the fewest false alarms on empty ground that does no group harm.

    Equal ones are told apart by the false alarms on labelled images, then by their order. Where
    every one does harm, it is the first with the smallest mixture.
    """
    harmless = [
        trial
        for trial in trials
        if all(
            trial.ap50[group] >= curve.average_precision - TOLERATED_LOSS
            for group, curve in base.curves.items()
        )
    ]
    if not harmless:
        return min(trials, key=lambda trial: trial.mixture)
    return min(harmless, key=lambda trial: (trial.empty_alarms, trial.false_alarms))


def lift_by_class(
    card: ModelCard, start: Mapping[str, float], new: Mapping[str, float]
) -> list[float]:
    """What to add to the logit of each class so that thresholds stay what they were.

    Args:
        card: with the classes.
        start: threshold by group of the start, 0 to 1.
        new: that at which the new network finds as much.
    """
    lifts = []
    for place in card.class_map.index:
        category = card.categories[int(place)]
        lift = 0.0
        for group, threshold in new.items():
            if category in GROUPS[group] and 0 < threshold < 1 and 0 < start[group] < 1:
                lift = _logit(start[group]) - _logit(threshold)
        lifts.append(lift)
    return lifts


def _logit(share: float) -> float:
    return math.log(share / (1 - share))


def _group(old: Look, new: Look, group: str) -> GroupResult:
    before, after = old.curves[group], new.curves[group]
    recall = before.recall(OPERATING_CONFIDENCE)
    return GroupResult(
        truths=before.truths,
        ap50=(before.average_precision, after.average_precision),
        recall=(recall, after.recall(OPERATING_CONFIDENCE)),
        false_alarms=(
            before.false_alarms(before.threshold_for(recall)),
            after.false_alarms(after.threshold_for(recall)),
        ),
    )


def _of_branches(plan: Plan) -> list[str]:
    """How the class branches were taught, for the card."""
    recipe = plan.class_recipe
    return [
        (
            f"Then its class branches alone: {recipe.steps} batches of {recipe.batch} tiles of "
            f"{recipe.tile_px} pixels, held to what {plan.start} says where objects may be."
        )
    ]


def _card(
    plan: Plan,
    start: ModelCard,
    folder: Path,
    outcome: Outcome,
    materials: Materials,
    trained_on: str,
) -> ModelCard:
    """The start's card with what is new."""
    recipe = plan.recipe
    old, new = outcome.empty_alarms
    return replace(
        start,
        name=plan.name,
        version=plan.version,
        license=plan.license,
        training_data=(*start.training_data, *plan.sources),
        trained_on=trained_on,
        accuracy=(
            Accuracy(
                data=f"{counted(len(materials.report), 'image')} kept apart, in tiles and whole",
                images=len(materials.report),
                ap50={group: round(row.ap50[1], 4) for group, row in outcome.groups.items()},
                objects={group: row.truths for group, row in outcome.groups.items()},
                recall={group: round(row.recall[1], 4) for group, row in outcome.groups.items()},
            ),
        ),
        notes=(
            (
                f"Learned on from {plan.start}: {recipe.steps} batches of {recipe.batch} tiles of "
                f"{recipe.tile_px} pixels (AdamW, {recipe.learning_rate:g}, the first "
                f"{recipe.frozen_layers} layers as they were); kept of the mean of its weights: "
                f"{_label(outcome.mixture)}."
            ),
            *(_of_branches(plan) if outcome.taught else []),
            (
                "Confidence is shifted so that, on validation images, as many objects are found "
                f"at {OPERATING_CONFIDENCE:g} as {plan.start} finds there."
            ),
            (
                f"On {counted(outcome.empty_images, 'image')} of empty ground kept apart: "
                f"{counted(new, 'detection')} at {OPERATING_CONFIDENCE:g}, "
                f"where {plan.start} has {old}."
            ),
        ),
        sha256=CatalogueEntry(folder).card.sha256,
    )
