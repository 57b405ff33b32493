"""Labelled images: what a set of them says is there, in the words of the taxonomy.

Three layouts are read: COCO JSON, YOLO text (with or without `data.yaml`), and VisDrone's own
annotations. A class name becomes
a category, a group where the kind of vehicle is not told, or a region in which nobody looked. A
group and a region are not truths of a category: a car found where the set says "some vehicle"
counts neither for nor against cars.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from models.errors import InvalidInputError
from models.evaluation.yolo_dataset import YoloDataset, find_description, read_description
from models.taxonomy import CATEGORIES, GROUPS

Boxes: TypeAlias = NDArray[np.float64]

IGNORE = "ignore"
"""Stands for a class whose boxes are regions that nobody labelled."""

CLASSES_FILE = "classes.txt"
GROUND_FILE = "ground.tsv"
"""Beside the labels: file_name, gsd_m and ground_km2 of images, tab-separated, with a head."""

_IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".tif", ".tiff")

_WORDS: dict[str, str] = {
    "pedestrian": "person",
    "people": "person",
    "bicycle": "two-wheeler",
    "bike": "two-wheeler",
    "motor": "two-wheeler",
    "motorbike": "two-wheeler",
    "motorcycle": "two-wheeler",
    "awning-tricycle": "tricycle",
    "othervehicle": "vehicle",
    "other vehicle": "vehicle",
    "dontcare": IGNORE,
    "don't care": IGNORE,
    "ignored regions": IGNORE,
    "others": IGNORE,
    **{name: name for name in (*CATEGORIES, *GROUPS, IGNORE)},
}

_VISDRONE = (
    "ignored regions",
    "pedestrian",
    "people",
    "bicycle",
    "car",
    "van",
    "truck",
    "tricycle",
    "awning-tricycle",
    "bus",
    "motor",
    "others",
)
"""Classes of VisDrone's own annotations by number (VisDrone/VisDrone2018-DET-toolkit)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelledImage:
    """One image and what is in it.

    Attributes:
        path: the image file.
        width_px: its width as it lies on disk.
        height_px: its height as it lies on disk.
        xyxy: (N, 4) float64 left, top, right, bottom of each object in pixels; the outer corner
            of the first pixel is (0, 0).
        names: category of each object, or its group where the kind is not told.
        words: the set's own name of each object's class, in lower case with hyphens.
        ignored: (M, 4) float64 regions that nobody labelled.
        gsd_m: metres of ground for one pixel, where it is known.
        ground_km2: ground in view, square kilometres, where it is known.
    """

    path: Path
    width_px: int
    height_px: int
    xyxy: Boxes
    names: tuple[str, ...]
    ignored: Boxes
    words: tuple[str, ...] = ()
    gsd_m: float | None = None
    ground_km2: float | None = None


def read_labels(
    path: Path, classes: Sequence[str] | None = None, split: str | None = None
) -> tuple[LabelledImage, ...]:
    """The labelled images of a set, by file name.

    A folder is searched for `annotations/*.txt` (VisDrone), then `data.yaml` (YOLO), then one COCO
    JSON, then `labels/*.txt` (YOLO) whose classes `classes.txt` names line by line.

    Args:
        path: the folder, a COCO JSON file, or a `data.yaml`.
        classes: for YOLO, the category, group or "ignore" of each class number, instead of what
            `data.yaml` or `classes.txt` call it.
        split: of a `data.yaml`; its validation images without one.

    Raises:
        InvalidInputError: no layout is recognised, a file is broken, an image is missing, or a
            class name is not known.
    """
    folder = path if path.is_dir() else path.parent
    description = find_description(path)
    if split is not None and description is None:
        raise InvalidInputError(f"{path} has no data.yaml that names splits", field="split")
    if any((path / "annotations").glob("*.txt")):
        images = _read_texts(path, "annotations", _visdrone_rows)
    elif description is not None:
        images = _read_yolo(read_description(description, split), classes)
    elif not path.is_dir():
        images = _read_coco(path)
    elif found := sorted([*path.glob("*.json"), *(path / "annotations").glob("*.json")]):
        if len(found) > 1:
            names = ", ".join(file.name for file in found)
            raise InvalidInputError(f"which of these: {names}? Name the file", field="dataset")
        images = _read_coco(found[0])
    elif any((path / "labels").glob("*.txt")):
        named = _yolo_classes(path, classes)
        images = _read_texts(path, "labels", lambda rows, size: _yolo_rows(rows, size, named))
    else:
        raise InvalidInputError(
            f"no labels in {path}: neither annotations/*.txt (VisDrone), nor data.yaml or "
            "labels/*.txt (YOLO), nor a COCO JSON",
            field="dataset",
        )
    if not images:
        raise InvalidInputError(f"{path} labels no image", field="dataset")
    return _with_ground(sorted(images, key=lambda image: image.path.name), folder / GROUND_FILE)


