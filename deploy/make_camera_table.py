# ruff: noqa: INP001 - a script, not a package
"""Makes pipelines/data/cameras.toml from the public table of drone cameras.

    python deploy/make_camera_table.py droneModels.json > pipelines/data/cameras.toml

Source: Theta-Limited/DroneModels, droneModels.json, Apache-2.0. Only figures are taken over: size
of image and of a pixel, focal length where it is fixed, Brown coefficients. Left out, and counted
in the file's head: entries that contradict themselves. Fisheye lenses are named without figures.
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

MAKES = ("autel robotics", "teledyne flir", "hasselblad", "intertest", "parrot", "skydio", "dji")
# Entries without a maker's name.
BARE = {"zenmusep1": "dji"}
# Pixels are square; a table that says otherwise by more than this has a slip in it.
MAX_ASPECT = 0.08
COEFFICIENTS = ("radialR1", "radialR2", "radialR3", "tangentialT1", "tangentialT2")
# The source's distortion of this camera contradicts its photographs: features matched between
# overlapping frames fit one plane with 599 of 903 at 9.5 px by it, with 902 at 1.4 px by the row
# of its sister with the same lens (brighton_beach of OpenDroneMap).
SAME_LENS = {"djiFC300S": "djiFC300X"}
# The source swaps columns and rows of this sensor; its other entries say 12 micrometres.
SLIPS = {
    "teledyne flirBOSON 640": {"ccdWidthMMPerPixel": "7.68/640", "ccdHeightMMPerPixel": "6.144/512"}
}


def fraction(text: str) -> float:
    """A length of a sensor over its pixels, "6.32692/4000.0"; some figures end in Java's d."""
    top, bottom = text.replace("d", "").split("/")
    return float(top) / float(bottom)


def named(make_model: str) -> tuple[str, str]:
    """Maker and model, lower case, out of one word."""
    word = make_model.lower()
    for make in MAKES:
        if word.startswith(make):
            return make, word[len(make) :].strip()
    return BARE[word], word


def increasing(coefficients: dict[str, float], corner: float) -> bool:
    """Whether the radial polynomial grows out to the corner, as a lens does."""
    k1, k2, k3 = (coefficients[name] for name in ("k1", "k2", "k3"))
    radii = [corner * step / 100 for step in range(101)]
    return all(1 + 3 * k1 * r**2 + 5 * k2 * r**4 + 7 * k3 * r**6 > 0 for r in radii)


def entry(raw: dict[str, Any]) -> dict[str, Any] | None:
    """One row of our table; None where it is left out."""
    pitch_x, pitch_y = fraction(raw["ccdWidthMMPerPixel"]), fraction(raw["ccdHeightMMPerPixel"])
    make, model = named(raw["makeModel"])
    if raw["lensType"] != "perspective":
        # Known as what it is, so that nobody takes it for a pinhole by its focal length.
        return {"make": make, "model": model, "fisheye": True, "width_px": raw["widthPixels"]}
    if abs(pitch_x / pitch_y - 1) > MAX_ASPECT:
        return None
    coefficients = {
        "k1": raw["radialR1"],
        "k2": raw["radialR2"],
        "p1": raw["tangentialT1"],
        "p2": raw["tangentialT2"],
        "k3": raw["radialR3"],
    }
    row: dict[str, Any] = {
        "make": make,
        "model": model,
        "width_px": raw["widthPixels"],
        "height_px": raw["heightPixels"],
        "pixel_width_um": round(pitch_x * 1000, 6),
        "pixel_height_um": round(pitch_y * 1000, 6),
    }
    # Sensors of 5:4 are thermal ones, also where the source forgot to say so.
    if raw["isThermal"] or raw["widthPixels"] * 4 == raw["heightPixels"] * 5:
        row["thermal"] = True
    if "focalLength" in raw:
        row["focal_mm"] = raw["focalLength"]
    if any(coefficients.values()):
        # The widest of these lenses has half its diagonal at one focal length from its axis.
        if not increasing(coefficients, corner(raw, pitch_x)):
            return row
        row.update({name: round(value, 9) for name, value in coefficients.items()})
    return row


def corner(raw: dict[str, Any], pitch_mm: float) -> float:
    """Distance of the corner from the axis in focal lengths, 84 degrees where none is told."""
    half = math.hypot(raw["widthPixels"], raw["heightPixels"]) / 2 * pitch_mm
    return half / raw["focalLength"] if "focalLength" in raw else 0.9


def main() -> None:
    """Print the table."""
    source = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    rows: list[dict[str, Any]] = []
    left_out = 0
    by_name = {raw["makeModel"]: raw for raw in source["droneCCDParams"]}
    for raw in source["droneCCDParams"]:
        lens = by_name[SAME_LENS.get(raw["makeModel"], raw["makeModel"])]
        mended = raw | SLIPS.get(raw["makeModel"], {})
        row = entry(mended | {name: lens[name] for name in COEFFICIENTS if name in lens})
        if row is None:
            left_out += 1
        elif row not in rows:
            rows.append(row)
    lines = [
        "# Cameras: figures of Theta-Limited/DroneModels (Apache-2.0),",
        f"# last updated there {source['lastUpdate']}; {len(rows)} taken, {left_out} left out.",
        "# Made by deploy/make_camera_table.py; change that, not this.",
    ]
    for row in sorted(rows, key=lambda row: (row["make"], row["model"], row["width_px"])):
        lines += ["", "[[camera]]", *(f"{name} = {json.dumps(row[name])}" for name in row)]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
