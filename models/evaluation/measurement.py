"""An evaluation as a model's card tells it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from models.catalogue.model_card import Accuracy, ModelCard, SizeAccuracy
from models.evaluation.evaluation import Evaluation, SizeScore, SubjectScore

_DIGITS = 4


def accuracy_of(evaluation: Evaluation, data: str) -> Accuracy:
    """The figures of an evaluation.

    Args:
        evaluation: at the thresholds that the card states.
        data: what was looked at, for people.
    """
    scores = evaluation.scores

    def each(pairs: Iterable[tuple[str, float | None]]) -> dict[str, float]:
        return {name: round(float(value), _DIGITS) for name, value in pairs if value is not None}

    return Accuracy(
        data=data,
        images=evaluation.images,
        objects={score.subject: score.truths for score in scores},
        ap50=each((score.subject, score.ap50) for score in scores),
        recall=each((score.subject, score.recall) for score in scores),
        precision=each((score.subject, score.precision) for score in scores),
        false_alarms_per_km2=each((score.subject, score.false_alarms_per_km2) for score in scores),
        sizes_px=_by_size(scores, "sizes_px"),
        sizes_m=_by_size(scores, "sizes_m"),
    )


def _by_size(scores: Iterable[SubjectScore], key: str) -> dict[str, dict[str, SizeAccuracy]]:
    found: dict[str, dict[str, SizeAccuracy]] = {}
    for score in scores:
        sizes: Mapping[str, SizeScore] = getattr(score, key)
        if sizes:
            found[score.subject] = {name: _size(size) for name, size in sizes.items()}
    return found


def _size(size: SizeScore) -> SizeAccuracy:
    if not size.truths:
        return SizeAccuracy(objects=0, ap50=None, recall=None)
    return SizeAccuracy(
        objects=size.truths,
        ap50=None if size.ap50 is None else round(float(size.ap50), _DIGITS),
        recall=None if size.recall is None else round(float(size.recall), _DIGITS),
    )


def with_measurement(
    card: ModelCard,
    accuracy: Accuracy,
    *,
    thresholds: Mapping[str, float] | None = None,
    thresholds_chosen: str = "",
) -> ModelCard:
    """A card with one measurement more; an earlier one on the same data is replaced.

    Args:
        card: as it was.
        accuracy: what was measured.
        thresholds: by category, instead of the card's; None leaves these.
        thresholds_chosen: how they were chosen.
    """
    others = tuple(row for row in card.accuracy if row.data != accuracy.data)
    measured = replace(card, accuracy=(*others, accuracy))
    if thresholds is None:
        return measured
    return replace(measured, thresholds=dict(thresholds), thresholds_chosen=thresholds_chosen)
