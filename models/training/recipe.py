"""How a network is taught: the figures that make one training differ from another."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

_LEAST_RATE = 0.05
"""The learning rate ends at this share of its height."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Pace:
    """What changes from step to step, whatever is taught."""

    steps: int
    learning_rate: float
    warm_up: int
    mean_keeps: float

    def rate(self, step: int) -> float:
        """The learning rate of a step: a straight rise, then half a cosine down."""
        if step < self.warm_up:
            return self.learning_rate * (step + 1) / self.warm_up
        done = (step - self.warm_up) / max(self.steps - self.warm_up, 1)
        share = _LEAST_RATE + (1 - _LEAST_RATE) * (1 + math.cos(math.pi * done)) / 2
        return self.learning_rate * share

    def mean_kept(self, step: int) -> float:
        """How much of the running mean a step leaves: less while it is of few steps."""
        return min(self.mean_keeps, (1 + step) / (10 + step))


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe(_Pace):
    """The settings of one training.

    Attributes:
        steps: batches to learn from.
        batch: tiles in a batch.
        tile_px: side of a tile, pixels; a multiple of 32.
        learning_rate: of AdamW at its height.
        warm_up: steps until it is reached.
        frozen_layers: layers from the input on that are left as they are.
        start_holds: weight of the loss of differing from the start on photographs with objects.
        mean_keeps: how much of the running mean of the weights a step leaves.
        seed: of everything drawn by chance.
    """

    steps: int
    batch: int = 8
    tile_px: int = 480
    learning_rate: float = 1e-4
    warm_up: int = 30
    frozen_layers: int = 5
    start_holds: float = 1.0
    mean_keeps: float = 0.998
    seed: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class ClassRecipe(_Pace):
    """The settings of teaching the class branches alone, on features that stay.

    Attributes:
        steps: batches to learn from; 0 leaves the branches as they are.
        tiles: tiles whose features are kept in memory, about 0.4 MB each at 320 pixels.
        batch: tiles in a batch.
        tile_px: side of a tile, pixels; a multiple of 32.
        learning_rate: of AdamW at its height.
        warm_up: steps until it is reached.
        start_holds: weight of the loss of differing from the start where there may be objects.
        labels_teach: weight of the loss of differing from the labels.
        empty_teaches: weight of the loss of seeing anything on empty ground.
        people_count: how much more the first and the last count for classes of people, which are
            small, and what most of empty ground is taken for.
        mean_keeps: how much of the running mean of the weights a step leaves.
        seed: of everything drawn by chance.
    """

    steps: int
    tiles: int = 2800
    batch: int = 32
    tile_px: int = 320
    learning_rate: float = 1e-3
    warm_up: int = 20
    start_holds: float = 2.0
    labels_teach: float = 0.1
    empty_teaches: float = 2.0
    people_count: float = 2.0
    mean_keeps: float = 0.99
    seed: int = 0


class Mixture(NamedTuple):
    """How much of the learned weights is kept, 0 to 1; the rest is of the start.

    Attributes:
        backbone: of the layers that see what is there, before those that weigh it.
        rest: of the others.
    """

    backbone: float
    rest: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """What a step came to.

    Attributes:
        number: steps taken.
        of: steps there are.
        loss: of its batch, by tile.
    """

    number: int
    of: int
    loss: float
