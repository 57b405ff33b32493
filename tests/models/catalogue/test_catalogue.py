from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import models
from models.catalogue.catalogue import Catalogue, add_model, version_order
from models.errors import EngineError, ModelRefusedError
from models.taxonomy import GROUPS

SHIPPED = Path(models.__file__).parent / "shipped"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A catalogue of its own, a copy of what is shipped."""
    shutil.copytree(SHIPPED, tmp_path / "catalogue")
    return tmp_path / "catalogue"


def test_what_is_shipped_is_what_its_card_pins_and_small() -> None:
    entry = Catalogue.shipped().entry()
    assert entry.card.name == "vedette-n"
    weights = [path for path in (SHIPPED / "vedette-n").iterdir() if path.name != "card.toml"]
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in weights}
    assert entry.card.sha256 == found
    assert sum(path.stat().st_size for path in weights) < 16_000_000
    assert entry.engines() == ("openvino", "ultralytics")
    assert set(entry.graphs()) == {"int8", "float"}
    entry.verify()


def test_the_shipped_graph_of_eight_bits_finds_what_the_floats_find() -> None:
    rows = [row for row in Catalogue.shipped().entry().card.accuracy if row.ap50_int8]
    subjects = [(row, subject) for row in rows for subject in row.ap50]
    # People and vehicles in visible light and thermal, and vehicles from straight above.
    assert len(subjects) == 5
    for row, subject in subjects:
        assert row.ap50_int8[subject] > row.ap50[subject] - 0.015


def test_the_card_tells_what_a_user_must_know() -> None:
    card = Catalogue.shipped().entry("vedette-n").card
    assert card.categories == (
        "person",
        "two-wheeler",
        "car",
        "van",
        "truck",
        "tricycle",
        "bus",
    )
    assert len(card.class_map.classes) == 10
    assert card.license.startswith("AGPL-3.0")
    assert card.input_px == 640
    of_groups = [row.ap50[group] for row in card.accuracy for group in GROUPS if group in row.ap50]
    assert all(0.5 < value < 1 for value in of_groups)
    assert {"person", "vehicle"} <= {name for row in card.accuracy for name in row.ap50}
    assert any("half of the people" in line for line in card.weaknesses)


@pytest.mark.parametrize(
    ("engine", "file"),
    [
        ("openvino-float", "vedette-n.bin"),
        ("openvino-float", "vedette-n.xml"),
        ("openvino-int8", "vedette-n-int8.bin"),
        ("openvino-int8", "vedette-n-int8.xml"),
        ("ultralytics", "vedette-n.safetensors"),
    ],
)
def test_one_changed_byte_is_refused_before_an_engine_reads_it(
    folder: Path, engine: str, file: str
) -> None:
    path = folder / "vedette-n" / file
    data = bytearray(path.read_bytes())
    expected = hashlib.sha256(data).hexdigest()
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    found = hashlib.sha256(data).hexdigest()
    with pytest.raises(ModelRefusedError) as refusal:
        Catalogue.load(folder).open_detector("vedette-n", engine)  # type: ignore[arg-type]
    for part in (file, expected, found):
        assert part in str(refusal.value)


def test_a_missing_file_is_refused(folder: Path) -> None:
    (folder / "vedette-n" / "vedette-n.bin").unlink()
    with pytest.raises(ModelRefusedError, match=r"vedette-n\.bin cannot be read"):
        Catalogue.load(folder).open_detector(engine="openvino-float")


@pytest.mark.parametrize(
    ("name", "why"), [("best.pt", "pickle"), ("model.onnx", "no card"), ("notes.txt", "no card")]
)
def test_files_that_no_card_pins_are_refused(folder: Path, name: str, why: str) -> None:
    for place in (folder, folder / "vedette-n"):
        stray = place / name
        stray.write_bytes(b"anything")
        with pytest.raises(ModelRefusedError, match=why) as refusal:
            Catalogue.load(folder)
        assert name in str(refusal.value)
        stray.unlink()


def test_a_pickle_is_refused_even_when_a_card_pins_it(folder: Path) -> None:
    checkpoint = folder / "vedette-n" / "best.pt"
    checkpoint.write_bytes(b"pickle")
    card = folder / "vedette-n" / "card.toml"
    digest = hashlib.sha256(b"pickle").hexdigest()
    card.write_text(card.read_text() + f'"best.pt" = "{digest}"\n')
    with pytest.raises(ModelRefusedError, match=r"best\.pt is refused: it is a pickle"):
        Catalogue.load(folder)


def test_a_card_cannot_point_outside_its_folder(folder: Path) -> None:
    card = folder / "vedette-n" / "card.toml"
    card.write_text(card.read_text() + '"../secret.xml" = "00"\n')
    with pytest.raises(ModelRefusedError, match="secret"):
        Catalogue.load(folder)


def test_unknown_names_are_refused_with_what_there_is() -> None:
    with pytest.raises(
        ModelRefusedError, match="no model 'yolo' in the catalogue; there are: vedette-n"
    ):
        Catalogue.shipped().entry("yolo")
    with pytest.raises(ModelRefusedError, match="pickle"):
        Catalogue.shipped().entry("downloads/yolo11n.pt")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("name = ", "card.toml"),
        ('name = "x"', "does not say version"),
    ],
)
def test_a_card_that_says_too_little_is_refused(folder: Path, text: str, why: str) -> None:
    (folder / "vedette-n" / "card.toml").write_text(text)
    with pytest.raises(ModelRefusedError, match=why):
        Catalogue.load(folder)


def test_a_model_without_a_card_or_no_folder_at_all_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelRefusedError, match="no catalogue"):
        Catalogue.load(tmp_path / "nowhere")
    (tmp_path / "bare").mkdir()
    with pytest.raises(ModelRefusedError, match="no model without its card"):
        Catalogue.load(tmp_path)


def test_an_engine_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.catalogue.catalogue.find_spec", lambda _name: None)
    with pytest.raises(EngineError, match="extra `ultralytics`"):
        Catalogue.shipped().open_detector(engine="ultralytics")
    with pytest.raises(EngineError, match="extra `service`"):
        Catalogue.shipped().open_detector()


def test_the_catalogue_loads_no_engine_and_the_default_loads_no_torch() -> None:
    heavy = "{'torch', 'ultralytics', 'openvino', 'cv2'}"
    code = (
        "import sys, models.catalogue.catalogue as c\n"
        "c.Catalogue.shipped()\n"
        f"assert not {heavy} & set(sys.modules), 'engine imported'\n"
        "identity = c.open_detector().identity\n"
        "assert not {'torch', 'ultralytics'} & set(sys.modules), 'torch imported'\n"
        "print(identity.engine)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        cwd=SHIPPED.parents[1],
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("openvino ")


STANDING = Catalogue.shipped().standing().label
"""The shipped model, whichever version it is."""


def of_version(folder: Path, version: str) -> Path:
    """A copy of the shipped model under another version; never one that is shipped."""
    copy = folder / f"source-{version}"
    shutil.copytree(SHIPPED / "vedette-n", copy)
    card = copy / "card.toml"
    text, changed = re.subn(
        r"^version = .*$", f'version = "{version}"', card.read_text(), flags=re.MULTILINE
    )
    assert changed == 1
    card.write_text(text)
    return copy


def test_an_added_model_is_there_beside_the_shipped_one(tmp_path: Path) -> None:
    catalogue_dir = tmp_path / "models"
    added = add_model(of_version(tmp_path, "101.10.0"), catalogue_dir)
    add_model(of_version(tmp_path, "101.9.0"), catalogue_dir)
    catalogue = Catalogue.installed(catalogue_dir)
    assert [entry.label for entry in catalogue.entries] == [
        "vedette-n@101.10.0",
        "vedette-n@101.9.0",
        STANDING,
    ]
    assert catalogue.entry("vedette-n").label == "vedette-n@101.10.0"
    # What was not asked for by its version stays as it was.
    assert catalogue.entry().label == catalogue.standing().label == STANDING
    assert catalogue.standing("vedette-n@101.9.0").label == "vedette-n@101.9.0"
    assert catalogue.entry(STANDING).folder == SHIPPED / "vedette-n"
    assert added.folder == catalogue_dir / "vedette-n@101.10.0"
    added.verify()
    assert {path.name for path in added.folder.iterdir()} == {*added.card.sha256, "card.toml"}


def test_adding_again_changes_nothing_and_other_weights_need_another_version(
    tmp_path: Path,
) -> None:
    source, catalogue_dir = of_version(tmp_path, "101.0"), tmp_path / "models"
    first = add_model(source, catalogue_dir)
    assert add_model(source, catalogue_dir).folder == first.folder
    card, weights = source / "card.toml", source / "vedette-n.bin"
    old = hashlib.sha256(weights.read_bytes()).hexdigest()
    weights.write_bytes(weights.read_bytes() + b"\0")
    new = hashlib.sha256(weights.read_bytes()).hexdigest()
    card.write_text(card.read_text().replace(old, new))
    with pytest.raises(ModelRefusedError, match="give these weights another version"):
        add_model(source, catalogue_dir)
    first.verify()


def test_what_is_added_must_be_what_its_card_pins(tmp_path: Path) -> None:
    source = of_version(tmp_path, "101.0")
    weights = source / "vedette-n.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    with pytest.raises(ModelRefusedError, match="is not the file of the catalogue"):
        add_model(source, tmp_path / "models")
    assert Catalogue.installed(tmp_path / "models").refused == {}


def test_a_damaged_model_is_told_and_the_others_work(tmp_path: Path) -> None:
    catalogue_dir = tmp_path / "models"
    entry = add_model(of_version(tmp_path, "101.0"), catalogue_dir)
    assert entry.folder == catalogue_dir / "vedette-n@101.0"
    (catalogue_dir / "vedette-n@101.0" / "card.toml").write_text("name = ")
    catalogue = Catalogue.installed(catalogue_dir)
    assert catalogue.entry().label == STANDING
    assert set(catalogue.refused) == {"vedette-n@101.0"}
    with pytest.raises(ModelRefusedError, match="not TOML"):
        catalogue.entry("vedette-n@101.0")


def test_killed_half_way_nothing_is_listed_and_the_next_adding_tidies(tmp_path: Path) -> None:
    source, catalogue_dir = of_version(tmp_path, "101.0"), tmp_path / "models"
    # Killed, as by the system, once the first weight file is written.
    code = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from models.catalogue.catalogue import CatalogueEntry, add_model\n"
        "whole = CatalogueEntry.files\n"
        "def half(self):\n"
        "    for place, item in enumerate(whole(self)):\n"
        "        if place == 2:\n"
        "            os.kill(os.getpid(), signal.SIGKILL)\n"
        "        yield item\n"
        "CatalogueEntry.files = half\n"
        "add_model(Path(sys.argv[1]), Path(sys.argv[2]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(source), str(catalogue_dir)],
        check=False,
        cwd=SHIPPED.parents[1],
    )
    assert done.returncode == -9
    left = [path.name for path in catalogue_dir.iterdir() if path.is_dir()]
    assert len(left) == 1
    assert left[0].startswith(".adding-")
    catalogue = Catalogue.installed(catalogue_dir)
    assert [entry.label for entry in catalogue.entries] == [STANDING]
    assert catalogue.refused == {}
    add_model(source, catalogue_dir)
    assert [path.name for path in catalogue_dir.iterdir() if path.is_dir()] == ["vedette-n@101.0"]


@pytest.mark.parametrize(
    "ascending",
    [["0.9", "1.0.0-rc1", "1.0.0-rc2", "1.0.0", "1.2.0", "1.10.0", "2.0.0"]],
)
def test_versions_sort_as_people_do(ascending: list[str]) -> None:
    assert sorted(set(ascending), key=version_order) == ascending
