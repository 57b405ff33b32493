"""A detector that looks at an image in overlapping tiles."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from models.detections import Detections
from models.detector import DetectionParameters, DetectorIdentity, WindowSearch
from models.merging import OVERVIEW_LEAST_PX, merge
from models.pixel_source import PixelSource
from models.taxonomy import group_index
from models.tiling import (
    PADDING,
    TilePlan,
    asked_of,
    cut_tile,
    pad_square,
    plan_full_scale,
    scaled_size,
    tile_grid,
    tile_starts,
)

ASKED_CONFIDENCE = 0.05
"""Least confidence of a view's box that has a say about what others show."""

_WINDOW_PX = 4096
"""Longest side of a window that is read at once: its border, read twice, is 6 % of it."""

_OVERVIEW_LARGEST_PX = 64_000_000
"""In a larger image nothing that is looked for fills as much of the reduced whole as is needed."""

_MASK_STEP = 4
"""Masks of half-empty tiles are kept at this reduction until their detections come back."""

_LEAST_DATA = 0.5
"""Least share of a box that must hold data."""


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
        side = self.identity.input_px
        if plan is None:
            plan = plan_full_scale(width, height, side, parameters.tile_overlap)
        if not len(plan.views):
            return Detections.empty()
        frame = np.array([0, 0, width, height], np.int32)
        # A single tile is the whole frame already.
        if parameters.whole_frame and not (plan.views == frame).all(axis=1).any():
            plan = _with_overview(plan, frame, side)
        results = self._engine.infer(
            (
                _scaled_tile(image, view, float(scale), side)
                for view, scale in zip(plan.views, plan.scale, strict=True)
            ),
            min(ASKED_CONFIDENCE, float(thresholds.min())),
        )
        parts = [
            _place(part, view, float(scale), side)
            for part, view, scale in zip(results, plan.views, plan.scale, strict=True)
        ]
        if plan.demand is not None:
            parts = [
                part
                if least > 0 or not len(part)
                else part.select(asked_of(plan.demand, part.xyxy, float(scale)))
                for part, scale, least in zip(parts, plan.scale, plan.least_px, strict=True)
            ]
        found = merge(
            parts,
            plan.views,
            self._groups,
            frame=frame,
            least_px=plan.least_px,
            scale=plan.scale,
            demand=plan.demand,
        )
        return _counting(found, thresholds)

    def detect_windows(self, source: PixelSource, parameters: DetectionParameters) -> WindowSearch:
        """Detections in an image of any size, read window by window in bounded memory.

        The answer is that of `detect` on the whole image where all of it holds data. Tiles without
        data are left out; what lies mostly where there is no data is no detection. The reduced
        whole is looked at up to 64 megapixels only.

        Args:
            source: the image.
            parameters: thresholds and tiling.

        Raises:
            EngineError: the engine failed or did not answer in time.
            ValueError: a parameter is out of range.
        """
        thresholds = _thresholds(parameters, self._identity)
        width, height = source.width_px, source.height_px
        side = self.identity.input_px
        tiles = len(tile_grid(width, height, side, parameters.tile_overlap))
        seen = _Seen()
        overview = parameters.whole_frame and tiles > 1 and width * height <= _OVERVIEW_LARGEST_PX
        results = self._engine.infer(
            _window_squares(source, side, parameters.tile_overlap, seen, overview=overview),
            min(ASKED_CONFIDENCE, float(thresholds.min())),
        )
        views = np.array(seen.views, np.int32).reshape(-1, 4)
        scales = np.ones(len(views), np.float64)
        if overview and len(views):
            scales[-1] = side / max(width, height)
        parts: list[Detections] = []
        for part, view, mask, scale in zip(results, views, seen.masks, scales, strict=True):
            placed = _place(part, view, float(scale), side)
            parts.append(placed if mask is None else _with_data(placed, view, mask))
        frame = np.array([0, 0, width, height], np.int32)
        # The whole in one tile at full scale looks at nothing once more.
        whole = (views == frame).all(axis=1) & (len(views) > 1)
        least_px = np.where(whole, OVERVIEW_LEAST_PX, 0.0)
        found = merge(parts, views, self._groups, frame=frame, least_px=least_px, scale=scales)
        return WindowSearch(
            detections=_counting(found, thresholds), tiles=tiles, empty_tiles=seen.empty
        )


@dataclass(kw_only=True, slots=True)
class _Seen:
    """What has been given to the engine, in its order.

    Attributes:
        views: left, top, right, bottom of each tile.
        masks: of each tile at a reduction of `_MASK_STEP`; None where all holds data.
        empty: tiles left out.
    """

    views: list[NDArray[np.int32]] = field(default_factory=list)
    masks: list[NDArray[np.bool_] | None] = field(default_factory=list)
    empty: int = 0


def _thresholds(parameters: DetectionParameters, identity: DetectorIdentity) -> NDArray[np.float32]:
    """(K,) least confidence of each category."""
    least = parameters.min_confidence
    if least is not None and not 0 <= least <= 1:
        raise ValueError(f"min_confidence is 0 to 1, not {least}")
    return parameters.thresholds(identity)


