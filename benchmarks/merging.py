"""Making one list of what 192 overlapping tiles show: 33,000 boxes of a frame of 48 megapixels.

Measured by processor time, medians, beside sahi's suppression of the same boxes, which knows
nothing of tiles. The same boxes in 20 other orders must give the same bytes.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.detection import machine
from models.detections import Detections
from models.taxonomy import group_index
from models.tiles.merging import merge
from models.tiles.tiling import tile_grid

CATEGORIES = ("person", "car", "truck")
WIDTH_PX, HEIGHT_PX, TILE_PX = 8000, 6000, 640
OBJECTS = 18_400
LIMIT_MS = 50.0
RUNS, ORDERS = 15, 20


def crowd(count: int) -> tuple[list[Detections], NDArray[np.int32]]:
    """Boxes of several kinds in the tiles of a frame of 48 megapixels, many seen twice.

    Args:
        count: objects, some 1.8 boxes each.
    """
    random = np.random.default_rng(48)
    grid = tile_grid(WIDTH_PX, HEIGHT_PX, TILE_PX, 0.2)
    middle = random.uniform(0, (WIDTH_PX, HEIGHT_PX), (count, 2))
    size = random.uniform(10, 60, (count, 2))
    objects = np.concatenate([middle - size / 2, middle + size / 2], axis=1)
    parts = []
    for view in grid:
        inside = (objects[:, :2] < view[2:]).all(axis=1) & (objects[:, 2:] > view[:2]).all(axis=1)
        low, high = [*view[:2], *view[:2]], [*view[2:], *view[2:]]
        seen = objects[inside]
        shown = Detections(
            xyxy=(seen + random.normal(0, 0.4, seen.shape)).clip(low, high).astype(np.float32),
            confidence=random.uniform(0.25, 0.95, len(seen)).astype(np.float32),
            class_id=random.integers(0, len(CATEGORIES), len(seen)).astype(np.int32),
        )
        parts.append(shown)
    return parts, grid


def shuffled(
    parts: list[Detections], grid: NDArray[np.int32], random: np.random.Generator
) -> tuple[list[Detections], NDArray[np.int32]]:
    """The same views and boxes in another order."""
    order = random.permutation(len(parts))
    mixed = [parts[index].select(random.permutation(len(parts[index]))) for index in order]
    return mixed, grid[order]


def same(a: Detections, b: Detections) -> bool:
    """Whether two lists are equal to the bit, order included."""
    return (
        np.array_equal(a.xyxy, b.xyxy)
        and np.array_equal(a.confidence, b.confidence)
        and np.array_equal(a.class_id, b.class_id)
    )


def sahi_suppression(parts: list[Detections]) -> Callable[[], object]:
    """Sahi's greedy suppression of all boxes at IoU 0.5, as it merges its slices."""
    from sahi.postprocess.combine import batched_nms

    found = Detections.concatenate(parts)
    rows = np.column_stack([found.xyxy, found.confidence, found.class_id])
    return lambda: batched_nms(rows, match_metric="IOU", match_threshold=0.5)


def measure() -> dict[str, object]:
    """Times of both and whether order matters."""
    parts, grid = crowd(OBJECTS)
    groups = group_index(CATEGORIES)
    merged = merge(parts, grid, groups)
    random = np.random.default_rng(1)
    other = (merge(*shuffled(parts, grid, random), groups) for _ in range(ORDERS))
    identical = all(same(merged, again) for again in other)
    ours = _median_ms(lambda: merge(parts, grid, groups), RUNS)
    peer = _median_ms(sahi_suppression(parts), 3)
    return {
        "boxes": sum(len(part) for part in parts),
        "merged": len(merged),
        "ours_ms": round(ours, 1),
        "limit_ms": LIMIT_MS,
        "sahi_ms": round(peer, 1),
        "times_faster": round(peer / ours, 1),
        "orders": ORDERS,
        "identical": identical,
    }


def _median_ms(work: Callable[[], object], runs: int) -> float:
    spent = []
    for _ in range(runs):
        began = time.process_time()
        work()
        spent.append(1000 * (time.process_time() - began))
    return statistics.median(spent)


def main() -> None:
    """Measure, print, and write the figures where asked; exit 1 where a bound is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    arguments = parser.parse_args()
    figures = measure()
    print(
        f"{figures['boxes']} boxes of {len(tile_grid(WIDTH_PX, HEIGHT_PX, TILE_PX, 0.2))} tiles "
        f"to {figures['merged']} objects: {figures['ours_ms']} ms (at most {LIMIT_MS:g}); sahi's "
        f"suppression {figures['sahi_ms']} ms; {ORDERS} other orders "
        + ("give the same" if figures["identical"] else "DIFFER")
    )
    if arguments.json:
        written = {"machine": machine(), **figures}
        arguments.json.write_text(json.dumps(written, indent=2) + "\n", encoding="utf-8")
    if not figures["identical"]:
        sys.exit(1)


if __name__ == "__main__":
    main()
