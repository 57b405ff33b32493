"""What a network learns from and is measured on, read from what a plan names."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from models.errors import InvalidInputError
from models.evaluation.labels import LabelledImage, has_labels, image_files, read_labels, unlabelled
from models.evaluation.yolo_dataset import find_description
from models.taxonomy import ClassMap
from models.training.dismissals import negative_pieces, read_dismissals
from models.training.pieces import Kind, Piece, cut_pieces
from service.cli.evaluation_images import read_pixels, with_known_ground
from service.training.plan import Plan

_CHOOSE_FROM, _REPORT_FROM = 3000, 4000
"""First numbers of the pictures of empty made-up ground that are kept apart."""

_LEARNED_FOR_ONE_HELD = 4
"""For so many pictures to learn from there is one to choose by, and one to report on."""

_BLOCK = 4
"""Neighbours by name are often neighbours in flight; so many stay in one half."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Materials:
    """Images by what they are for.

    Attributes:
        learn: labelled images to learn from.
        learn_empty: images to learn from that show nothing to be found.
        choose: labelled images on which choices are made.
        choose_empty: images without objects on which choices are made.
        report: labelled images on which no choice is made.
        report_empty: images without objects on which no choice is made.
    """

    learn: tuple[LabelledImage, ...]
    learn_empty: tuple[LabelledImage, ...]
    choose: tuple[LabelledImage, ...]
    choose_empty: tuple[LabelledImage, ...]
    report: tuple[LabelledImage, ...]
    report_empty: tuple[LabelledImage, ...]


def gather(plan: Plan) -> Materials:
    """Read the labels of everything that a plan names.

    Raises:
        InvalidInputError: a set is broken, an image is both learned from and measured on, or
            there is nothing to learn from or to measure on.
    """
    learn: list[LabelledImage] = []
    choose: list[LabelledImage] = []
    report: list[LabelledImage] = []
    classes = plan.classes or None
    for folder in plan.data:
        # Of a described set its training images; named as --validation it gives the others.
        split = None if find_description(folder) is None else "train"
        images = with_known_ground(read_labels(folder, classes, split), None)
        kept, held = _split(images, plan.hold_out)
        learn += kept
        _halve(held, choose, report)
    for folder in plan.validation:
        _halve(read_labels(folder, classes), choose, report)
    learn_empty: list[LabelledImage] = []
    choose_empty: list[LabelledImage] = []
    report_empty: list[LabelledImage] = []
    for folder in plan.empty:
        kept, held = _split(read_empty(folder), plan.hold_out)
        learn_empty += kept
        _halve(held, choose_empty, report_empty, block=1)
    twice = {image.path.resolve() for image in (*learn, *learn_empty)}.intersection(
        image.path.resolve() for image in (*choose, *report, *choose_empty, *report_empty)
    )
    if twice:
        raise InvalidInputError(
            f"{min(twice).name} is learned from and measured on; take it out of one",
            field="validation",
        )
    if not learn:
        raise InvalidInputError("no image to learn from is left", field="data")
    for half, told in ((choose, "choose by"), (report, "report on")):
        if not any(image.names for image in half):
            raise InvalidInputError(
                f"no validation image with an object to {told}: give --validation or --hold-out "
                f"at least {2 * _BLOCK} images",
                field="validation",
            )
    return Materials(
        learn=tuple(learn),
        learn_empty=tuple(learn_empty),
        choose=tuple(choose),
        choose_empty=tuple(choose_empty),
        report=tuple(report),
        report_empty=tuple(report_empty),
    )


def read_empty(folder: Path) -> tuple[LabelledImage, ...]:
    """The images of a folder that show nothing to be found.

    Where the folder has labels, what they mark - objects as well as regions - is left out of what
    is empty; without any, all of every image is.

    Raises:
        InvalidInputError: labels are broken, or there is no image.
    """
    if folder.is_dir() and not has_labels(folder):
        images = tuple(unlabelled(path) for path in image_files(folder))
        if not images:
            raise InvalidInputError(f"{folder} holds no image", field="empty")
        return images
    return tuple(
        replace(
            image,
            xyxy=np.zeros((0, 4)),
            names=(),
            words=(),
            ignored=np.concatenate([image.ignored, image.xyxy]),
        )
        for image in read_labels(folder)
    )


def _split(
    images: Iterable[LabelledImage], beginnings: tuple[str, ...]
) -> tuple[list[LabelledImage], list[LabelledImage]]:
    """Images to learn from, and those whose names begin as said."""
    kept: list[LabelledImage] = []
    held: list[LabelledImage] = []
    for image in images:
        (held if image.path.name.startswith(beginnings or ("\0",)) else kept).append(image)
    return kept, held


