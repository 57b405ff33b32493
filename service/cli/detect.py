"""`vedette detect`: what a model finds in image files, without any service."""

from __future__ import annotations

import contextlib
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np
from numpy.typing import NDArray
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from models.catalogue.catalogue import ENGINE_NAMES, EngineName
from models.detections import Detections
from models.detector import DetectionParameters, Detector
from models.errors import InvalidInputError, UnreadableImageError
from service.cli.error_line import error_line
from service.cli.model_catalogue import find_entry, in_catalogue
from service.cli.output import as_json, console, plain, print_document, print_table

if TYPE_CHECKING:
    from pipelines.geometry.viewpoint import Viewpoint

_DEFAULTS = DetectionParameters()
_EXIT_UNREADABLE = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Looked:
    """One file and what was found in it.

    Attributes:
        name: what the answer calls it.
        width_px: width of the file as it lies on disk.
        height_px: height of the file as it lies on disk.
        detections: in pixels of the file as it lies on disk.
        unsearched: share of it that was left out, by reason.
    """

    name: str
    width_px: int
    height_px: int
    detections: Detections
    unsearched: dict[str, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class Refused:
    """One file that could not be read.

    Attributes:
        path: as it was given, or found below a folder.
        reason: one word, as errors of the command line have.
        message: why.
    """

    path: Path
    reason: str
    message: str


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Opened:
    """A file as it was read.

    Attributes:
        rgb: (h, w, 3) as it lies on disk.
        viewpoint: where the camera stood, over flat ground; None where the file does not tell.
    """

    rgb: NDArray[np.uint8]
    viewpoint: Viewpoint | None


@click.command()
@click.argument(
    "paths",
    nargs=-1,
    required=True,
    type=click.Path(path_type=Path, exists=True),
    metavar="PATH...",
)
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
    help="What runs the model; auto is OpenVINO unless torch finds a GPU, and OpenVINO computes "
    "in eight bits where model and processor have them.",
)
@click.option(
    "--min-score",
    type=click.FloatRange(0, 1),
    help="Leave out what the model is less sure of.  [default: what its card says by category]",
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
    help="Look at the whole frame at reduced scale too, for what is larger than a tile.",
)
@click.option(
    "--everywhere",
    is_flag=True,
    help="Also look at the sky, and at ground too far away to tell a car.",
)
@click.option("--threads", type=click.IntRange(1), help="CPU threads to use.  [default: all]")
@in_catalogue
@as_json
def detect(
    paths: tuple[Path, ...],
    model: str | None,
    engine: EngineName,
    min_score: float | None,
    overlap: float,
    whole_frame: bool,
    everywhere: bool,
    threads: int | None,
    catalogue_dir: Path,
    json_output: bool,
) -> None:
    """Find people and vehicles in image files, or folders of them.

    Boxes are left, top, width and height in pixels of the file as it lies on disk, whatever
    orientation its metadata state; pixel coordinates start at the outer corner of the first pixel.
    A photograph whose metadata tell its pose is looked at in each place at the scale that suits the
    model there, over flat ground; JSON tells as `unsearched` what share of it was left out.
    A file is called by its base name, or by the path given where two have the same.
    Folders are searched for JPEG, PNG, TIFF and NITF files, told by their first bytes.

    Exit status: 0 when every file was read, 1 when one could not be (the others are done; an error
    line names it, and JSON lists it under `refused`).

    \b
    Examples:
      vedette detect DJI_0012.JPG
      vedette detect flight-7/ --min-score 0.4 --json > found.json
    """  # noqa: D301 - click wants the backspace itself
    files, refused = _find_files(paths)
    if not files and not refused:
        raise InvalidInputError("no JPEG, PNG, TIFF or NITF file there", field="path")
    for one in refused:
        _warn(one, as_json=json_output)
    detector = find_entry(model, catalogue_dir).open(engine, threads)
    parameters = DetectionParameters(
        min_confidence=min_score,
        tile_overlap=overlap,
        whole_frame=whole_frame,
        everywhere=everywhere,
    )
    looked: list[Looked] = []
    names = _names(files)
    # Lines for a person on the same terminal tell the progress themselves.
    quiet = not json_output and sys.stdout.isatty()
    with _bar(len(files), shown=not quiet) as advance:
        for file, image in _decoded(files):
            if isinstance(image, Refused):
                refused.append(image)
                _warn(image, as_json=json_output)
            else:
                looked.append(_look(detector, parameters, names[file], image))
                if not json_output:
                    _tell(looked[-1], detector.identity.categories)
            advance()
    if json_output:
        print_document(_document(detector, parameters, looked, refused, names))
    if refused:
        sys.exit(_EXIT_UNREADABLE)


def _find_files(paths: Sequence[Path]) -> tuple[list[Path], list[Refused]]:
    """Image files, each once, in order; files in folders that cannot be read."""
    files: dict[Path, None] = {}
    refused: list[Refused] = []
    for path in paths:
        if not path.is_dir():
            files[path] = None
            continue
        for file in sorted(path.rglob("*")):
            if not file.is_file():
                continue
            reason = _why_no_image(file)
            if reason is None:
                files[file] = None
            elif isinstance(reason, OSError):
                refused.append(_unreadable(file, reason))
    return list(files), refused


def _why_no_image(file: Path) -> OSError | UnreadableImageError | None:
    """None where the first bytes are those of an image."""
    from pipelines.imagery.media import sniff

    try:
        with file.open("rb") as stream:
            sniff(stream.read(16))
    except (OSError, UnreadableImageError) as error:
        return error
    return None


