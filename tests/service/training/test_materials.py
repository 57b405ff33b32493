"""What is learned from and what is measured on never meet."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.catalogue.catalogue import Catalogue
from models.errors import InvalidInputError
from models.training.recipe import Recipe
from service.training import materials as materials_module
from service.training.materials import gather, read_empty, rendered, with_rendered
from service.training.plan import Plan


def yolo(folder: Path, names: list[str], line: str = "0 0.5 0.5 0.25 0.5") -> Path:
    """A set of 80 x 40 images with one object each."""
    for part in ("images", "labels"):
        (folder / part).mkdir(parents=True)
    (folder / "classes.txt").write_text("car\n")
    for name in names:
        Image.new("RGB", (80, 40), (90, 80, 70)).save(folder / "images" / f"{name}.png")
        (folder / "labels" / f"{name}.txt").write_text(line + "\n")
    return folder


def plan(data: Path, **others: object) -> Plan:
    made = Plan(
        name="ours",
        version="1.0.0",
        license="AGPL-3.0-only",
        start="vedette-n@1.0.0",
        start_sha256="00",
        data=(data,),
        validation=(),
        sources=("ours",),
        recipe=Recipe(steps=1),
    )
    return replace(made, **others)  # type: ignore[arg-type]  # fields of the plan


def names(images: object) -> list[str]:
    return [image.path.stem for image in images]  # type: ignore[attr-defined]


def test_held_out_sequences_are_halved_by_blocks_and_not_learned_from(tmp_path: Path) -> None:
    data = yolo(tmp_path / "set", [f"a{n}" for n in range(6)] + [f"b{n}" for n in range(10)])
    told = gather(plan(data, hold_out=("b",)))
    assert names(told.learn) == [f"a{n}" for n in range(6)]
    assert names(told.choose) == ["b0", "b1", "b2", "b3", "b8", "b9"]
    assert names(told.report) == ["b4", "b5", "b6", "b7"]


def test_a_validation_set_is_halved_too(tmp_path: Path) -> None:
    data = yolo(tmp_path / "set", ["a"])
    other = yolo(tmp_path / "val", [f"v{n}" for n in range(8)])
    told = gather(plan(data, validation=(other,)))
    assert names(told.choose) == ["v0", "v1", "v2", "v3"]
    assert names(told.report) == ["v4", "v5", "v6", "v7"]


def test_a_described_set_is_learned_from_and_measured_on_by_its_splits(tmp_path: Path) -> None:
    (tmp_path / "data.yaml").write_text("names: [car]\ntrain: t/images\nval: v/images\n")
    yolo(tmp_path / "t", ["a"])
    yolo(tmp_path / "v", [f"v{n}" for n in range(8)])
    told = gather(plan(tmp_path / "data.yaml", validation=(tmp_path / "data.yaml",)))
    assert names(told.learn) == ["a"]
    assert len(told.choose) == len(told.report) == 4


def test_the_ground_sampling_is_read_from_a_photographs_metadata(
    tmp_path: Path, data_dir: Path
) -> None:
    data = yolo(tmp_path / "set", [f"b{n}" for n in range(8)])
    photograph = data_dir / "photos" / "brighton_beach" / "DJI_0018.JPG"
    shutil.copy(photograph, data / "images" / "a.jpg")
    (data / "labels" / "a.txt").write_text("")
    (image,) = gather(plan(data, hold_out=("b",))).learn
    # 40 m above the ground with a 3.61 mm lens over a sensor of 6.25 mm and 4000 pixels.
    assert image.gsd_m == pytest.approx(40 * 6.25e-3 / 3.61e-3 / 4000, rel=0.1)


def test_an_image_on_both_sides_is_refused(tmp_path: Path) -> None:
    data = yolo(tmp_path / "set", [f"a{n}" for n in range(8)])
    with pytest.raises(InvalidInputError, match=r"a0\.png is learned from and measured on"):
        gather(plan(data, validation=(data,)))


def test_too_little_to_measure_on_is_refused(tmp_path: Path) -> None:
    data = yolo(tmp_path / "set", ["a0", "b0", "b1"])
    with pytest.raises(InvalidInputError, match="no validation image with an object to report on"):
        gather(plan(data, hold_out=("b",)))


def test_in_empty_ground_what_labels_mark_is_left_out(tmp_path: Path) -> None:
    (image,) = read_empty(yolo(tmp_path / "set", ["a"]))
    assert image.names == ()
    assert image.ignored.tolist() == [[30, 10, 50, 30]]


def test_a_folder_of_pictures_without_labels_is_empty_ground(tmp_path: Path) -> None:
    for name in ("b.png", "a.png"):
        Image.new("RGB", (30, 20)).save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("of May")
    images = read_empty(tmp_path)
    assert names(images) == ["a", "b"]
    assert (images[0].width_px, images[0].height_px) == (30, 20)
    with pytest.raises(InvalidInputError, match="no image"):
        read_empty(yolo(tmp_path / "none", []) / "images")


def test_rendered_ground_is_drawn_once_and_told_with_its_boxes(tmp_path: Path) -> None:
    class_map = Catalogue.shipped().entry().card.class_map
    (tmp_path / "set").mkdir()
    made = plan(tmp_path / "set", rendered=1, rendered_empty=1)
    things, empty = rendered(made, tmp_path, class_map, lambda _: None)
    truth = json.loads((tmp_path / "rendered" / "things-00000.json").read_text())
    np.testing.assert_allclose(things.xyxy, truth["xyxy"])
    told = [class_map.categories[class_map.index[number]] for number in things.class_id]
    assert told == truth["categories"]
    assert (things.kind, empty.kind) == ("rendered", "rendered_empty")
    assert len(empty.xyxy) == 0
    # What is there is not drawn again: a picture that was changed stays changed.
    file = tmp_path / "rendered" / "empty-00000.png"
    Image.new("RGB", (960, 640), (1, 2, 3)).save(file)
    _, again = rendered(made, tmp_path, class_map, lambda _: None)
    assert again.pixels[0, 0].tolist() == [1, 2, 3]


def test_made_up_ground_that_is_measured_on_is_never_learned_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[int] = []

    def draw(file: Path, number: int, *, things: bool) -> None:
        assert not things
        drawn.append(number)
        Image.new("RGB", (60, 40)).save(file.with_suffix(".png"))
        file.write_text(json.dumps({"xyxy": [], "categories": [], "cut_off": []}))

    monkeypatch.setattr(materials_module, "_draw", draw)
    made = plan(yolo(tmp_path / "set", [f"b{n}" for n in range(8)]), hold_out=("b",))
    made = replace(made, data=(yolo(tmp_path / "more", ["a"]), *made.data), rendered_empty=9)
    told = with_rendered(gather(made), made, tmp_path, lambda _: None)
    learned = rendered(made, tmp_path, Catalogue.shipped().entry().card.class_map, lambda _: None)
    held = names(told.choose_empty), names(told.report_empty)
    assert [len(half) for half in held] == [3, 3]  # a quarter of nine, rounded up
    sets = [set(held[0]), set(held[1]), {piece.name.split(".")[0] for piece in learned}]
    assert len(set.union(*sets)) == sum(map(len, sets)) == 3 + 3 + 9
    # What is drawn is kept.
    count = len(drawn)
    with_rendered(gather(made), made, tmp_path, lambda _: None)
    assert len(drawn) == count == 15
