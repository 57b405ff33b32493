"""Pieces of labelled images, at the scale at which a network is to learn them.

A photograph is too large for a batch, and shows its objects at a scale of its own. It is resampled
so that a car has a length the model's card allows, and cut into pieces that overlap; regions that
nobody labelled are painted over, so that what lies there teaches nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from models.evaluation.labels import Boxes, LabelledImage
from models.taxonomy import GROUPS, ClassMap
from models.tiles.tiling import PADDING, tile_starts

PIECE_PX = 1280
"""Longest side of a piece: twice a tile, so that a crop has somewhere to move."""

CAR_M = 4.5
"""Length of a car on the ground, metres."""

Kind: TypeAlias = Literal["colour", "thermal", "empty", "dismissed", "rendered", "rendered_empty"]
"""What a piece is for; a batch holds a share of each."""

WITHOUT_OBJECTS: frozenset[Kind] = frozenset({"empty", "dismissed", "rendered_empty"})
"""Kinds that show nothing to be found."""

PHOTOGRAPHED: frozenset[Kind] = frozenset({"colour", "thermal"})
"""Kinds that show real objects."""

_OVERLAP = 0.25
_LEAST_SEEN = 0.35
"""An object of which less lies in a piece is painted over instead."""

_GREY_SPREAD = 6.0
"""Mean difference of an image's channels below which it is thermal or black and white."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Piece:
    """A part of an image and the objects in it.

    Attributes:
        name: of the image, and where the piece begins in it.
        kind: what it is for.
        pixels: (height, width, 3) uint8 RGB.
        xyxy: (N, 4) float64 left, top, right, bottom of each object, pixels of the piece.
        class_id: (N,) int32 number of each object's class in the network.
        mistaken: (M, 4) float64 places that a network took for objects and that are none.
    """

    name: str
    kind: Kind
    pixels: NDArray[np.uint8]
    xyxy: Boxes
    class_id: NDArray[np.int32]
    mistaken: Boxes = field(default_factory=lambda: np.zeros((0, 4)))


def learning_scale(image: LabelledImage, car_px: tuple[int, int]) -> float:
    """By how much an image is resampled before it is cut.

    Where the ground sampling is known, a car is brought to the nearest length that the model's
    card allows; elsewhere the image stays as it is.

    Args:
        image: the image.
        car_px: shortest and longest car, pixels.
    """
    if image.gsd_m is None:
        return 1.0
    length = CAR_M / image.gsd_m
    shortest, longest = car_px
    return min(max(length, shortest), longest) / length


def class_numbers(image: LabelledImage, class_map: ClassMap) -> NDArray[np.int32]:
    """(N,) the network's class of each object of an image.

    The set's own word is taken where the network has a class of that name; else the first class
    of the object's category; for an object of which only the group is known, the first class of
    the group's commonest category (a car is the commonest vehicle).

    Raises:
        ValueError: the network has no class of an object's category.
    """
    by_word = {name: number for number, name in enumerate(class_map.classes)}
    by_category: dict[str, int] = {}
    for number, place in enumerate(class_map.index):
        by_category.setdefault(class_map.categories[place], number)
    for group, members in GROUPS.items():
        usual = [*(name for name in ("person", "car") if name in members), *members]
        known = [by_category[name] for name in usual if name in by_category]
        if known:
            by_category.setdefault(group, known[0])
    numbers = []
    for word, name in zip(image.words or image.names, image.names, strict=True):
        if word not in by_word and name not in by_category:
            raise ValueError(f"the network has no class for {name!r}")
        numbers.append(by_word[word] if word in by_word else by_category[name])
    return np.array(numbers, np.int32)