def has_labels(folder: Path) -> bool:
    """Whether a folder holds labels in a layout that `read_labels` knows."""
    return any(
        any(folder.glob(pattern))
        for pattern in ("annotations/*.txt", "*.json", "annotations/*.json", "labels/*.txt")
    ) or bool(find_description(folder))


def image_files(folder: Path) -> tuple[Path, ...]:
    """The image files of a folder, by name; those of its `images` where it has them."""
    inner = folder / "images"
    return tuple(
        path
        for path in sorted((inner if inner.is_dir() else folder).iterdir())
        if path.suffix.lower() in _IMAGE_SUFFIXES
    )


def unlabelled(path: Path) -> LabelledImage:
    """An image of which is said that nothing is in it.

    Raises:
        InvalidInputError: it is no image.
    """
    return _labelled(path, _size(path), [])


def name_of(word: str) -> str:
    """The category, the group, or "ignore" that a class name stands for.

    Raises:
        InvalidInputError: the name is not known.
    """
    try:
        return _WORDS[_word(word)]
    except KeyError:
        raise InvalidInputError(
            f"no category for the class {word!r}; known are {', '.join(sorted(_WORDS))}",
            field="classes",
        ) from None


def _word(text: str) -> str:
    """A class name as the tables here write it."""
    return text.strip().lower().replace("_", "-")


def _labelled(
    path: Path, size: tuple[int, int], rows: Iterable[tuple[Sequence[float], str]]
) -> LabelledImage:
    """An image of (left, top, width, height), class name; boxes are clipped to it."""
    width, height = size
    boxes: list[list[float]] = []
    names: list[str] = []
    words: list[str] = []
    for (left, top, wide, high), word in rows:
        box = [max(left, 0.0), max(top, 0.0), min(left + wide, width), min(top + high, height)]
        if box[2] > box[0] and box[3] > box[1]:
            boxes.append(box)
            names.append(name_of(word))
            words.append(_word(word))
    xyxy = np.array(boxes, np.float64).reshape(-1, 4)
    is_object = np.array([name != IGNORE for name in names], np.bool_)
    return LabelledImage(
        path=path,
        width_px=width,
        height_px=height,
        xyxy=xyxy[is_object],
        names=tuple(name for name in names if name != IGNORE),
        words=tuple(word for word, kept in zip(words, is_object, strict=True) if kept),
        ignored=xyxy[~is_object],
    )


Rows: TypeAlias = list[tuple[Sequence[float], str]]


def _read_texts(
    folder: Path, kind: str, read: Callable[[list[list[float]], tuple[int, int]], Rows]
) -> list[LabelledImage]:
    """One text file for each image, numbers separated by blanks or commas."""
    pictures = {
        file.stem: file
        for file in sorted((folder / "images").glob("*"))
        if file.suffix.lower() in _IMAGE_SUFFIXES
    }
    images = []
    for label in sorted((folder / kind).glob("*.txt")):
        picture = pictures.get(label.stem)
        if picture is None:
            raise InvalidInputError(f"{label.name} has no image in {folder / 'images'}")
        images.append(_read_text(picture, label, read))
    return images


def _read_text(
    picture: Path, label: Path, read: Callable[[list[list[float]], tuple[int, int]], Rows]
) -> LabelledImage:
    size = _size(picture)
    try:
        numbers = [
            [float(word) for word in line.replace(",", " ").split()]
            for line in label.read_text(encoding="utf-8").splitlines()
            if line.strip()
        ]
        return _labelled(picture, size, read(numbers, size))
    except (ValueError, IndexError) as error:
        raise InvalidInputError(f"{label.name} is not readable: {error}") from error


def _read_yolo(dataset: YoloDataset, classes: Sequence[str] | None) -> list[LabelledImage]:
    """The images of a described set; one without a label file shows nothing."""
    words = tuple(classes if classes is not None else dataset.names)
    for word in words:
        name_of(word)  # an unknown one is told though no object has it
    return [
        _read_text(image, label, lambda rows, size: _yolo_rows(rows, size, words))
        if (label := dataset.label_of(image)).is_file()
        else unlabelled(image)
        for image in dataset.images
    ]


def _visdrone_rows(numbers: list[list[float]], _size: tuple[int, int]) -> Rows:
    """Left, top, width, height, score, class...; score 0 and classes 0 and 11 are ignored."""
    return [(row[:4], _VISDRONE[int(row[5])] if row[4] else IGNORE) for row in numbers]


