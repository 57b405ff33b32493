"""Hard negatives from operators: chips of dismissed incidents that were no person and no vehicle.

A folder holds the chips and `negatives.jsonl`, one JSON object a line:

    {"chip": "0c1f....jpg", "sha256": "....", "category": "person", "confidence": 0.61,
     "box": [212.0, 198.5, 240.0, 251.0], "reason_code": "vegetation",
     "imagery": "missions/unmiss/imagery/i-7f3a", "marking": "UN RESTRICTED"}

`chip` is a file name in the folder, `box` the dismissed box in pixels of the chip (left, top,
right, bottom), `category` what the model took it for, `imagery` the image it was cut from and
`marking` how it may be shared. Other keys are ignored.

Only a dismissal that says what the thing was, and that it was nothing to be found, teaches. Own
forces and civilian routine are people and vehicles; a duplicate is one as well, and "other" tells
nothing.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.errors import InvalidInputError
from models.evaluation.labels import Boxes
from models.training.pieces import Piece

MANIFEST = "negatives.jsonl"
"""The list beside the chips."""

NOTHING_THERE = frozenset({"vegetation", "animal", "artefact"})
"""Reasons that say that no person and no vehicle was there."""

TRUE_OBJECTS = frozenset({"own_forces", "civilian_routine", "duplicate", "other"})
"""Reasons that say that somebody was there, or do not say."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Dismissal:
    """One dismissed detection.

    Attributes:
        chip: the picture around it.
        category: what it was taken for.
        xyxy: left, top, right, bottom of its box, pixels of the chip.
        reason_code: why it was dismissed: a word of `NOTHING_THERE` or `TRUE_OBJECTS`.
        imagery: the image it was cut from.
        marking: how it may be shared; empty where that is not told.
    """

    chip: Path
    category: str
    xyxy: tuple[float, float, float, float]
    reason_code: str
    imagery: str
    marking: str


def read_dismissals(folder: Path) -> tuple[Dismissal, ...]:
    """Every dismissal that a folder lists, in its order.

    Raises:
        InvalidInputError: the manifest is missing or broken, a reason code is not known, or a
            chip is missing or is not the one that was listed.
    """
    file = folder / MANIFEST
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise InvalidInputError(f"{file} cannot be read: {error}", field="dismissed") from error
    found = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            found.append(_dismissal(folder, json.loads(line)))
        except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
            told = f"does not say {error}" if isinstance(error, KeyError) else str(error)
            raise InvalidInputError(
                f"{file.name}, line {number}: {told}", field="dismissed"
            ) from error
    return tuple(found)


def _dismissal(folder: Path, row: Mapping[str, Any]) -> Dismissal:
    # The wire writes REASON_CODE_OWN_FORCES, people "own forces"; it is one word here.
    reason = str(row["reason_code"]).lower().replace(" ", "_").replace("-", "_")
    reason = reason.removeprefix("reason_code_")
    if reason not in NOTHING_THERE | TRUE_OBJECTS:
        known = ", ".join(sorted(NOTHING_THERE | TRUE_OBJECTS))
        raise ValueError(f"no reason code {row['reason_code']!r}; there are {known}")
    name = str(row["chip"])
    if Path(name).name != name:
        raise ValueError(f"{name!r} is no file name in this folder")
    chip = folder / name
    if "sha256" in row:
        digest = hashlib.sha256(chip.read_bytes()).hexdigest()
        if digest != row["sha256"]:
            raise ValueError(f"{name} is not the chip that was listed: its SHA-256 is {digest}")
    elif not chip.is_file():
        raise ValueError(f"the chip {name} is missing")
    left, top, right, bottom = (float(value) for value in row["box"])
    if not (left < right and top < bottom and math.isfinite(left + top + right + bottom)):
        raise ValueError(f"a box is left, top, right, bottom, not {row['box']}")
    return Dismissal(
        chip=chip,
        category=str(row["category"]),
        xyxy=(left, top, right, bottom),
        reason_code=reason,
        imagery=str(row["imagery"]),
        marking=str(row.get("marking") or ""),
    )


def negative_pieces(
    dismissals: tuple[Dismissal, ...], read: Callable[[Path], NDArray[np.uint8]]
) -> list[Piece]:
    """A piece of each dismissal that shows nothing to be found: its box and no more.

    What else a chip shows was not judged. So a piece is what lies around the box by half its size,
    and the rest of the chip stays out.

    Args:
        dismissals: any; those with a reason of `TRUE_OBJECTS` are left out.
        read: decodes a chip to (height, width, 3) RGB.
    """
    pieces = []
    for one in dismissals:
        if one.reason_code not in NOTHING_THERE:
            continue
        pixels = read(one.chip)
        left, top, right, bottom = one.xyxy
        margin = max(right - left, bottom - top) / 2
        x0, y0 = max(math.floor(left - margin), 0), max(math.floor(top - margin), 0)
        part = pixels[y0 : math.ceil(bottom + margin), x0 : math.ceil(right + margin)]
        if not part.size:
            raise InvalidInputError(
                f"the box of {one.chip.name} lies outside of the chip", field="dismissed"
            )
        box: Boxes = np.array([one.xyxy]) - np.array([x0, y0, x0, y0])
        pieces.append(
            Piece(
                name=f"{one.imagery}#{one.chip.name}",
                kind="dismissed",
                pixels=part.copy(),
                xyxy=np.zeros((0, 4)),
                class_id=np.zeros(0, np.int32),
                mistaken=box,
            )
        )
    return pieces
