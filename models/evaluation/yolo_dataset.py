"""The description of a YOLO data set (`data.yaml`): where its images lie and what they show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.errors import InvalidInputError

FILE_NAMES = ("data.yaml", "data.yml", "dataset.yaml")
SPLITS = ("val", "test", "train")

_IMAGES, _LABELS = "images", "labels"
_IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".tif", ".tiff")


@dataclass(frozen=True, kw_only=True, slots=True)
class YoloDataset:
    """One split of a set.

    Attributes:
        names: the class names by number, as the set calls them.
        images: image files, by path.
    """

    names: tuple[str, ...]
    images: tuple[Path, ...]

    def label_of(self, image: Path) -> Path:
        """Where the labels of an image lie: the last `images` of its path becomes `labels`."""
        parts = list(image.parts)
        for at in range(len(parts) - 2, -1, -1):
            if parts[at] == _IMAGES:
                parts[at] = _LABELS
                break
        return Path(*parts).with_suffix(".txt")


def find_description(path: Path) -> Path | None:
    """The description that a path is or holds; None where there is none."""
    if path.suffix.lower() in {".yaml", ".yml"}:
        return path
    return next((path / name for name in FILE_NAMES if (path / name).is_file()), None)


def read_description(file: Path, split: str | None = None) -> YoloDataset:
    """One split of the set that a file describes.

    Args:
        file: `data.yaml`.
        split: "val", "test" or "train"; the first of these that it has, where None.

    Raises:
        InvalidInputError: it is no such description, or has no such split.
        ModuleNotFoundError: the reader of YAML is not installed.
    """
    import yaml  # type: ignore[import-untyped]  # publishes no types

    try:
        table = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InvalidInputError(f"{file.name} is not YAML: {error}", field="dataset") from error
    if not isinstance(table, Mapping):
        raise InvalidInputError(f"{file.name} describes no set", field="dataset")
    there = [name for name in SPLITS if table.get(name)]
    chosen = split or (there[0] if there else "val")
    if chosen not in there:
        told = ", ".join(there) or "none"
        raise InvalidInputError(
            f"{file.name} has no split {chosen!r}; it has {told}", field="split"
        )
    root = file.parent / str(table.get("path") or ".")
    if not root.is_dir():
        # A path as it was on the machine that made the set; its files lie beside the description.
        root = file.parent
    given = table[chosen]
    places = given if isinstance(given, list) else [given]
    images = sorted({image for place in places for image in _images(root, str(place), file)})
    if not images:
        raise InvalidInputError(f"{file.name}: no image in {chosen}", field="dataset")
    return YoloDataset(names=_names(table, file), images=tuple(images))


def _images(root: Path, place: str, file: Path) -> list[Path]:
    """The images of a folder, or those that a text file lists."""
    found = root / place
    if not found.exists() and place.startswith("../"):
        # Sets of Roboflow name their own folders as if from one below.
        found = root / place.removeprefix("../")
    if found.suffix == ".txt" and found.is_file():
        lines = found.read_text(encoding="utf-8").splitlines()
        return [found.parent / line.strip() for line in lines if line.strip()]
    if not found.is_dir():
        raise InvalidInputError(f"{file.name} names {place}, which is not there", field="dataset")
    return [path for path in found.rglob("*") if path.suffix.lower() in _IMAGE_SUFFIXES]


def _names(table: Mapping[str, Any], file: Path) -> tuple[str, ...]:
    names = table.get("names")
    if isinstance(names, list):
        names = dict(enumerate(names))
    if not isinstance(names, Mapping) or set(names) != set(range(len(names))):
        raise InvalidInputError(
            f"{file.name}: names must call every class from 0 on", field="classes"
        )
    return tuple(str(names[number]) for number in range(len(names)))