def _halve(
    images: Sequence[LabelledImage],
    choose: list[LabelledImage],
    report: list[LabelledImage],
    *,
    block: int = _BLOCK,
) -> None:
    """Blocks of neighbours by turns to one half and the other."""
    for place, image in enumerate(images):
        (report if (place // block) % 2 else choose).append(image)


def cut(
    images: Sequence[LabelledImage],
    class_map: ClassMap,
    car_px: tuple[int, int],
    progress: Callable[[int], None],
    kind: Kind | None = None,
) -> list[Piece]:
    """The pieces of images, decoded one at a time."""
    pieces: list[Piece] = []
    for done, image in enumerate(images, start=1):
        pixels = read_pixels(image.path)
        pieces += cut_pieces(image, pixels, class_map, car_px=car_px, kind=kind)
        progress(done)
    return pieces


def dismissed(plan: Plan) -> list[Piece]:
    """The pieces of operators' dismissals that show nothing to be found.

    Raises:
        InvalidInputError: a manifest or a chip is broken.
    """
    return [
        piece
        for folder in plan.dismissed
        for piece in negative_pieces(read_dismissals(folder), read_pixels)
    ]


def rendered(
    plan: Plan, work: Path, class_map: ClassMap, progress: Callable[[int], None]
) -> list[Piece]:
    """Pieces of made-up ground; each picture is drawn once and kept in the work folder.

    Raises:
        OSError: the folder cannot be written.
    """
    wanted = [("things", number) for number in range(plan.rendered)]
    wanted += [("empty", number) for number in range(plan.rendered_empty)]
    pieces = []
    for done, (what, number) in enumerate(wanted, start=1):
        file = _drawn(work, what, number)
        truth = json.loads(file.read_text(encoding="utf-8"))
        pixels = np.asarray(Image.open(file.with_suffix(".png")).convert("RGB"))
        image = replace(
            unlabelled(file.with_suffix(".png")),
            xyxy=np.array(truth["xyxy"], np.float64).reshape(-1, 4),
            names=tuple(truth["categories"]),
            words=tuple(truth["categories"]),
            ignored=np.array(truth["cut_off"], np.float64).reshape(-1, 4),
        )
        # Its scale is one of many on purpose: it is not brought to the card's.
        pieces += cut_pieces(
            image,
            pixels,
            class_map,
            car_px=(1, 1),
            kind="rendered" if what == "things" else "rendered_empty",
        )
        progress(done)
    return pieces


def with_rendered(
    materials: Materials, plan: Plan, work: Path, progress: Callable[[int], None]
) -> Materials:
    """Materials with empty made-up ground to choose by and to report on, of numbers of their own.

    Photographs of empty ground are few, and in each there is little to be mistaken: alone they
    would leave the choice to chance.

    Raises:
        OSError: the work folder cannot be written.
    """
    count = held_rendered(plan)
    halves = []
    for half, first in enumerate((_CHOOSE_FROM, _REPORT_FROM)):
        images = []
        for place in range(count):
            file = _drawn(work, "empty", first + place)
            images.append(unlabelled(file.with_suffix(".png")))
            progress(half * count + place + 1)
        halves.append(tuple(images))
    return replace(
        materials,
        choose_empty=materials.choose_empty + halves[0],
        report_empty=materials.report_empty + halves[1],
    )


def held_rendered(plan: Plan) -> int:
    """Pictures of empty made-up ground in each half of what is kept apart."""
    return math.ceil(plan.rendered_empty / _LEARNED_FOR_ONE_HELD)


def _drawn(work: Path, what: str, number: int) -> Path:
    """The file that tells what is in a picture of made-up ground; drawn where it is not yet."""
    file = work / "rendered" / f"{what}-{number:05d}.json"
    if not file.is_file():
        file.parent.mkdir(exist_ok=True)
        _draw(file, number, things=what == "things")
    return file


def _draw(file: Path, number: int, *, things: bool) -> None:
    from scenes.lesson import lesson

    drawn = lesson(number, things=things)
    # The truth is written last: a picture without it is drawn again.
    Image.fromarray(drawn.pixels).save(file.with_suffix(".png"), compress_level=1)
    truth = {
        "xyxy": drawn.xyxy.tolist(),
        "categories": list(drawn.categories),
        "cut_off": drawn.cut_off.tolist(),
    }
    file.write_text(json.dumps(truth), encoding="utf-8")
