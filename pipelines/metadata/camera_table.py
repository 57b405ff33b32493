"""The table of cameras: inner geometry by maker and model, where metadata have no calibration.

The figures lie in `data/cameras.toml`, derived from Theta-Limited/DroneModels (Apache-2.0) by
`deploy/make_camera_table.py`.
"""

from __future__ import annotations

import math
import tomllib
from functools import cache
from importlib import resources
from typing import Any

from pipelines.camera import Distortion
from pipelines.metadata.calibration import Calibration, centred

# What cameras of one model differ by, and what "nominal" focal lengths hide.
_FOCAL_SIGMA = 0.01
# A zoom camera under the name of a wide one is a tenth off and more.
_OTHER_SIZE_SIGMA = 0.1
_THERMAL_ASPECT = 0.01
_COEFFICIENTS = ("k1", "k2", "p1", "p2", "k3")


def find_camera(
    make: str | None,
    model: str | None,
    focal_mm: float | None,
    size: tuple[int, int],
    *,
    thermal: bool | None = None,
) -> Calibration | None:
    """The calibration of a camera for its whole sensor; None where the table has none.

    Args:
        make: maker as EXIF names it.
        model: model as EXIF names it.
        focal_mm: focal length as EXIF tells it; needed unless the table fixes it.
        size: width and height of the picture when taken.
        thermal: which of two lenses that bear one name, where the metadata say. Else a picture of
            the 5:4 of thermal sensors is not one of a visible camera, which none of the table's
            takes, and the size nearest to the picture's decides.
    """
    if thermal is None and abs(size[0] / size[1] - 1.25) < _THERMAL_ASPECT:
        thermal = True
    rows = [
        row
        for row in _rows(make, model)
        if "fisheye" not in row and thermal in (None, row.get("thermal", False))
    ]
    if not rows:
        return None
    row = min(rows, key=lambda row: abs(math.log(row["width_px"] / size[0])))
    focal = row.get("focal_mm", focal_mm)
    if focal is None:
        return None
    fx, fy = focal * 1000 / row["pixel_width_um"], focal * 1000 / row["pixel_height_um"]
    return Calibration(
        intrinsics=centred(
            row["width_px"],
            row["height_px"],
            fx,
            fy,
            Distortion(**{name: row.get(name, 0.0) for name in _COEFFICIENTS}),
        ),
        # Pixels are square: where the table's two focal lengths differ, one of them is wrong.
        focal_sigma=max(
            _FOCAL_SIGMA if _is_of(row, size) else _OTHER_SIZE_SIGMA, abs(fx / fy - 1.0)
        ),
        source=f"table of cameras ({row['make']} {row['model']})",
    )


def _is_of(row: dict[str, Any], size: tuple[int, int]) -> bool:
    """Whether a picture is that sensor's: its width or height, or them halved by binning."""
    return any(
        abs(full / taken / binned - 1.0) < 0.03
        for full, taken in zip((row["width_px"], row["height_px"]), size, strict=True)
        for binned in (0.5, 1.0, 2.0, 4.0)
    )


def is_fisheye(make: str | None, model: str | None) -> bool:
    """Whether a camera's pictures are fisheye images: no pinhole camera describes them."""
    return any("fisheye" in row for row in _rows(make, model))


def _rows(make: str | None, model: str | None) -> list[dict[str, Any]]:
    if make is None or model is None:
        return []
    return _table().get((_plain(make), _plain(model)), [])


@cache
def _table() -> dict[tuple[str, str], list[dict[str, Any]]]:
    text = resources.files("pipelines").joinpath("data/cameras.toml").read_text(encoding="utf-8")
    table: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in tomllib.loads(text)["camera"]:
        table.setdefault((_plain(row["make"]), _plain(row["model"])), []).append(row)
    return table


def _plain(name: str) -> str:
    """Lower case without blanks: "ANAFI Ai" is "ANAFIAI"."""
    return "".join(name.lower().split())