def _yolo_rows(numbers: list[list[float]], size: tuple[int, int], classes: Sequence[str]) -> Rows:
    """Class, then centre and size as shares of the image; polygons are not read."""
    rows: Rows = []
    for row in numbers:
        if len(row) != 5:
            raise ValueError(f"a line holds 5 numbers, not {len(row)}")
        if not 0 <= row[0] < len(classes):
            raise ValueError(f"class {row[0]:g} has no name; {len(classes)} are named")
        x, y, wide, high = (value * size[place % 2] for place, value in enumerate(row[1:]))
        rows.append(((x - wide / 2, y - high / 2, wide, high), classes[int(row[0])]))
    return rows


def _yolo_classes(folder: Path, classes: Sequence[str] | None) -> tuple[str, ...]:
    file = folder / CLASSES_FILE
    if classes is None and not file.is_file():
        raise InvalidInputError(
            f"{folder} names no classes: write {CLASSES_FILE}, one name a line, or use --classes",
            field="classes",
        )
    words = classes if classes is not None else file.read_text(encoding="utf-8").split("\n")
    named = tuple(word for word in words if word.strip())
    for word in named:
        name_of(word)  # an unknown one is told though no object has it
    return named


def _read_coco(file: Path) -> list[LabelledImage]:
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        words = {row["id"]: str(row["name"]) for row in document["categories"]}
        for word in words.values():
            name_of(word)  # an unknown one is told though no object has it
        rows: dict[Any, Rows] = {row["id"]: [] for row in document["images"]}
        for row in document["annotations"]:
            # COCO's crowds are regions in which objects were not told apart.
            word = IGNORE if row.get("iscrowd") else words[row["category_id"]]
            rows[row["image_id"]].append(([float(value) for value in row["bbox"]], word))
        return [_coco_image(file.parent, row, rows[row["id"]]) for row in document["images"]]
    except KeyError as error:
        raise InvalidInputError(f"{file.name} does not say {error}", field="dataset") from error
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise InvalidInputError(f"{file.name} is no COCO JSON: {error}", field="dataset") from error


def _coco_image(folder: Path, row: Mapping[str, Any], rows: Rows) -> LabelledImage:
    # Some sets write "filename" for COCO's "file_name".
    name = str(row["file_name"] if "file_name" in row else row["filename"])
    leads_out = Path(name).is_absolute() or ".." in Path(name).parts
    for place in (folder / "images", folder, folder.parent / "images"):
        picture = place / name
        if not leads_out and picture.is_file():
            return _labelled(picture, _size(picture), rows)
    raise InvalidInputError(f"no image {name} beside the labels in {folder}", field="dataset")


def _size(picture: Path) -> tuple[int, int]:
    """Width and height as the file lies on disk, from its head alone."""
    try:
        with Image.open(picture) as opened:
            return opened.size
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise InvalidInputError(f"{picture.name} is no image: {error}", field="dataset") from error


def _with_ground(images: Sequence[LabelledImage], file: Path) -> tuple[LabelledImage, ...]:
    """The images with the ground sampling that a table beside the labels states."""
    if not file.is_file():
        return tuple(images)
    stated: dict[str, tuple[float, float | None]] = {}
    for line in file.read_text(encoding="utf-8").splitlines()[1:]:
        cells = line.split("\t")
        try:
            stated[cells[0]] = (float(cells[1]), float(cells[2]) if len(cells) > 2 else None)
        except (ValueError, IndexError) as error:
            raise InvalidInputError(f"{file.name}: {line!r} is not readable: {error}") from error
    return tuple(with_ground(image, *stated.get(image.path.name, (None, None))) for image in images)


def with_ground(
    image: LabelledImage, gsd_m: float | None, ground_km2: float | None = None
) -> LabelledImage:
    """The image with its ground sampling; the ground in view is that of a nadir frame if unstated.

    Raises:
        InvalidInputError: a value is not positive.
    """
    for value in (gsd_m, ground_km2):
        if value is not None and not value > 0:
            raise InvalidInputError(f"{image.path.name}: ground is measured above 0, not {value}")
    if gsd_m is not None and ground_km2 is None:
        ground_km2 = image.width_px * image.height_px * gsd_m**2 / 1e6
    return LabelledImage(
        path=image.path,
        width_px=image.width_px,
        height_px=image.height_px,
        xyxy=image.xyxy,
        names=image.names,
        ignored=image.ignored,
        words=image.words,
        gsd_m=gsd_m,
        ground_km2=ground_km2,
    )
