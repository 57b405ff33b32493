from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from models.errors import InvalidInputError
from models.evaluation.labels import IGNORE, name_of, read_labels


def picture(path: Path, width: int = 200, height: int = 100) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (width, height)).save(path)


def test_yolo_shares_become_pixels_with_the_names_of_the_file(tmp_path: Path) -> None:
    picture(tmp_path / "images" / "a.png")
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "a.txt").write_text("1 0.5 0.5 0.1 0.2\n0 0.0 0.25 0.2 0.5\n")
    (tmp_path / "classes.txt").write_text("pedestrian\nmotor\n")

    (image,) = read_labels(tmp_path)

    assert (image.width_px, image.height_px) == (200, 100)
    assert image.names == ("two-wheeler", "person")
    # The second reaches beyond the left side and is clipped there.
    assert image.xyxy.tolist() == [[90, 40, 110, 60], [0, 0, 20, 50]]


def test_yolo_classes_may_be_stated_where_no_file_names_them(tmp_path: Path) -> None:
    picture(tmp_path / "images" / "a.png")
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "a.txt").write_text("0 0.5 0.5 0.1 0.1\n1 0.5 0.5 0.1 0.1")

    with pytest.raises(InvalidInputError, match="--classes"):
        read_labels(tmp_path)
    (image,) = read_labels(tmp_path, ["vehicle", "ignore"])

    assert image.names == ("vehicle",)
    assert image.ignored.tolist() == [[90, 45, 110, 55]]
    with pytest.raises(InvalidInputError, match="class 1 has no name"):
        read_labels(tmp_path, ["car"])


def test_visdrone_ignores_score_zero_and_the_classes_0_and_11(tmp_path: Path) -> None:
    picture(tmp_path / "images" / "a.png")
    (tmp_path / "annotations").mkdir()
    (tmp_path / "annotations" / "a.txt").write_text(
        "10,20,30,40,1,4,0,0\n"  # a car
        "1,2,3,4,0,4,0,0\n"  # a car nobody stands for
        "5,6,7,8,0,0,0,0\n"  # a region
        "50,60,10,10,1,11,0,0,\n"  # something else, with a comma at the end as some files have
        "60,10,4,8,1,2,0,2\n"  # people
    )

    (image,) = read_labels(tmp_path)

    assert image.names == ("car", "person")
    assert image.xyxy.tolist() == [[10, 20, 40, 60], [60, 10, 64, 18]]
    assert image.ignored.tolist() == [[1, 2, 4, 6], [5, 6, 12, 14], [50, 60, 60, 70]]


def test_coco_crowds_are_regions_and_images_without_objects_stay(tmp_path: Path) -> None:
    picture(tmp_path / "images" / "a.png")
    picture(tmp_path / "images" / "b.png", 64, 48)
    document = {
        "categories": [{"id": 7, "name": "Car"}, {"id": 9, "name": "OtherVehicle"}],
        "images": [{"id": 1, "file_name": "b.png"}, {"id": 2, "filename": "a.png"}],
        "annotations": [
            {"image_id": 2, "category_id": 7, "bbox": [1, 2, 3, 4]},
            {"image_id": 2, "category_id": 9, "bbox": [5, 5, 10, 10]},
            {"image_id": 2, "category_id": 7, "bbox": [50, 5, 10, 10], "iscrowd": 1},
        ],
    }
    file = tmp_path / "labels.json"
    file.write_text(json.dumps(document))

    first, second = read_labels(file)

    assert (first.path.name, second.path.name) == ("a.png", "b.png")
    assert first.names == ("car", "vehicle")
    assert first.ignored.tolist() == [[50, 5, 60, 15]]
    assert (second.width_px, second.names) == (64, ())


def test_ground_sampling_is_read_beside_the_labels(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        picture(tmp_path / "images" / f"{name}.png")
        (tmp_path / "labels").mkdir(exist_ok=True)
        (tmp_path / "labels" / f"{name}.txt").write_text("")
    (tmp_path / "ground.tsv").write_text(
        "file_name\tgsd_m\tground_km2\na.png\t0.1\t0.5\nb.png\t0.1\n"
    )

    a, b, c = read_labels(tmp_path, ["car"])

    assert (a.gsd_m, a.ground_km2) == (0.1, 0.5)
    # 20 m by 10 m.
    assert b.ground_km2 == pytest.approx(200e-6)
    assert (c.gsd_m, c.ground_km2) == (None, None)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "no COCO JSON"),
        ("[]", "no COCO JSON"),
        ('{"categories": [], "images": []}', "annotations"),
        ('{"categories": [{"id": 1, "name": "zebra"}]}', "zebra"),
        (
            '{"categories": [], "annotations": [], "images": [{"id": 1, "file_name": "../a.png"}]}',
            "no image",
        ),
    ],
)
def test_broken_coco_is_refused_with_its_reason(tmp_path: Path, text: str, told: str) -> None:
    picture(tmp_path / "a.png")
    folder = tmp_path / "one"
    folder.mkdir(parents=True)
    (folder / "labels.json").write_text(text)
    with pytest.raises(InvalidInputError, match=told):
        read_labels(folder)


def test_no_labels_and_labels_without_image_are_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="no labels"):
        read_labels(tmp_path)
    (tmp_path / "annotations").mkdir()
    (tmp_path / "annotations" / "a.txt").write_text("1,2,3,4,1,4,0,0")
    with pytest.raises(InvalidInputError, match=r"a\.txt has no image"):
        read_labels(tmp_path)


def test_names_of_the_field_are_known() -> None:
    assert [name_of(word) for word in ("Pedestrian", "awning_tricycle", "OtherVehicle")] == [
        "person",
        "tricycle",
        "vehicle",
    ]
    assert name_of("DontCare") == IGNORE


def test_visdrone_in_yolo_layout_says_the_same_as_its_own_annotations(data_dir: Path) -> None:
    """Two conversions by different hands, of the same labels, box by box."""
    folder = data_dir / "detection" / "visdrone"
    own = read_labels(folder)
    boxes = 0
    for image in own:
        text = folder / "labels" / f"{image.path.stem}.txt"
        classes = (folder / "classes.txt").read_text().split()
        rows = [line.split() for line in text.read_text().splitlines()]
        assert Counter(name_of(classes[int(row[0])]) for row in rows) == Counter(image.names)
        boxes += len(rows)
    assert boxes == 4922


def test_thermal_frames_hold_what_their_card_counts(data_dir: Path) -> None:
    images = read_labels(data_dir / "detection" / "hituav")
    assert len(images) == 120
    # Counted in the JSON: 499 Person, 311 Car, 179 Bicycle, 4 OtherVehicle, 3 DontCare.
    counts = Counter(name for image in images for name in image.names)
    assert counts == {"person": 499, "car": 311, "two-wheeler": 179, "vehicle": 4}
    assert sum(len(image.ignored) for image in images) == 3
