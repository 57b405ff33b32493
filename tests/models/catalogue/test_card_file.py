from __future__ import annotations

import dataclasses
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import models
from models.catalogue.card_file import CARD_FILE, card_text, parse_card, read_card
from models.catalogue.model_card import Accuracy, Modality, ModelCard, SizeAccuracy
from models.errors import ModelRefusedError

SHIPPED = Path(models.__file__).parent / "shipped" / "vedette-n"

FULL = """
name = "field-m"
version = "2.1.0"
license = "CC-BY-4.0"
network = "YOLO11m"
modality = "thermal"
input_px = 1280
object_px = { smallest = 5, largest = 300 }
car_px = { smallest = 14, largest = 200 }
training_scale = "as flown"
training_data = ["own frames; CC BY 4.0"]
trained_on = "2026-12-01"
weaknesses = ["snow"]
notes = ["a \\"quoted\\" word\\nand a line"]
thresholds_chosen = "best F1 on validation"
[thresholds]
person = 0.31
car = 0.4
[[accuracy]]
data = "validation"
images = 120
ap50 = { person = 0.75, car = 0.9 }
objects = { person = 10, car = 20 }
recall = { person = 0.7, car = 0.8 }
precision = { person = 0.6, car = 0.5 }
false_alarms_per_km2 = { person = 12.5 }
[accuracy.sizes_px.person]
"under 16 px" = { objects = 4, ap50 = 0.5, recall = 0.25 }
"16 to 32 px" = { objects = 0 }
[accuracy.sizes_m.car]
"4 m and over" = { objects = 3, ap50 = 1, recall = 1.0 }
[[classes]]
name = "Mensch"
category = "person"
[[classes]]
name = "Auto"
category = "car"
[sha256]
"field-m.safetensors" = "AB00000000000000000000000000000000000000000000000000000000000000"
"""


def same(one: ModelCard, other: ModelCard) -> bool:
    def plain(card: ModelCard) -> dict[str, Any]:
        values = {item.name: getattr(card, item.name) for item in dataclasses.fields(card)}
        classes = values.pop("class_map")
        return {
            **values,
            "classes": classes.classes,
            "categories": classes.categories,
            "index": classes.index.tolist(),
        }

    return plain(one) == plain(other)


def test_every_field_is_read() -> None:
    card = parse_card(FULL.encode())
    assert (card.label, card.modality, card.input_px) == ("field-m@2.1.0", Modality.THERMAL, 1280)
    assert card.thresholds == {"person": 0.31, "car": 0.4}
    assert card.class_map.classes == ("Mensch", "Auto")
    assert card.sha256["field-m.safetensors"].startswith("ab00")
    (row,) = card.accuracy
    assert row.false_alarms_per_km2 == {"person": 12.5}
    assert row.sizes_px["person"] == {
        "under 16 px": SizeAccuracy(objects=4, ap50=0.5, recall=0.25),
        "16 to 32 px": SizeAccuracy(objects=0, ap50=None, recall=None),
    }
    assert row.sizes_m["car"]["4 m and over"].recall == 1.0


@pytest.mark.parametrize("text", [FULL, (SHIPPED / CARD_FILE).read_text("utf-8")])
def test_a_written_card_is_the_card(text: str) -> None:
    card = parse_card(text.encode())
    assert same(parse_card(card_text(card).encode()), card)


@given(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(str.strip),
    st.floats(0, 1),
)
def test_any_text_and_number_survive_the_file(text: str, number: float) -> None:
    card = dataclasses.replace(
        parse_card(FULL.encode()),
        weaknesses=(text,),
        thresholds={"car": number},
        accuracy=(
            Accuracy(
                data=text,
                ap50={},
                sizes_px={"car": {text: SizeAccuracy(objects=1, ap50=number, recall=None)}},
            ),
        ),
    )
    written = card_text(card)
    assert same(parse_card(written.encode()), card)
    # Another reader of TOML is of the same mind.
    assert tomllib.loads(written)["weaknesses"] == [text]


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("[thresholds]", "[threshold]", "threshold"),
        ("person = 0.31", "person = 1.31", "thresholds.person"),
        ("person = 0.31", "tank = 0.31", "thresholds.tank"),
        ("person = 0.31", "bus = 0.31", "thresholds.bus"),
        ('modality = "thermal"', 'modality = "infrared"', "modality"),
        ("input_px = 1280", "input_px = true", "input_px"),
        ("input_px = 1280", "input_px = 100000", "input_px"),
        ("smallest = 5, largest = 300", "smallest = 5, largest = 3", "object_px.largest"),
        ("smallest = 14", "least = 14", "car_px.least"),
        ('name = "field-m"', 'name = "../field"', "name"),
        ('version = "2.1.0"', 'version = "2/1"', "version"),
        ('license = "CC-BY-4.0"', 'license = " "', "license"),
        ('category = "car"', 'category = "tank"', "classes[1].category"),
        ("images = 120", "image = 120", "accuracy[0].image"),
        ("images = 120", "images = -1", "accuracy[0].images"),
        ("recall = { person = 0.7", "recall = { people = 0.7", "accuracy[0].recall.people"),
        ("objects = 4, ap50", "object = 4, ap50", "accuracy[0].sizes_px.person.under 16 px.object"),
        ('"AB00', '"XY00', "sha256.field-m.safetensors"),
        ('["snow"]', '"snow"', "weaknesses"),
    ],
)
def test_what_a_card_may_not_say_is_refused_by_field(old: str, new: str, field: str) -> None:
    assert old in FULL
    with pytest.raises(ModelRefusedError) as refusal:
        parse_card(FULL.replace(old, new).encode())
    assert refusal.value.field == field
    assert field in str(refusal.value)


@pytest.mark.parametrize(
    "field",
    ["name", "version", "license", "network", "modality", "input_px", "training_scale"],
)
def test_what_a_card_must_say_is_asked_for(field: str) -> None:
    lines = [line for line in FULL.splitlines() if not line.startswith(f"{field} =")]
    with pytest.raises(ModelRefusedError, match=f"does not say {field}"):
        parse_card("\n".join(lines).encode())


@pytest.mark.parametrize("data", [b"\xff", b"name = ", b"x" * (2 << 20)])
def test_what_is_no_card_is_refused(data: bytes) -> None:
    with pytest.raises(ModelRefusedError, match=r"card\.toml"):
        parse_card(data)


def test_a_folder_without_a_card_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(ModelRefusedError, match="no model without its card"):
        read_card(tmp_path)


def test_a_modality_serves_its_own_frames_and_both_serves_all() -> None:
    serves = [
        [model.serves(frame) for frame in (Modality.VISIBLE, Modality.THERMAL)]
        for model in Modality
    ]
    assert np.array_equal(serves, [[True, False], [False, True], [True, True]])
