"""Which dismissals teach, and what of a chip does."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from models.errors import InvalidInputError
from models.training.dismissals import (
    MANIFEST,
    NOTHING_THERE,
    TRUE_OBJECTS,
    negative_pieces,
    read_dismissals,
)


def read(path: Path) -> NDArray[np.uint8]:
    return np.asarray(Image.open(path).convert("RGB"))


def write(folder: Path, rows: list[dict[str, Any]]) -> None:
    (folder / MANIFEST).write_text("".join(json.dumps(row) + "\n" for row in rows))


def row(folder: Path, reason: str, name: str = "a.png", **others: object) -> dict[str, Any]:
    pixels = np.arange(100 * 120 * 3, dtype=np.uint32).reshape(100, 120, 3) % 256
    Image.fromarray(pixels.astype(np.uint8)).save(folder / name)
    return {
        "chip": name,
        "category": "person",
        "box": [50, 40, 60, 60],
        "reason_code": reason,
        "imagery": "missions/m/imagery/i",
        "marking": "UN RESTRICTED",
        **others,
    }


def test_every_reason_of_the_wire_is_sorted() -> None:
    from vedette.v1 import incident_pb2

    words = {
        name.removeprefix("REASON_CODE_").lower()
        for name in incident_pb2.ReasonCode.DESCRIPTOR.values_by_name
        if not name.endswith("UNSPECIFIED")
    }
    assert words == NOTHING_THERE | TRUE_OBJECTS


def test_only_what_was_nothing_becomes_a_negative(tmp_path: Path) -> None:
    reasons = [*sorted(NOTHING_THERE), "own forces", "REASON_CODE_CIVILIAN_ROUTINE", "duplicate"]
    write(tmp_path, [row(tmp_path, reason, f"{n}.png") for n, reason in enumerate(reasons)])
    dismissals = read_dismissals(tmp_path)
    assert Counter(one.reason_code for one in dismissals) == {
        "animal": 1,
        "artefact": 1,
        "civilian_routine": 1,
        "duplicate": 1,
        "own_forces": 1,
        "vegetation": 1,
    }
    pieces = negative_pieces(dismissals, read)
    assert [piece.name for piece in pieces] == [
        "missions/m/imagery/i#0.png",
        "missions/m/imagery/i#1.png",
        "missions/m/imagery/i#2.png",
    ]


def test_a_piece_is_the_box_and_half_its_size_around(tmp_path: Path) -> None:
    write(tmp_path, [row(tmp_path, "vegetation")])
    (piece,) = negative_pieces(read_dismissals(tmp_path), read)
    # The longer side is 20: 10 pixels to each side.
    np.testing.assert_array_equal(piece.pixels, read(tmp_path / "a.png")[30:70, 40:70])
    assert piece.mistaken.tolist() == [[10, 10, 20, 30]]
    assert len(piece.xyxy) == 0
    assert piece.kind == "dismissed"


def test_a_chip_is_the_one_that_was_listed(tmp_path: Path) -> None:
    told = row(tmp_path, "animal")
    digest = hashlib.sha256((tmp_path / "a.png").read_bytes()).hexdigest()
    write(tmp_path, [{**told, "sha256": digest}])
    assert len(read_dismissals(tmp_path)) == 1
    write(tmp_path, [{**told, "sha256": "0" * 64}])
    with pytest.raises(InvalidInputError, match=f"line 1: a.png is not the chip.*{digest}"):
        read_dismissals(tmp_path)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"reason_code": "shrub"}, "no reason code 'shrub'; there are animal, artefact"),
        ({"chip": "../a.png"}, "no file name in this folder"),
        ({"chip": "b.png"}, "b.png is missing"),
        ({"box": [60, 40, 50, 60]}, "a box is left, top, right, bottom"),
        ({"box": [float("nan"), 0, 1, 1]}, "a box is left, top, right, bottom"),
    ],
)
def test_a_broken_line_is_told_with_its_number(
    tmp_path: Path, change: dict[str, Any], told: str
) -> None:
    good = row(tmp_path, "animal")
    write(tmp_path, [good, {**good, **change}])
    with pytest.raises(InvalidInputError, match=f"line 2.*{told}"):
        read_dismissals(tmp_path)


def test_a_box_outside_of_its_chip_is_refused(tmp_path: Path) -> None:
    write(tmp_path, [row(tmp_path, "animal", box=[300, 300, 320, 320])])
    with pytest.raises(InvalidInputError, match=r"a\.png lies outside"):
        negative_pieces(read_dismissals(tmp_path), read)