def _counting(found: Detections, thresholds: NDArray[np.float32]) -> Detections:
    """The detections that reach the threshold of their category."""
    return found.select(found.confidence >= thresholds[found.class_id])


def _window_squares(
    source: PixelSource, side_px: int, overlap: float, seen: _Seen, *, overview: bool
) -> Iterator[NDArray[np.uint8]]:
    """What the network looks at, noted in `seen` as it is drawn."""
    width, height = source.width_px, source.height_px
    columns, rows = (tile_starts(length, side_px, overlap) for length in (width, height))
    wide = width if source.reads_whole_rows else _WINDOW_PX
    tall = max(side_px, min(_WINDOW_PX, _WINDOW_PX * _WINDOW_PX // max(wide, 1)))
    any_data = False
    for tops in _runs(rows, side_px, tall):
        for lefts in _runs(columns, side_px, wide):
            left, top = int(lefts[0]), int(tops[0])
            right, bottom = (
                min(int(lefts[-1]) + side_px, width),
                min(int(tops[-1]) + side_px, height),
            )
            rgb, mask = source.read_window(left, top, right, bottom)
            for y, x in ((y, x) for y in tops for x in lefts):
                tile = np.array([x, y, min(x + side_px, width), min(y + side_px, height)], np.int32)
                local = tile - np.array([left, top, left, top], np.int32)
                square = cut_tile(rgb, local, side_px)
                kept: NDArray[np.bool_] | None = None
                if mask is not None:
                    data = mask[local[1] : local[3], local[0] : local[2]]
                    if not data.any():
                        seen.empty += 1
                        continue
                    if not data.all():
                        square = square.copy()
                        square[: data.shape[0], : data.shape[1]][~data] = PADDING
                        kept = data[::_MASK_STEP, ::_MASK_STEP].copy()
                any_data = True
                seen.views.append(tile)
                seen.masks.append(kept)
                yield square
    if overview and any_data:
        rgb, mask = source.read_window(0, 0, width, height)
        kept = None
        if mask is not None and not mask.all():
            rgb = np.where(mask[..., None], rgb, np.uint8(PADDING))
            kept = mask[::_MASK_STEP, ::_MASK_STEP].copy()
        size = scaled_size(width, height, side_px / max(width, height), side_px)
        seen.views.append(np.array([0, 0, width, height], np.int32))
        seen.masks.append(kept)
        yield pad_square(
            np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8), side_px
        )


def _runs(starts: NDArray[np.int32], side_px: int, longest_px: int) -> list[NDArray[np.int32]]:
    """Neighbouring tiles along an axis, as many at a time as a window may hold."""
    runs, first = [], 0
    for index in range(1, len(starts) + 1):
        if index == len(starts) or starts[index] + side_px - starts[first] > longest_px:
            runs.append(starts[first:index])
            first = index
    return runs


def _with_data(part: Detections, view: NDArray[np.int32], mask: NDArray[np.bool_]) -> Detections:
    """The detections of a view of which at least half the box holds data."""
    kept = np.ones(len(part), np.bool_)
    for index, box in enumerate(part.xyxy):
        left, top = ((box[:2] - view[:2]) / _MASK_STEP).astype(int)
        right, bottom = np.ceil((box[2:] - view[:2]) / _MASK_STEP).astype(int)
        inside = mask[top : max(bottom, top + 1), left : max(right, left + 1)]
        kept[index] = inside.size > 0 and bool(inside.mean() >= _LEAST_DATA)
    return part.select(kept)


_BEFORE_OVERVIEW = 6
"""Tiles that are given before the whole frame: they are computed while it is reduced."""


def _with_overview(plan: TilePlan, frame: NDArray[np.int32], side_px: int) -> TilePlan:
    """A plan with one view more: the whole frame, its longer side as long as a tile."""
    at = min(_BEFORE_OVERVIEW, len(plan.views))
    return replace(
        plan,
        views=np.insert(plan.views, at, frame, axis=0),
        scale=np.insert(plan.scale, at, side_px / int(frame[2:].max())),
        least_px=np.insert(plan.least_px, at, OVERVIEW_LEAST_PX),
    )


def _scaled_tile(
    image: NDArray[np.uint8], tile: NDArray[np.int32], scale: float, tile_px: int
) -> NDArray[np.uint8]:
    """One tile of an image at a scale of its own.

    Args:
        image: (height, width, 3).
        tile: (4,) left, top, right, bottom in pixels of the image.
        scale: pixels to return for one of the image.
        tile_px: side of the square to return.

    Returns:
        (tile_px, tile_px, 3): as `cut_tile` at full scale, else a copy.
    """
    if scale == 1.0:
        return cut_tile(image, tile, tile_px)
    left, top, right, bottom = (int(value) for value in tile)
    size = scaled_size(right - left, bottom - top, scale, tile_px)
    # Area averaging: plain interpolation skips pixels where it reduces much, and aliases.
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    part = np.asarray(cv2.resize(image[top:bottom, left:right], size, interpolation=way), np.uint8)
    return part if part.shape[:2] == (tile_px, tile_px) else pad_square(part, tile_px)


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
