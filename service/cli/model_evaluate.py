"""`vedette model evaluate`: how well a model finds what labelled images show."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from models.average_precision import load_evaluator
from models.catalogue import Catalogue, EngineName
from models.detections import Detections
from models.detector import DetectionParameters, Detector, DetectorIdentity
from models.errors import InvalidInputError, UnreadableImageError
from models.evaluation import AP_LOWEST_CONFIDENCE, Evaluation, SizeScore, SubjectScore, evaluate
from models.labels import LabelledImage, read_labels
from service.cli.model_report import score_cells, share, write_report
from service.cli.output import as_json, console, print_document, print_table

_DEFAULTS = DetectionParameters()


@click.command("evaluate")
@click.argument("dataset", type=click.Path(path_type=Path, exists=True), metavar="DATASET")
@click.option("--model", metavar="NAME", help="A model of the catalogue (`vedette model list`).")
@click.option(
    "--engine",
    type=click.Choice(["auto", "openvino", "ultralytics"]),
    default="auto",
    show_default=True,
    help="What runs the model.",
)
@click.option(
    "--classes",
    metavar="NAME,NAME,...",
    help="For YOLO labels without classes.txt: category, group or `ignore` of each class number.",
)
@click.option(
    "--min-score",
    type=click.FloatRange(AP_LOWEST_CONFIDENCE, 1),
    default=_DEFAULTS.min_confidence,
    show_default=True,
    help="The operating threshold of recall, precision and false alarms.",
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
@as_json
def evaluate_model(
    dataset: Path,
    model: str | None,
    engine: EngineName,
    classes: str | None,
    min_score: float,
    min_iou: float,
    overlap: float,
    whole_frame: bool,
    limit: int | None,
    threads: int | None,
    report: Path | None,
    json_output: bool,
) -> None:
    """Measure a model on labelled images: DATASET is a folder or a COCO JSON file.

    A folder holds `annotations/*.txt` (VisDrone), a COCO JSON, or `labels/*.txt` (YOLO), and its
    images in `images/`. Average precision is COCO's. What lies mostly in a region that the set
    marks as ignored counts neither way. A file `ground.tsv` beside the labels (file_name, gsd_m,
    ground_km2) adds sizes on the ground and false alarms by area.

    \b
    Examples:
      vedette model evaluate visdrone/
      vedette model evaluate hituav/annotations.json --min-score 0.4 --report report/
      vedette model evaluate cars/ --classes car,truck,bus,ignore --json
    """  # noqa: D301 - click wants the backspace itself
    load_evaluator()  # told now, not after minutes of looking
    images = read_labels(dataset, classes.split(",") if classes is not None else None)[:limit]
    if not any(image.names for image in images):
        raise InvalidInputError(f"{dataset} labels no object", field="dataset")
    detector = Catalogue.shipped().open_detector(model, engine, threads)
    parameters = DetectionParameters(
        min_confidence=AP_LOWEST_CONFIDENCE, tile_overlap=overlap, whole_frame=whole_frame
    )
    found = _look(detector, parameters, images)
    identity = detector.identity
    evaluation = evaluate(
        images, found, identity.categories, min_confidence=min_score, min_iou=min_iou
    )
    written = None
    if report is not None:
        try:
            written = write_report(
                report,
                title=f"{identity.name} on {dataset.name or dataset.resolve().name}",
                identity=identity,
                evaluation=evaluation,
                images=images,
                found=found,
                read=_pixels,
            )
        except OSError as error:
            raise InvalidInputError(
                f"the report cannot be written to {report}: {error.strerror}", field="report"
            ) from error
    if json_output:
        print_document(_document(dataset, identity, parameters, evaluation, written))
    else:
        _tell(identity, evaluation, written)


def _look(
    detector: Detector, parameters: DetectionParameters, images: Sequence[LabelledImage]
) -> list[Detections]:
    """Detections of every image, with a progress bar on a terminal."""
    screen = console(stderr=True)
    with Progress(
        TextColumn("looking"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=screen,
        transient=True,
        disable=not screen.is_terminal,
    ) as progress:
        task = progress.add_task("looking", total=len(images))
        found = []
        for pixels in _decoded(images):
            found.append(detector.detect(pixels, parameters))
            progress.advance(task)
    return found


def _decoded(images: Sequence[LabelledImage]) -> Iterator[NDArray[np.uint8]]:
    """The pixels of each image; the next is decoded meanwhile."""
    with ThreadPoolExecutor(1, thread_name_prefix="decode") as ahead:
        waiting = ahead.submit(_pixels, images[0].path)
        for after in images[1:]:
            pixels = waiting.result()
            waiting = ahead.submit(_pixels, after.path)
            yield pixels
        yield waiting.result()


def _pixels(path: Path) -> NDArray[np.uint8]:
    from pipelines.imagery.decode import read_image

    try:
        return read_image(path.read_bytes()).rgb
    except OSError as error:
        raise InvalidInputError(f"{path}: {error.strerror}", field="dataset") from error
    except UnreadableImageError as error:
        raise UnreadableImageError(f"{path}: {error}", field="dataset") from error


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
            "engine": identity.engine,
            "sha256": identity.sha256,
            "tile_overlap": parameters.tile_overlap,
            "whole_frame": parameters.whole_frame,
        },
        "min_iou": evaluation.min_iou,
        "min_score": evaluation.min_confidence,
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
        f"{identity.name} on {identity.engine}: {evaluation.images} images, found from IoU "
        f"{evaluation.min_iou:g}, recall and false alarms at score {evaluation.min_confidence:g}",
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