def _names(files: Sequence[Path]) -> dict[Path, str]:
    """Base name of each file; the path as given where two would have the same."""
    counts = Counter(file.name for file in files)
    return {file: file.name if counts[file.name] == 1 else str(file) for file in files}


def _decoded(files: Sequence[Path]) -> Iterator[tuple[Path, Opened | Refused]]:
    """Each file with its pixels or why it has none; the next is decoded meanwhile."""
    with ThreadPoolExecutor(1, thread_name_prefix="decode") as ahead:
        waiting = [ahead.submit(_decode, file) for file in files[:1]]
        for place, file in enumerate(files):
            image = waiting.pop().result()
            waiting.extend(ahead.submit(_decode, after) for after in files[place + 1 : place + 2])
            yield file, image


def _decode(file: Path) -> Opened | Refused:
    from pipelines.geometry.camera_height import Unlocatable
    from pipelines.geometry.elevation import TerrainSource
    from pipelines.geometry.viewpoint import find_viewpoint
    from pipelines.imagery.decode import read_image
    from pipelines.metadata.capture_reader import read_capture

    try:
        data = file.read_bytes()
        rgb = read_image(data).rgb
        found = find_viewpoint(read_capture(data), TerrainSource(None))
        return Opened(rgb=rgb, viewpoint=None if isinstance(found, Unlocatable) else found)
    except OSError as error:
        return _unreadable(file, error)
    except UnreadableImageError as error:
        return Refused(path=file, reason=error.reason, message=str(error))


def _unreadable(file: Path, error: OSError) -> Refused:
    return Refused(path=file, reason="FILE_ERROR", message=error.strerror or str(error))


def _look(detector: Detector, parameters: DetectionParameters, name: str, image: Opened) -> Looked:
    from pipelines.geometry.ground_scale import plan_frame

    height, width = image.rgb.shape[:2]
    plan = plan_frame(image.viewpoint, (width, height), detector.identity, parameters)
    return Looked(
        name=name,
        width_px=width,
        height_px=height,
        detections=detector.detect(image.rgb, parameters, plan),
        unsearched=dict(plan.unsearched),
    )


def _document(
    detector: Detector,
    parameters: DetectionParameters,
    looked: Sequence[Looked],
    refused: Sequence[Refused],
    names: Mapping[Path, str],
) -> dict[str, Any]:
    identity = detector.identity
    return {
        "model": {
            "name": identity.name,
            "version": identity.version,
            "engine": identity.engine,
            "sha256": identity.sha256,
            "categories": list(identity.categories),
            "input_px": identity.input_px,
            "min_score": parameters.min_confidence,
            "thresholds": dict(
                zip(
                    identity.categories,
                    (round(float(one), 6) for one in parameters.thresholds(identity)),
                    strict=True,
                )
            ),
            "tile_overlap": parameters.tile_overlap,
            "whole_frame": parameters.whole_frame,
            "everywhere": parameters.everywhere,
        },
        "images": [
            {
                "file_name": item.name,
                "width": item.width_px,
                "height": item.height_px,
                **({"unsearched": item.unsearched} if item.unsearched else {}),
            }
            for item in looked
        ],
        "detections": [
            {
                "file_name": item.name,
                "category": identity.categories[class_id],
                "bbox": [round(value, 2) for value in (left, top, right - left, bottom - top)],
                "score": round(score, 5),
            }
            for item in looked
            for (left, top, right, bottom), score, class_id in _rows(item.detections)
        ],
        "refused": [
            {
                "file_name": names.get(one.path, str(one.path)),
                "reason": one.reason,
                "message": one.message,
            }
            for one in refused
        ],
    }


def _rows(detections: Detections) -> Iterator[tuple[list[float], float, int]]:
    """Box, confidence and category number of each detection, as plain numbers."""
    yield from zip(
        detections.xyxy.tolist(),
        detections.confidence.tolist(),
        detections.class_id.tolist(),
        strict=True,
    )


def _tell(item: Looked, categories: tuple[str, ...]) -> None:
    """What was found in one file, for a person."""
    out = console()
    counts = Counter(categories[class_id] for class_id in item.detections.class_id.tolist())
    found = ", ".join(f"{counts[name]} {name}" for name in categories if counts[name])
    out.print(
        plain(f"{item.name}: {item.width_px} x {item.height_px}, {found or 'nothing found'}"),
        markup=False,
    )
    if len(item.detections):
        print_table(
            ("  CATEGORY", "SCORE", "LEFT", "TOP", "WIDTH", "HEIGHT"),
            (
                (
                    f"  {categories[class_id]}",
                    f"{score:.2f}",
                    *(f"{value:.0f}" for value in (left, top, right - left, bottom - top)),
                )
                for (left, top, right, bottom), score, class_id in _rows(item.detections)
            ),
            empty="",
        )


def _warn(refused: Refused, *, as_json: bool) -> None:
    message = plain(f"{refused.path}: {refused.message}")
    line = error_line(message, reason=refused.reason, field="path", as_json=as_json)
    click.echo(line, err=True)


@contextlib.contextmanager
def _bar(total: int, *, shown: bool) -> Iterator[Callable[[], None]]:
    """A progress bar on a terminal's standard error, else nothing."""
    screen = console(stderr=True)
    if not (shown and screen.is_terminal and total > 1):
        yield lambda: None
        return
    with Progress(
        TextColumn("looking"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=screen,
        transient=True,
    ) as progress:
        task = progress.add_task("looking", total=total)
        yield lambda: progress.advance(task)
