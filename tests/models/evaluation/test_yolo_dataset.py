from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.errors import InvalidInputError
from models.evaluation.labels import has_labels, read_labels
from models.evaluation.yolo_dataset import find_description

LABELS = "0 0.5 0.5 0.25 0.5\n1 0.125 0.25 0.25 0.5\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A set with two splits; one validation image shows nothing."""
    for split, names in {"train": ["a"], "val": ["b", "c"]}.items():
        for kind in ("images", "labels"):
            (tmp_path / kind / split).mkdir(parents=True)
        for name in names:
            Image.new("RGB", (200, 100)).save(tmp_path / "images" / split / f"{name}.png")
            if name != "c":
                (tmp_path / "labels" / split / f"{name}.txt").write_text(LABELS)
    describe(tmp_path, "path: .\ntrain: images/train\nval: images/val\nnames: [car, pedestrian]\n")
    return tmp_path


def describe(folder: Path, text: str) -> None:
    (folder / "data.yaml").write_text(text)


def test_the_validation_images_are_read_and_one_without_labels_shows_nothing(folder: Path) -> None:
    for path in (folder, folder / "data.yaml"):
        labelled, empty = read_labels(path)
        assert (labelled.path.name, empty.path.name) == ("b.png", "c.png")
        assert labelled.names == ("car", "person")
        assert np.array_equal(labelled.xyxy, [[75, 25, 125, 75], [0, 0, 50, 50]])
        assert empty.names == ()
    assert has_labels(folder)


def test_another_split_and_other_classes(folder: Path) -> None:
    (only,) = read_labels(folder, ["truck", "ignore"], split="train")
    assert only.path.name == "a.png"
    assert only.names == ("truck",)
    assert np.array_equal(only.ignored, [[0, 0, 50, 50]])


@pytest.mark.parametrize(
    "text",
    [
        "path: /another/machine\nval: images/val\nnames:\n  0: car\n  1: people\n",
        "val: ../images/val\nnames:\n- car\n- person\n",
        "val: [images/val]\nnames: {0: car, 1: person}\n",
        "val: list.txt\nnames: [car, person]\n",
    ],
)
def test_the_ways_that_sets_are_described(folder: Path, text: str) -> None:
    (folder / "list.txt").write_text("images/val/b.png\n\nimages/val/c.png\n")
    describe(folder, text)
    assert [image.names for image in read_labels(folder)] == [("car", "person"), ()]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("val: [", "not YAML"),
        ("- a", "describes no set"),
        ("names: [car]", "no split 'val'; it has none"),
        ("val: nowhere\nnames: [car]", "names nowhere, which is not there"),
        ("val: images/val\nnames: {1: car}", "every class from 0 on"),
        ("val: images/val\nnames: [car, unicorn]", "no category for the class 'unicorn'"),
        ("val: images/val\nnames: [car]", "class 1 has no name"),
        ("val: !!python/object/apply:os.getcwd []", "not YAML"),
    ],
)
def test_a_wrong_description_is_refused_with_its_fault(folder: Path, text: str, why: str) -> None:
    describe(folder, text)
    with pytest.raises(InvalidInputError, match=why):
        read_labels(folder)


def test_a_split_needs_a_description(folder: Path) -> None:
    with pytest.raises(InvalidInputError, match="no split 'test'; it has val, train"):
        read_labels(folder, split="test")
    (folder / "data.yaml").unlink()
    assert find_description(folder) is None
    with pytest.raises(InvalidInputError, match=r"no data\.yaml"):
        read_labels(folder, split="val")