def cut_pieces(
    image: LabelledImage,
    pixels: NDArray[np.uint8],
    class_map: ClassMap,
    *,
    car_px: tuple[int, int],
    kind: Kind | None = None,
    piece_px: int = PIECE_PX,
) -> list[Piece]:
    """The pieces of one image, row by row.

    Args:
        image: its labels.
        pixels: (height, width, 3) RGB.
        class_map: of the network.
        car_px: shortest and longest car that the network is to learn, pixels.
        kind: what the pieces are for; told from labels and colours without one.
        piece_px: longest side of a piece, pixels.
    """
    import cv2

    scale = learning_scale(image, car_px)
    painted = pixels.copy()
    keep = np.ones(len(image.xyxy), np.bool_)
    for left, top, right, bottom in image.ignored:
        inside = _centres_within(image.xyxy, (left, top, right, bottom))
        keep &= ~inside
        painted[math.floor(top) : math.ceil(bottom), math.floor(left) : math.ceil(right)] = PADDING
    if scale != 1.0:
        size = (
            max(round(image.width_px * scale), 1),
            max(round(image.height_px * scale), 1),
        )
        way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        painted = np.asarray(cv2.resize(painted, size, interpolation=way), np.uint8)
    height, width = painted.shape[:2]
    stretch = np.array([width / image.width_px, height / image.height_px] * 2)
    xyxy = image.xyxy[keep] * stretch
    numbers = class_numbers(image, class_map)[keep]
    told = kind or kind_of(pixels, len(image.xyxy))
    pieces = []
    for top in tile_starts(height, piece_px, _OVERLAP):
        for left in tile_starts(width, piece_px, _OVERLAP):
            part = painted[top : top + piece_px, left : left + piece_px].copy()
            boxes, which = clip_objects(
                xyxy,
                (int(left), int(top), int(left) + part.shape[1], int(top) + part.shape[0]),
                part,
            )
            if (part == PADDING).all(axis=2).mean() > 0.9:
                continue
            pieces.append(
                Piece(
                    name=f"{image.path.name}@{left},{top}",
                    kind=told,
                    pixels=part,
                    xyxy=boxes,
                    class_id=numbers[which],
                )
            )
    return pieces


def kind_of(pixels: NDArray[np.uint8], objects: int) -> Kind:
    """What an image is for: it shows nothing, or objects in colour or in grey."""
    if not objects:
        return "empty"
    few = pixels[::8, ::8].astype(np.int16)
    spread = float((few.max(axis=2) - few.min(axis=2)).mean())
    return "thermal" if spread < _GREY_SPREAD else "colour"


def clip_objects(
    xyxy: Boxes, window: tuple[int, int, int, int], part: NDArray[np.uint8]
) -> tuple[Boxes, NDArray[np.intp]]:
    """Objects within a window of an image, in pixels of the window.

    An object of which too little is seen is no truth of the window, and no ground without an
    object either: its part is painted over.

    Args:
        xyxy: (N, 4) of the image.
        window: left, top, right, bottom in pixels of the image.
        part: (h, w, 3) the window's pixels; painted in place.

    Returns:
        (M, 4) boxes, and (M,) which of the N they are.
    """
    left, top, right, bottom = window
    offset = np.array([left, top, left, top])
    limit = np.array([right - left, bottom - top] * 2)
    clipped = np.clip(xyxy - offset, 0, limit)
    sides = np.maximum(clipped[:, 2:] - clipped[:, :2], 0)
    area = np.prod(xyxy[:, 2:] - xyxy[:, :2], axis=1)
    seen = np.prod(sides, axis=1) / np.maximum(area, 1e-9)
    cut = (seen > 0) & (seen < _LEAST_SEEN)
    for x0, y0, x1, y1 in clipped[cut]:
        part[math.floor(y0) : math.ceil(y1), math.floor(x0) : math.ceil(x1)] = PADDING
    which = np.flatnonzero(seen >= _LEAST_SEEN)
    return clipped[which], which


def _centres_within(xyxy: Boxes, region: tuple[float, float, float, float]) -> NDArray[np.bool_]:
    centres = (xyxy[:, :2] + xyxy[:, 2:]) / 2
    return np.asarray(
        ((centres >= np.array(region[:2])) & (centres <= np.array(region[2:]))).all(axis=1)
    )
