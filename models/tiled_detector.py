"""A detector that looks at an image in overlapping tiles."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from models.detections import Detections
from models.detector import DetectionParameters, DetectorIdentity
from models.merging import merge
from models.taxonomy import group_index
from models.tiling import cut_tile, pad_square, tile_grid


class Engine(Protocol):
    """Runs a network over tiles; what an engine's adapter gives."""

    @property
    def identity(self) -> DetectorIdentity:
        """What this engine is."""
        ...

    def infer(self, tiles: Iterable[NDArray[np.uint8]], min_confidence: float) -> list[Detections]:
        """Detections of each tile, in the order of the tiles.

        Args:
            tiles: squares (S, S, 3) RGB of the input size, possibly views of a larger image;
                drawn lazily, so that reading results overlaps with computing.
            min_confidence: boxes below it are left out.

        Returns:
            For each tile its suppressed detections in pixels of the tile.

        Raises:
            EngineError: the engine failed or did not answer in time.
        """
        ...


class TiledDetector:
    """Finds objects in images of any size: tiles in, merged detections out."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._groups = group_index(engine.identity.categories)

    @property
    def identity(self) -> DetectorIdentity:
        """What this detector is."""
        return self._engine.identity

    def detect(self, image: NDArray[np.uint8], parameters: DetectionParameters) -> Detections:
        """Detections in an image.

        Args:
            image: (height, width, 3) RGB.
            parameters: thresholds and tiling.

        Returns:
            Merged detections in pixels of the image, in descending order of confidence.

        Raises:
            EngineError: the engine failed or did not answer in time.
            ValueError: the image is not an array of RGB bytes, or a parameter is out of range.
        """
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
            raise ValueError(f"an image is (height, width, 3) uint8, not {image.shape}")
        if not 0 <= parameters.min_confidence <= 1:
            raise ValueError(f"min_confidence is 0 to 1, not {parameters.min_confidence}")
        height, width = image.shape[:2]
        side = self.identity.input_px
        grid = tile_grid(width, height, side, parameters.tile_overlap)
        # A single tile is the whole frame already.
        overview = parameters.whole_frame and len(grid) > 1

        results = self._engine.infer(
            _squares(image, grid, side, overview=overview), parameters.min_confidence
        )
        views = np.concatenate([grid, np.array([[0, 0, width, height]], np.int32)[: int(overview)]])
        parts = [
            _place(part, view, scale)
            for part, view, scale in zip(results, views, _scales(views, image, side), strict=True)
        ]
        return merge(parts, views, self._groups)


def _squares(
    image: NDArray[np.uint8], grid: NDArray[np.int32], side_px: int, *, overview: bool
) -> Iterator[NDArray[np.uint8]]:
    """What the network looks at: each tile, then the whole frame reduced to one tile."""
    for tile in grid:
        yield cut_tile(image, tile, side_px)
    if overview:
        width, height = _reduced_size(image.shape[1], image.shape[0], side_px)
        # Area averaging: plain interpolation skips pixels at such a reduction and aliases.
        reduced = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
        yield pad_square(np.asarray(reduced, np.uint8), side_px)


def _reduced_size(width: int, height: int, side_px: int) -> tuple[int, int]:
    """Width and height of the whole frame when its longer side fills a tile."""
    longest = max(width, height)
    return (
        max(1, round(width * side_px / longest)),
        max(1, round(height * side_px / longest)),
    )


def _scales(
    views: NDArray[np.int32], image: NDArray[np.uint8], side_px: int
) -> Iterator[tuple[float, float]]:
    """Pixels of the image per pixel of the tile, along x and y, for each view."""
    height, width = image.shape[:2]
    for view in views:
        if max(int(view[2] - view[0]), int(view[3] - view[1])) <= side_px:
            yield 1.0, 1.0
        else:
            reduced_width, reduced_height = _reduced_size(width, height, side_px)
            yield width / reduced_width, height / reduced_height


def _place(part: Detections, view: NDArray[np.int32], scale: tuple[float, float]) -> Detections:
    """Detections of a view in pixels of the image, clipped to the view."""
    if not len(part):
        return part
    left, top, right, bottom = (float(value) for value in view)
    xyxy = part.xyxy * np.array([*scale, *scale], np.float32)
    xyxy += np.array([left, top, left, top], np.float32)
    xyxy = xyxy.clip([left, top, left, top], [right, bottom, right, bottom]).astype(np.float32)
    # Padding beside a small image holds nothing: what lies there alone is clipped to no area.
    solid = (xyxy[:, 2] > xyxy[:, 0]) & (xyxy[:, 3] > xyxy[:, 1])
    placed = Detections(xyxy=xyxy, confidence=part.confidence, class_id=part.class_id)
    return placed.select(solid)
