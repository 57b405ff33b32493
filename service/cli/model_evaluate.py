"""`vedette model evaluate`: how well a model finds what labelled images show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from models.catalogue.atomic_folder import replace_file
from models.catalogue.card_file import CARD_FILE, card_text
from models.catalogue.catalogue import ENGINE_NAMES, CatalogueEntry, EngineName
from models.detections import Detections
from models.detector import DetectionParameters, DetectorIdentity
from models.errors import InvalidInputError
from models.evaluation.average_precision import load_evaluator
from models.evaluation.evaluation import (
    AP_LOWEST_CONFIDENCE,
    Evaluation,
    SizeScore,
    SubjectScore,
    evaluate,
)
from models.evaluation.labels import LabelledImage, read_labels
from models.evaluation.measurement import accuracy_of, with_measurement
from models.evaluation.thresholds import ChosenThreshold, ThresholdRule, choose_thresholds
from models.evaluation.thresholds import told as told_choice
from models.evaluation.yolo_dataset import SPLITS
from models.wording import counted
from service.cli.evaluation_images import look, read_pixels, with_known_ground
from service.cli.model_catalogue import find_entry, in_catalogue
from service.cli.model_report import score_cells, share, thresholds_text, write_report
from service.cli.output import as_json, console, print_document, print_table

_DEFAULTS = DetectionParameters()


class _Rule(click.ParamType[ThresholdRule]):
    """f1, recall=SHARE or alarms=NUMBER."""

    name = "rule"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> ThresholdRule:
        if isinstance(value, ThresholdRule):
            return value
        word, _, number = str(value).partition("=")
        try:
            if word == "recall":
                return ThresholdRule(recall=float(number))
            if word == "alarms":
                return ThresholdRule(false_alarms_per_km2=float(number))
        except ValueError as error:
            self.fail(str(error), param, ctx)
        if value != "f1":
            self.fail(f"{value!r} is none of f1, recall=0.8, alarms=5", param, ctx)
        return ThresholdRule()


@click.command("evaluate")
@click.argument("dataset", type=click.Path(path_type=Path, exists=True), metavar="DATASET")
@click.option(
    "--model",
    metavar="NAME[@VERSION]|FOLDER",
    help="A model of the catalogue (`vedette model list`), or a folder with a card.",
)
@click.option(
    "--engine",
    type=click.Choice(ENGINE_NAMES),
    default="auto",
    show_default=True,
    help="What runs the model.",
)
@click.option(
    "--classes",
    metavar="NAME,NAME,...",
    help="For YOLO labels: category, group or `ignore` of each class number, instead of what "
    "data.yaml or classes.txt call it.",
)
@click.option(
    "--split", type=click.Choice(SPLITS), help="Of a data.yaml.  [default: its first of these]"
)
@click.option(
    "--gsd",
    "gsd_m",
    type=click.FloatRange(0, 100, min_open=True),
    metavar="METRES",
    help="Ground that one pixel of every image spans, where the files do not tell.",
)
@click.option(
    "--min-score",
    type=click.FloatRange(AP_LOWEST_CONFIDENCE, 1),
    help="One operating threshold for all categories.  [default: those of the model's card]",
)
@click.option(
    "--choose",
    type=_Rule(),
    metavar="f1|recall=SHARE|alarms=PER_KM2",
    help="Choose the operating threshold of each category on this set: the best balance of recall "
    "and precision, the highest with so much recall, or the lowest with so few false alarms.",
)
@click.option(
    "--min-iou",
    type=click.FloatRange(0, 1, min_open=True),
    default=0.5,
    show_default=True,
    help="Overlap from which a detection is the object.",
)
@click.option(
    "--overlap",
    type=click.FloatRange(0, 0.9),
    default=_DEFAULTS.tile_overlap,
    show_default=True,
    help="Least share of a tile that its neighbour repeats.",
)
@click.option(
    "--whole-frame/--tiles-only",
    default=_DEFAULTS.whole_frame,
    show_default=True,
    help="Look at the whole frame at reduced scale too.",
)
@click.option("--limit", type=click.IntRange(1), help="Look at the first images only.")
@click.option("--threads", type=click.IntRange(1), help="CPU threads to use.  [default: all]")
@click.option(
    "--report",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="FOLDER",
    help="Write index.html there: curves, and pictures of the worst misses and false alarms.",
)
@click.option(
    "--write-card",
    is_flag=True,
    help="Write what was measured, and with --choose the thresholds, into the model's card.",
)
@click.option(
    "--data-name",
    metavar="TEXT",
    help="What the card calls these images, such as 'HIT-UAV, 200 test frames'.",
)
@in_catalogue
@as_json
def evaluate_model(
    dataset: Path,
    model: str | None,
    engine: EngineName,
    classes: str | None,
    split: str | None,
    gsd_m: float | None,
    min_score: float | None,
    choose: ThresholdRule | None,
    min_iou: float,
    overlap: float,
    whole_frame: bool,
    limit: int | None,
    threads: int | None,
    report: Path | None,
    write_card: bool,
    data_name: str | None,
    catalogue_dir: Path,
    json_output: bool,
) -> None:
    """Measure a model on labelled images: DATASET is a folder, a COCO JSON or a data.yaml.

    A folder holds `annotations/*.txt` (VisDrone), `data.yaml` (YOLO), a COCO JSON, or
    `labels/*.txt` (YOLO), and its images in `images/`. Average precision is COCO's. What lies
    mostly in a region that the set marks as ignored counts neither way.

    Sizes on the ground and false alarms by square kilometre come from the metadata of photographs
    that are seen from above, from --gsd, or from a file `ground.tsv` beside the labels (file_name,
    gsd_m, ground_km2).

    A threshold that is chosen on the images it is then measured on flatters the model: choose on
    validation images, measure on others.

    \b
    Examples:
      vedette model evaluate visdrone/
      vedette model evaluate hituav/annotations.json --min-score 0.4 --report report/
      vedette model evaluate cars/data.yaml --split val --choose f1 --write-card --model field-m
      vedette model evaluate cars/ --classes car,truck,bus,ignore --gsd 0.05 --json
    """  # noqa: D301 - click wants the backspace itself
    if choose is not None and min_score is not None:
        raise InvalidInputError("--choose and --min-score exclude each other", field="choose")
    load_evaluator()  # told now, not after minutes of looking
    entry = find_entry(model, catalogue_dir)
    read = read_labels(dataset, classes.split(",") if classes is not None else None, split)
    images = with_known_ground(read[:limit], gsd_m)
    if not any(image.names for image in images):
        raise InvalidInputError(f"{dataset} labels no object", field="dataset")
    name = data_name or f"{dataset.resolve().name}, {counted(len(images), 'image')}"
    parameters = DetectionParameters(
        min_confidence=AP_LOWEST_CONFIDENCE, tile_overlap=overlap, whole_frame=whole_frame
    )
    detector = entry.open(engine, threads)
    found = look(detector, parameters, images)
    identity = detector.identity
    asked = DetectionParameters(min_confidence=min_score).thresholds(identity)
    thresholds = dict(zip(identity.categories, map(float, asked), strict=True))
    chosen = None
    if choose is not None:
        chosen = _chosen(choose, images, found, identity, min_iou)
        thresholds |= {category: one.confidence for category, one in chosen.items()}
    evaluation = evaluate(
        images, found, identity.categories, min_confidence=thresholds, min_iou=min_iou
    )
    written = None
    if report is not None:
        try:
            written = write_report(
                report,
                title=f"{identity.label} on {dataset.name or dataset.resolve().name}",
                identity=identity,
                evaluation=evaluation,
                images=images,
                found=found,
                read=read_pixels,
            )
        except OSError as error:
            raise InvalidInputError(
                f"the report cannot be written to {report}: {error.strerror}", field="report"
            ) from error
    card = None
    if write_card:
        card = _write_card(entry, evaluation, choose, chosen, name)
    if json_output:
        document = _document(dataset, identity, parameters, evaluation, written)
        document["chosen"] = _chosen_document(choose, chosen)
        document["card"] = None if card is None else str(card)
        print_document(document)
    else:
        _tell(identity, evaluation, written)
        if chosen is not None and choose is not None:
            _tell_chosen(choose, chosen, name)
        if card is not None:
            click.echo(f"\ncard: {card}")


def _chosen(
    rule: ThresholdRule,
    images: Sequence[LabelledImage],
    found: Sequence[Detections],
    identity: DetectorIdentity,
    min_iou: float,
) -> dict[str, ChosenThreshold]:
    try:
        chosen = choose_thresholds(images, found, identity.categories, rule, min_iou=min_iou)
    except ValueError as error:
        raise InvalidInputError(f"{error}; state it with --gsd", field="choose") from error
    if not chosen:
        raise InvalidInputError(
            "no category has enough labelled objects to choose a threshold on", field="choose"
        )
    # Nothing was looked for below it.
    return {
        name: ChosenThreshold(
            confidence=max(one.confidence, AP_LOWEST_CONFIDENCE),
            subject=one.subject,
            objects=one.objects,
            reached=one.reached,
        )
        for name, one in chosen.items()
    }


def _write_card(
    entry: CatalogueEntry,
    evaluation: Evaluation,
    rule: ThresholdRule | None,
    chosen: Mapping[str, ChosenThreshold] | None,
    data: str,
) -> Path:
    """Write the measurement into the card of a model; returns its path."""
    card = with_measurement(entry.card, accuracy_of(evaluation, data))
    if chosen is not None and rule is not None:
        confidences = {name: round(one.confidence, 4) for name, one in chosen.items()}
        card = with_measurement(
            card,
            card.accuracy[-1],
            thresholds={**entry.card.thresholds, **confidences},
            thresholds_chosen=told_choice(rule, chosen, data),
        )
    path = entry.folder / CARD_FILE
    try:
        replace_file(path, card_text(card).encode())
    except OSError as error:
        raise InvalidInputError(
            f"the card {path} cannot be written: {error.strerror}; add the model to a data folder "
            "of your own (`vedette model add`)",
            field="write_card",
        ) from error
    return path


def _document(
    dataset: Path,
    identity: DetectorIdentity,
    parameters: DetectionParameters,
    evaluation: Evaluation,
    report: Path | None,
) -> dict[str, Any]:
    return {
        "dataset": str(dataset),
        "images": evaluation.images,
        "model": {
            "name": identity.name,
            "version": identity.version,
            "engine": identity.engine,
            "sha256": identity.sha256,
            "tile_overlap": parameters.tile_overlap,
            "whole_frame": parameters.whole_frame,
        },
        "min_iou": evaluation.min_iou,
        "thresholds": {name: _rounded(value) for name, value in evaluation.thresholds.items()},
        "scores": [_score(score) for score in evaluation.scores],
        "report": None if report is None else str(report),
    }


def _score(score: SubjectScore) -> dict[str, Any]:
    return {
        "subject": score.subject,
        "objects": score.truths,
        "ap50": _rounded(score.ap50),
        "ap50_95": _rounded(score.ap50_95),
        "recall": _rounded(score.recall),
        "precision": _rounded(score.precision),
        "false_alarms": score.false_alarms,
        "false_alarms_per_image": _rounded(score.false_alarms_per_image),
        "false_alarms_per_km2": _rounded(score.false_alarms_per_km2),
        "sizes_px": _sizes(score.sizes_px),
        "sizes_m": _sizes(score.sizes_m),
        "curve": [
            {"recall": _rounded(recall), "precision": _rounded(precision), "score": _rounded(at)}
            for recall, precision, at in zip(
                score.curve.recall.tolist(),
                score.curve.precision.tolist(),
                score.curve.confidence.tolist(),
                strict=True,
            )
        ],
    }


def _sizes(sizes: dict[str, SizeScore]) -> list[dict[str, Any]]:
    return [
        {
            "size": name,
            "objects": size.truths,
            "ap50": _rounded(size.ap50),
            "recall": _rounded(size.recall),
        }
        for name, size in sizes.items()
    ]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 5)


def _tell(identity: DetectorIdentity, evaluation: Evaluation, report: Path | None) -> None:
    """The tables, for a person."""
    out = console()
    out.print(
        f"{identity.label} on {identity.engine}: {counted(evaluation.images, 'image')}, found "
        f"from IoU {evaluation.min_iou:g}, recall and false alarms at score "
        f"{thresholds_text(evaluation.thresholds)}",
        markup=False,
    )
    print_table(
        ("", "OBJECTS", "AP", "AP50:95", "RECALL", "PRECISION", "FALSE/IMAGE", "FALSE/KM2"),
        (score_cells(score) for score in evaluation.scores),
        empty="",
    )
    for told, sizes in (
        ("By size in the image: AP, recall, objects", [s.sizes_px for s in evaluation.scores]),
        ("By size on the ground: AP, recall, objects", [s.sizes_m for s in evaluation.scores]),
    ):
        if not sizes[0]:
            continue
        out.print(f"\n{told}", markup=False)
        print_table(
            ("", *(name.upper() for name in sizes[0])),
            (
                (score.subject, *(_cell(size) for size in row.values()))
                for score, row in zip(evaluation.scores, sizes, strict=True)
            ),
            empty="",
        )
    if report is not None:
        click.echo(f"\nreport: {report}")


def _cell(size: SizeScore) -> str:
    if not size.truths:
        return "-"
    return f"{share(size.ap50)} / {share(size.recall)} / {size.truths}"


def _chosen_document(
    rule: ThresholdRule | None, chosen: Mapping[str, ChosenThreshold] | None
) -> dict[str, Any] | None:
    if rule is None or chosen is None:
        return None
    return {
        "rule": str(rule),
        "thresholds": {
            name: {
                "score": _rounded(one.confidence),
                "chosen_on": one.subject,
                "objects": one.objects,
                "reached": one.reached,
            }
            for name, one in chosen.items()
        },
    }


def _tell_chosen(rule: ThresholdRule, chosen: Mapping[str, ChosenThreshold], data: str) -> None:
    console().print(f"\nThresholds: {told_choice(rule, chosen, data)}", markup=False)
    print_table(
        ("", "SCORE", "CHOSEN ON", "OBJECTS", ""),
        (
            (
                name,
                f"{one.confidence:.3f}",
                one.subject,
                str(one.objects),
                "" if one.reached else "the target was not reached",
            )
            for name, one in chosen.items()
        ),
        empty="",
    )
