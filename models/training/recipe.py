"""How a network is taught: the figures that make one training differ from another."""

from __future__ import annotations

import math
from dataclasses import dataclass

_LEAST_RATE = 0.05
"""The learning rate ends at this share of its height."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
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

    def rate(self, step: int) -> float:
        """The learning rate of a step: a straight rise, then half a cosine down."""
        if step < self.warm_up:
            return self.learning_rate * (step + 1) / self.warm_up
        done = (step - self.warm_up) / max(self.steps - self.warm_up, 1)
        share = _LEAST_RATE + (1 - _LEAST_RATE) * (1 + math.cos(math.pi * done)) / 2
        return self.learning_rate * share


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
