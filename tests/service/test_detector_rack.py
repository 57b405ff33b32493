"""Detectors come into force without a restart; the real engine opens them."""

from __future__ import annotations

import shutil
import threading
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

import models
from models.catalogue.card_file import CARD_FILE, card_text, read_card
from models.catalogue.catalogue import add_model
from models.catalogue.model_card import Modality
from models.errors import ModelRefusedError
from service.detector_rack import DetectorRack
from service.model_choice import ModelInForce, ModelRole, ModelsInForce

SHIPPED = Path(models.__file__).parent / "shipped" / "vedette-n"
STANDING = read_card(SHIPPED).label


class Book:
    """What the ledger says, and how often it was asked."""

    def __init__(self) -> None:
        self.found = ModelsInForce()

    def __call__(self) -> ModelsInForce:
        return self.found

    def put(self, **models_by_role: ModelInForce) -> None:
        self.found = ModelsInForce(
            by_role={ModelRole(role): one for role, one in models_by_role.items()},
            revision=self.found.revision + 1,
        )


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A catalogue with versions 102 (visible) and 103 (both) of the shipped weights."""
    for version, modality in (("102", Modality.VISIBLE), ("103", Modality.BOTH)):
        source = tmp_path / f"source-{version}"
        shutil.copytree(SHIPPED, source)
        card = replace(read_card(SHIPPED), version=version, modality=modality)
        (source / CARD_FILE).write_text(card_text(card), encoding="utf-8")
        add_model(source, tmp_path / "models")
    return tmp_path / "models"


def one(version: str, share: float = 1.0, sha256: dict[str, str] | None = None) -> ModelInForce:
    return ModelInForce(
        model=f"vedette-n@{version}",
        sha256={**read_card(SHIPPED).sha256, **(sha256 or {})},
        share=share,
        since=datetime(2026, 1, 1, tzinfo=UTC),
    )


def rack(book: Book, folder: Path) -> DetectorRack:
    return DetectorRack(book, folder, STANDING, "openvino", 1)


def test_a_model_comes_into_force_at_the_next_job_and_one_for_both_is_opened_once(
    installed: Path,
) -> None:
    book = Book()
    shelf = rack(book, installed)
    first = shelf.current()
    assert first.visible.identity.label == STANDING
    assert first.thermal is first.visible
    assert first.shadow is None
    assert shelf.current() is first
    book.put(visible=one("102"))
    second = shelf.current()
    assert second.visible.identity.label == "vedette-n@102"
    # Nothing was activated for thermal: the default is still open, and the same.
    assert second.thermal is first.visible
    book.put(visible=one("102"), shadow=one("103", share=0.5))
    third = shelf.current()
    assert third.visible is second.visible
    assert third.shadow is not None
    assert (third.shadow.detector.identity.label, third.shadow.share) == ("vedette-n@103", 0.5)
    book.put(visible=one("103"), thermal=one("103"))
    fourth = shelf.current()
    assert fourth.visible is fourth.thermal is third.shadow.detector
    assert fourth.findings == ()
    assert len(shelf._by_role) == 2


def test_what_cannot_be_opened_is_told_and_the_one_before_goes_on(
    installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = Book()
    shelf = rack(book, installed)
    book.put(visible=one("102"), thermal=one("102"))
    before = shelf.current()
    # Whichever graph this processor takes.
    graphs = list((installed / "vedette-n@103").glob("*.bin"))
    for weights in graphs:
        weights.write_bytes(weights.read_bytes()[:-1] + b"\7")
    book.put(visible=one("103"), thermal=one("103"), shadow=one("109"))
    found = shelf.current()
    assert found.visible is before.visible
    assert found.shadow is None
    (finding,) = found.findings
    assert finding.code == "MODEL_NOT_OPENED"
    assert "vedette-n@103, could not be opened" in finding.message
    assert "vedette-n@102 looked instead" in finding.message
    # Mended, it comes into force without anybody's doing, a minute later.
    for weights in graphs:
        shutil.copy(SHIPPED / weights.name, weights)
    assert shelf.current() is found
    monkeypatch.setattr(shelf, "_again_at", 0.0)
    assert shelf.current().visible.identity.label == "vedette-n@103"


def test_other_weights_under_an_activated_name_do_not_run(installed: Path) -> None:
    book = Book()
    book.put(visible=one("102", sha256={"vedette-n.bin": "0" * 64}))
    found = rack(book, installed).current()
    assert found.visible.identity.label == STANDING
    assert "has other files than when it was activated" in found.findings[0].message


def test_without_its_default_nothing_starts(installed: Path) -> None:
    with pytest.raises(ModelRefusedError, match="no model 'nothing'"):
        DetectorRack(Book(), installed, "nothing", "openvino", 1).current()


def test_threads_that_ask_at_once_are_given_the_same(installed: Path) -> None:
    book = Book()
    shelf = rack(book, installed)
    given: list[object] = []
    threads = [
        threading.Thread(target=lambda: given.append(shelf.current().visible)) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(given) == 4
    assert len(set(map(id, given))) == 1
