"""A detector that looks at an image in overlapping tiles."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.detections import Detections
from models.detector import DetectionParameters, DetectorIdentity, WindowSearch
from models.pixel_source import PixelSource
from models.taxonomy import group_index
from models.tiles.merging import merge
from models.tiles.tile_pixels import scaled_tile
from models.tiles.tile_plan import TilePlan, asked_of, plan_full_scale, with_whole
from models.tiles.tile_windows import TilesRead, read_tiles, with_data
from models.tiles.tiling import scaled_size

ASKED_CONFIDENCE = 0.05
"""Least confidence of a view's box that has a say about what others show."""

_BEFORE_OVERVIEW = 6
"""Tiles that are given before the whole frame: they are computed while it is reduced."""


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

    def __init__(
        self, engine: Engine, *, version: str = "", thresholds: Mapping[str, float] | None = None
    ) -> None:
        """Wrap an engine.

        Args:
            engine: runs the network.
            version: of the model in the catalogue.
            thresholds: by category, as its card says.
        """
        self._engine = engine
        self._groups = group_index(engine.identity.categories)
        self._identity = replace(
            engine.identity, version=version, thresholds=dict(thresholds or {})
        )

    @property
    def identity(self) -> DetectorIdentity:
        """What this detector is."""
        return self._identity

    def detect(
        self,
        image: NDArray[np.uint8],
        parameters: DetectionParameters,
        plan: TilePlan | None = None,
    ) -> Detections:
        """Detections in an image.

        Args:
            image: (height, width, 3) RGB.
            parameters: thresholds and tiling.
            plan: which tiles to look at and at which scales; all at full scale without one.

        Returns:
            Merged detections in pixels of the image, in descending order of confidence.

        Raises:
            EngineError: the engine failed or did not answer in time.
            ValueError: the image is not an array of RGB bytes, or a parameter is out of range.
        """
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
            raise ValueError(f"an image is (height, width, 3) uint8, not {image.shape}")
        thresholds = _thresholds(parameters, self._identity)
        height, width = image.shape[:2]
        plan = self._planned(plan, width, height, parameters)
        side = self.identity.input_px
        results = self._engine.infer(
            (
                scaled_tile(image, view, float(scale), side)
                for view, scale in zip(plan.views, plan.scale, strict=True)
            ),
            min(ASKED_CONFIDENCE, float(thresholds.min())),
        )
        parts = [
            _place(part, view, float(scale), side)
            for part, view, scale in zip(results, plan.views, plan.scale, strict=True)
        ]
        return _counting(self._merged(parts, plan, width, height), thresholds)

    def detect_windows(
        self,
        source: PixelSource,
        parameters: DetectionParameters,
        plan: TilePlan | None = None,
    ) -> WindowSearch:
        """Detections in an image of any size, read window by window in bounded memory.

        The answer is that of `detect` on the whole image where all of it holds data. Tiles without
        data are left out; what lies mostly where there is no data is no detection.

        Args:
            source: the image.
            parameters: thresholds and tiling.
            plan: which tiles to look at and at which scales; all at full scale without one.

        Raises:
            EngineError: the engine failed or did not answer in time.
            ValueError: a parameter is out of range.
        """
        thresholds = _thresholds(parameters, self._identity)
        width, height = source.width_px, source.height_px
        plan = self._planned(plan, width, height, parameters)
        side = self.identity.input_px
        read = TilesRead()
        results = self._engine.infer(
            read_tiles(source, plan, side, read), min(ASKED_CONFIDENCE, float(thresholds.min()))
        )
        tiles = len(plan.views)
        plan = replace(
            plan,
            views=plan.views[read.numbers],
            scale=plan.scale[read.numbers],
            least_px=plan.least_px[read.numbers],
        )
        parts = [
            with_data(_place(part, view, float(scale), side), view, mask)
            for part, view, scale, mask in zip(
                results, plan.views, plan.scale, read.masks, strict=True
            )
        ]
        return WindowSearch(
            detections=_counting(self._merged(parts, plan, width, height), thresholds),
            tiles=tiles,
            empty_tiles=read.empty,
        )

    def _planned(
        self,
        plan: TilePlan | None,
        width: int,
        height: int,
        parameters: DetectionParameters,
    ) -> TilePlan:
        """The plan, or the whole image at full scale, with the whole frame where that is asked."""
        side = self.identity.input_px
        if plan is None:
            plan = plan_full_scale(width, height, side, parameters.tile_overlap)
        if not parameters.whole_frame:
            return plan
        return with_whole(plan, width, height, side, _BEFORE_OVERVIEW)

    def _merged(
        self, parts: Sequence[Detections], plan: TilePlan, width: int, height: int
    ) -> Detections:
        """What the views of a plan show, each object once."""
        if plan.demand is not None:
            parts = [
                part.select(asked_of(plan.demand, part.xyxy, float(scale))) if len(part) else part
                for part, scale in zip(parts, plan.scale, strict=True)
            ]
        return merge(
            parts,
            plan.views,
            self._groups,
            frame=np.array([0, 0, width, height], np.int32),
            least_px=plan.least_px,
            scale=plan.scale,
            demand=plan.demand,
        )


def _thresholds(parameters: DetectionParameters, identity: DetectorIdentity) -> NDArray[np.float32]:
    """(K,) least confidence of each category."""
    least = parameters.min_confidence
    if least is not None and not 0 <= least <= 1:
        raise ValueError(f"min_confidence is 0 to 1, not {least}")
    return parameters.thresholds(identity)


def _counting(found: Detections, thresholds: NDArray[np.float32]) -> Detections:
    """The detections that reach the threshold of their category."""
    return found.select(found.confidence >= thresholds[found.class_id])


def _place(part: Detections, view: NDArray[np.int32], scale: float, side_px: int) -> Detections:
    """Detections of a view in pixels of the image, clipped to the view."""
    if not len(part):
        return part
    left, top, right, bottom = (float(value) for value in view)
    xyxy = part.xyxy
    if scale != 1.0:
        # A part of an image is resized to whole pixels, so the scales along x and y differ a bit.
        columns, rows = scaled_size(int(right - left), int(bottom - top), scale, side_px)
        per_pixel = ((right - left) / columns, (bottom - top) / rows)
        xyxy = xyxy * np.array([*per_pixel, *per_pixel], np.float32)
    xyxy = xyxy + np.array([left, top, left, top], np.float32)
    xyxy = xyxy.clip([left, top, left, top], [right, bottom, right, bottom]).astype(np.float32)
    # Padding beside a small image holds nothing: what lies there alone is clipped to no area.
    solid = (xyxy[:, 2] > xyxy[:, 0]) & (xyxy[:, 3] > xyxy[:, 1])
    placed = Detections(xyxy=xyxy, confidence=part.confidence, class_id=part.class_id)
    return placed.select(solid)
