"""What comes of a training: how much of it to keep, how good it is, and its place in the catalogue.

The mean of the learned weights is mixed with the starting weights: such a mixture often finds what
both find and errs where neither is sure. The share is chosen on one half of the validation, and so
is a shift of confidence that makes the new model find, at the usual threshold, what the start finds
there. The other half tells how good it is.
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
from models.wording import counted
from service.training.course import (
    OPERATING_CONFIDENCE,
    Look,
    Watcher,
    empty_alarms,
    look,
    thresholds_at_equal_recall,
)
from service.training.materials import Materials
from service.training.plan import Plan

NEW_SHARES = (0.5, 0.7, 1.0)
"""Shares of the learned weights that are tried."""

TOLERATED_LOSS = 0.01
"""A share is tried no further when the average precision of a group falls by more."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """One share of the learned weights on the choosing half.

    Attributes:
        new_share: 0 to 1.
        ap50: average precision by group.
        thresholds: by group, for the recall of the start at the usual threshold.
        false_alarms: on labelled images at these.
        empty_alarms: on empty ground at these.
    """

    new_share: float
    ap50: Mapping[str, float]
    thresholds: Mapping[str, float]
    false_alarms: int
    empty_alarms: int


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
        new_share: of the learned weights in it.
        trials: every share that was tried.
        groups: on the reporting half.
        empty_images: images without objects there.
        empty_alarms: detections on them at the usual threshold, of the start and of the new model.
    """

    label: str
    new_share: float
    trials: tuple[Trial, ...]
    groups: Mapping[str, GroupResult]
    empty_images: int
    empty_alarms: tuple[int, int]


def finish(
    plan: Plan,
    start: CatalogueEntry,
    trainer: Any,
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
        before = start.open(threads=threads)
        said = watcher.phase("the start on the choosing half", _count(materials, "choose"))
        base = look(before, materials.choose, materials.choose_empty, said)
        trials = []
        for share in NEW_SHARES:
            folder_of_share = home / f"{share}"
            trainer.write(_made(folder_of_share) / f"{plan.name}.safetensors", share)
            detector = _open(plan, start, folder_of_share, threads)
            said = watcher.phase(f"{share:.0%} of what was learned", _count(materials, "choose"))
            seen = look(detector, materials.choose, materials.choose_empty, said)
            trials.append(_trial(share, base, seen, materials, categories))
        best = chosen(base, trials)
        lift = lift_by_class(start.card, thresholds_at_equal_recall(base, base), best.thresholds)
        final = home / "final"
        trainer.write(home / "final.safetensors", best.new_share, lift)
        convert(home / "final.safetensors", _made(final), plan.name, input_px=start.card.input_px)
        after = _open(plan, start, final, threads)
        said = watcher.phase("the start on the reporting half", _count(materials, "report"))
        old = look(before, materials.report, materials.report_empty, said)
        said = watcher.phase("the new model on the reporting half", _count(materials, "report"))
        new = look(after, materials.report, materials.report_empty, said)
        usual = dict.fromkeys(GROUPS, OPERATING_CONFIDENCE)
        outcome = Outcome(
            label=f"{plan.name}@{plan.version}",
            new_share=best.new_share,
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


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _open(plan: Plan, start: CatalogueEntry, folder: Path, threads: int | None) -> Detector:
    """The weights in a folder as the catalogue would open them."""
    sha256 = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.iterdir())
    }
    card = replace(start.card, name=plan.name, version=plan.version, sha256=sha256)
    (folder / CARD_FILE).write_text(card_text(card), encoding="utf-8")
    return CatalogueEntry(folder).open(threads=threads)


def _trial(
    share: float, base: Look, seen: Look, materials: Materials, categories: Sequence[str]
) -> Trial:
    thresholds = thresholds_at_equal_recall(base, seen)
    return Trial(
        new_share=share,
        ap50={group: curve.average_precision for group, curve in seen.curves.items()},
        thresholds=thresholds,
        false_alarms=sum(
            seen.curves[group].false_alarms(threshold) for group, threshold in thresholds.items()
        ),
        empty_alarms=empty_alarms(seen, materials.choose_empty, categories, thresholds),
    )


def chosen(base: Look, trials: Sequence[Trial]) -> Trial:
    """The share with the fewest false alarms on empty ground that does no group harm.

    Equal ones are told apart by the false alarms on labelled images. Where every share does harm,
    it is the smallest one.
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
        return min(trials, key=lambda trial: trial.new_share)
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
                f"{recipe.frozen_layers} layers as they were); {outcome.new_share:g} of the mean "
                f"of its weights and {1 - outcome.new_share:g} of the start's."
            ),
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
