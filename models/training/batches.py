"""Batches drawn from pieces: crops, flips, scales and colours by chance, the same for a seed.

A batch is a function of the seed and its number alone. So training that was stopped goes on with
the very batch that it would have seen, and no state of a generator needs to be kept.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from models.evaluation.labels import Boxes
from models.tiles.tiling import PADDING
from models.training.pieces import PHOTOGRAPHED, WITHOUT_OBJECTS, Kind, Piece, clip_objects

_LEAST_OBJECT_PX = 4.0
"""A shorter object cannot be learned; it is painted over."""

_WHOLE_SHARE = 0.25
"""Crops at the scale of the detector's view of the whole frame."""

_AIMED_SHARE = 0.8
"""Crops that are made to show an object, or what was taken for one."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Batch:
    """What one step of training looks at.

    Attributes:
        tiles: (B, S, S, 3) uint8 RGB.
        xyxy: (N, 4) float64 objects of all tiles, pixels of their tile.
        class_id: (N,) int32.
        tile: (N,) int32 the tile each object is in.
        photographed: (B,) bool whether each tile is of a photograph with objects.
        empty: (B,) bool whether each tile is of ground that shows nothing to be found.
    """

    tiles: NDArray[np.uint8]
    xyxy: Boxes
    class_id: NDArray[np.int32]
    tile: NDArray[np.int32]
    photographed: NDArray[np.bool_]
    empty: NDArray[np.bool_]


class BatchSource:
    """Draws batches from pieces."""

    def __init__(
        self,
        pieces: Sequence[Piece],
        shares: Mapping[Kind, float],
        *,
        tile_px: int,
        whole_px: int,
        batch: int,
        seed: int,
    ) -> None:
        """Sort the pieces by kind.

        Args:
            pieces: what there is.
            shares: how much of a batch each kind is; kinds without pieces leave theirs to others.
            tile_px: side of a tile, pixels.
            whole_px: longer side of the detector's view of a whole frame, pixels.
            batch: tiles in a batch.
            seed: of everything drawn by chance.

        Raises:
            ValueError: there is no piece of any kind that has a share.
        """
        self._by_kind: dict[Kind, list[Piece]] = {}
        for piece in pieces:
            if shares.get(piece.kind, 0) > 0:
                self._by_kind.setdefault(piece.kind, []).append(piece)
        if not self._by_kind:
            raise ValueError("there is nothing to learn from")
        self._kinds = sorted(self._by_kind)
        weights = np.array([shares[kind] for kind in self._kinds])
        self._weights = weights / weights.sum()
        self._tile_px = tile_px
        self._whole_px = whole_px
        self._batch = batch
        self._seed = seed

    def batch(self, number: int) -> Batch:
        """The batch of a number, always the same."""
        chance = np.random.default_rng([self._seed, number])
        tiles, boxes, classes, owners, photographed, empty = [], [], [], [], [], []
        # Shares are met exactly over time and nearly in each batch: one draw for all slots.
        at = (np.arange(self._batch) + chance.uniform()) / self._batch
        kinds = np.searchsorted(np.cumsum(self._weights)[:-1], at, side="right")
        for slot, kind in enumerate(kinds):
            pool = self._by_kind[self._kinds[int(kind)]]
            piece = pool[int(chance.integers(len(pool)))]
            tile, xyxy, class_id = draw_tile(piece, self._tile_px, self._whole_px, chance)
            tiles.append(tile)
            boxes.append(xyxy)
            classes.append(class_id)
            owners.append(np.full(len(xyxy), slot, np.int32))
            photographed.append(piece.kind in PHOTOGRAPHED)
            empty.append(piece.kind in WITHOUT_OBJECTS)
        return Batch(
            tiles=np.stack(tiles),
            xyxy=np.concatenate(boxes),
            class_id=np.concatenate(classes),
            tile=np.concatenate(owners),
            photographed=np.array(photographed, np.bool_),
            empty=np.array(empty, np.bool_),
        )


def draw_tile(
    piece: Piece, tile_px: int, whole_px: int, chance: np.random.Generator
) -> tuple[NDArray[np.uint8], Boxes, NDArray[np.int32]]:
    """A crop of a piece at a scale by chance, mirrored and tinted by chance.

    A tile is small, and most are aimed at what there is to learn: an object, or a place that was
    taken for one. Of bare ground that nothing is seen in a few are enough.

    Returns:
        (S, S, 3) RGB, (N, 4) objects in its pixels, (N,) their classes.
    """
    height, width = piece.pixels.shape[:2]
    spread = 1.8 if piece.kind in WITHOUT_OBJECTS else 1.3
    scale = math.exp(chance.uniform(-math.log(spread), math.log(spread)))
    if chance.uniform() < _WHOLE_SHARE and max(height, width) > whole_px:
        scale *= whole_px / max(height, width)
    # The part of the piece that becomes the tile.
    wide = min(width, max(round(tile_px / scale), 1))
    high = min(height, max(round(tile_px / scale), 1))
    left, top = _corner(piece, wide, high, chance)
    part = piece.pixels[top : top + high, left : left + wide].copy()
    xyxy, which = clip_objects(piece.xyxy, (left, top, left + wide, top + high), part)
    columns, rows = min(tile_px, round(wide * scale)), min(tile_px, round(high * scale))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    part = np.asarray(cv2.resize(part, (max(columns, 1), max(rows, 1)), interpolation=way))
    xyxy = xyxy * np.array([part.shape[1] / wide, part.shape[0] / high] * 2)
    small = (xyxy[:, 2:] - xyxy[:, :2]).max(axis=1) < _LEAST_OBJECT_PX
    for x0, y0, x1, y1 in xyxy[small]:
        part[math.floor(y0) : math.ceil(y1), math.floor(x0) : math.ceil(x1)] = PADDING
    xyxy, which = xyxy[~small], which[~small]
    if chance.uniform() < 0.5:
        part = part[:, ::-1]
        xyxy = np.stack(
            [part.shape[1] - xyxy[:, 2], xyxy[:, 1], part.shape[1] - xyxy[:, 0], xyxy[:, 3]], axis=1
        )
    if not len(xyxy):
        part = np.rot90(part, int(chance.integers(4)))
    tile = np.full((tile_px, tile_px, 3), PADDING, np.uint8)
    tile[: part.shape[0], : part.shape[1]] = tinted(part, piece.kind, chance)
    return tile, xyxy, piece.class_id[which]


def _corner(piece: Piece, wide: int, high: int, chance: np.random.Generator) -> tuple[int, int]:
    """Left and top of a crop."""
    height, width = piece.pixels.shape[:2]
    left, top = int(chance.integers(width - wide + 1)), int(chance.integers(height - high + 1))
    aims = np.concatenate([piece.xyxy, piece.mistaken])
    if len(aims) and chance.uniform() < _AIMED_SHARE:
        box = aims[int(chance.integers(len(aims)))]
        x, y = (box[:2] + box[2:]) / 2
        left = int(np.clip(x - chance.uniform(0.1, 0.9) * wide, 0, width - wide))
        top = int(np.clip(y - chance.uniform(0.1, 0.9) * high, 0, height - high))
    return left, top


def tinted(pixels: NDArray[np.uint8], kind: Kind, chance: np.random.Generator) -> NDArray[np.uint8]:
    """Pixels under another light; ground without objects also in other seasons and films."""
    strong = kind in WITHOUT_OBJECTS
    shown = np.ascontiguousarray(pixels)
    if kind == "thermal":
        gain, lift = chance.uniform(0.8, 1.25), chance.uniform(-18, 18)
        grey = shown.astype(np.float32)
        return np.asarray(np.clip((grey - 127) * gain + 127 + lift, 0, 255), np.uint8)
    if strong and chance.uniform() < 0.3:
        # Colour-infrared film and odd white balances: vegetation in another channel.
        shown = np.ascontiguousarray(shown[..., chance.permutation(3)])
    if strong and chance.uniform() < 0.1:
        shown = np.repeat(shown.mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2)
    hsv = cv2.cvtColor(shown, cv2.COLOR_RGB2HSV)
    hue, sat, val = (30, 0.5, 0.4) if strong else (4, 0.4, 0.3)
    turn = int(chance.integers(-hue, hue + 1))
    levels = np.arange(256, dtype=np.float32)
    hsv = cv2.merge(
        [
            cv2.LUT(hsv[..., 0], np.asarray((np.arange(256) + turn) % 180, np.uint8)),
            cv2.LUT(hsv[..., 1], _clipped(levels * chance.uniform(1 - sat, 1 + sat))),
            cv2.LUT(hsv[..., 2], _clipped(levels * chance.uniform(1 - val, 1 + val))),
        ]
    )
    return np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB), np.uint8)


def _clipped(levels: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.asarray(np.clip(levels, 0, 255), np.uint8)
