"""What it is worth to know how large a pixel is on the ground: cars of 9 to 12 pixels.

VisDrone's frames are reduced to a half, so that many of their vehicles are that small. One look at
them as they are is held against the looks that a frame or raster gets whose ground sample distance
says that a car is so small: magnified twofold, and once more as they are. The delivered model; the
second half of the frames by name, which no choice was made on.

    python -m benchmarks.accuracy_scale [--json FILE] [--limit N] [--data FOLDER]
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.detection import machine
from benchmarks.detection_frames import data_folder
from models.catalogue.catalogue import open_detector
from models.detections import Detections
from models.detector import DetectionParameters, Detector
from models.evaluation.evaluation import AP_LOWEST_CONFIDENCE, judged
from models.evaluation.labels import LabelledImage, read_labels
from models.taxonomy import GROUPS, group_index
from models.tiles.suppression import iou
from models.tiles.tile_plan import ScaleField, TilePlan, plan_full_scale, plan_tiles
from pipelines.imagery.decode import read_image

REDUCED = 0.5
MAGNIFIED = 2.0
BANDS_PX = ((6.0, 9.0), (9.0, 12.0), (12.0, 16.0), (16.0, 32.0))
"""Longer side of the objects, pixels of the reduced frame; from, up to but not including."""

PRECISION = 0.8
OVERLAP = 0.2
_CELL_PX, _BUS_PX = 64, 40.0


def reduced(image: LabelledImage) -> tuple[LabelledImage, NDArray[np.uint8]]:
    """A labelled image at a half, and its pixels."""
    rgb = read_image(image.path.read_bytes()).rgb
    size = round(rgb.shape[1] * REDUCED), round(rgb.shape[0] * REDUCED)
    small = np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)
    labelled = replace(
        image,
        width_px=size[0],
        height_px=size[1],
        xyxy=image.xyxy * REDUCED,
        ignored=image.ignored * REDUCED,
    )
    return labelled, small


def plans(width: int, height: int, tile_px: int) -> dict[str, TilePlan]:
    """The looks that are compared."""
    cells = -(-height // _CELL_PX), -(-width // _CELL_PX)
    demand = ScaleField(
        cell_px=_CELL_PX, scale=np.full(cells, MAGNIFIED), object_px=np.full(cells, _BUS_PX)
    )
    return {
        "as it is": plan_full_scale(width, height, tile_px, OVERLAP),
        "by the ground": plan_tiles(width, height, tile_px, OVERLAP, demand),
    }


def look(
    detector: Detector, images: Sequence[LabelledImage]
) -> tuple[list[LabelledImage], dict[str, list[Detections]], dict[str, int]]:
    """The reduced frames, what each way finds in them, and how many tiles it took."""
    parameters = DetectionParameters(min_confidence=AP_LOWEST_CONFIDENCE)
    small: list[LabelledImage] = []
    found: dict[str, list[Detections]] = {}
    tiles: dict[str, int] = {}
    for image in images:
        labelled, rgb = reduced(image)
        small.append(labelled)
        side = detector.identity.input_px
        for way, plan in plans(rgb.shape[1], rgb.shape[0], side).items():
            found.setdefault(way, []).append(detector.detect(rgb, parameters, plan))
            tiles[way] = tiles.get(way, 0) + len(plan.views)
    return small, found, tiles


def score(
    images: Sequence[LabelledImage],
    found: Sequence[Detections],
    categories: Sequence[str],
    group: str,
) -> tuple[float, list[tuple[int, int]]]:
    """The lowest confidence with the precision over all sizes, and found of labelled by size."""
    confidence, is_object, _ = judged(images, found, categories, group)
    precision = np.cumsum(is_object) / np.arange(1, len(is_object) + 1)
    reached = np.flatnonzero(precision >= PRECISION)
    threshold = float(confidence[reached.max()]) if len(reached) else 1.0
    of_group = group_index(categories) == list(GROUPS).index(group)
    hit, total = np.zeros(len(BANDS_PX), int), np.zeros(len(BANDS_PX), int)
    for image, part in zip(images, found, strict=True):
        counts = part.select((part.confidence >= threshold) & of_group[part.class_id])
        names = np.array([name in {group, *GROUPS[group]} for name in image.names], np.bool_)
        for box in image.xyxy[names]:
            longer = float((box[2:] - box[:2]).max())
            there = iou(counts.xyxy, np.repeat(box[None], len(counts), axis=0))
            for place, (low, high) in enumerate(BANDS_PX):
                if low <= longer < high:
                    total[place] += 1
                    hit[place] += bool(len(there) and there.max() >= 0.5)
    return threshold, list(zip(hit.tolist(), total.tolist(), strict=True))


def main() -> None:
    """Measure, print the table as Markdown, and write the figures where asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--limit", type=int, help="images")
    parser.add_argument("--data", type=Path, help="folder of real imagery")
    arguments = parser.parse_args()
    images = sorted(
        read_labels(data_folder(arguments.data) / "detection" / "visdrone"),
        key=lambda image: image.path.name,
    )
    images = images[len(images) // 2 :][: arguments.limit]
    detector = open_detector()
    print(f"{len(images)} frames with {detector.identity.label} ...", file=sys.stderr)
    small, found, tiles = look(detector, images)
    heads = [f"{low:g} to {high:g} px" for low, high in BANDS_PX]
    print("| group | looked at | tiles | " + " | ".join(heads) + " |")
    print("| --- | --- | --: |" + " --: |" * len(heads))
    figures: dict[str, dict[str, object]] = {}
    for group in GROUPS:
        for way, parts in found.items():
            threshold, recall = score(small, parts, detector.identity.categories, group)
            figures.setdefault(group, {})[way] = {
                "tiles": tiles[way],
                "threshold": round(threshold, 3),
                "found_of_labelled": dict(zip(heads, recall, strict=True)),
            }
            cells = [f"{hit / max(total, 1):.2f} of {total}" for hit, total in recall]
            print("| " + " | ".join((group, way, str(tiles[way]), *cells)) + " |")
    if arguments.json:
        written = {"machine": machine(), "precision": PRECISION, "groups": figures}
        arguments.json.write_text(json.dumps(written, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
