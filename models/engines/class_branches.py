"""Teaching only what names things: the class branches of a head, on features that stay.

Most of a network is left as it is, so what it finds where stays as well, and its features of a tile
are computed once. A step is then a tenth of the work of one that teaches the whole network, and
hundreds of them can go into a single question: what here is nothing to be found.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from models.engines.ultralytics_training import adamw, build_network, descend, read_weights
from models.errors import EngineError, ModelRefusedError
from models.training.batches import Batch, BatchSource
from models.training.recipe import ClassRecipe, Step


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """What is kept of one tile, in half floats.

    Attributes:
        features: of each scale of the head, (channels, rows, columns).
        told: (C, A) what the teacher says of each class at each of A places; None of ground that
            shows nothing. Of a made-up picture only at what is labelled: all else is nothing there.
        labelled: (C, A) what the labels say; None likewise.
    """

    features: tuple[Any, ...]
    told: Any
    labelled: Any


class ClassBranchTrainer:
    """The class branches of one network, taught on what the rest of it sees."""

    def __init__(
        self,
        weights: bytes,
        teacher: bytes,
        recipe: ClassRecipe,
        *,
        counts: Sequence[float] = (),
        threads: int | None = None,
    ) -> None:
        """Build both networks.

        Args:
            weights: safetensors of the network that learns, with its description.
            teacher: safetensors of the one whose word holds on photographs with objects.
            recipe: how it is taught.
            counts: by class, how much the teacher's word and empty ground count; 1 without.
            threads: CPU threads of torch in this process; None leaves them as they are.

        Raises:
            ModelRefusedError: the weights describe no network, or two with other classes.
        """
        if threads:
            torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(True, warn_only=True)
        self._recipe = recipe
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        (described, state), (described_teacher, state_teacher) = (
            read_weights(data) for data in (weights, teacher)
        )
        if described["classes"] != described_teacher["classes"]:
            raise ModelRefusedError("the teacher knows other classes than the network")
        self._network = _still(build_network(described, state), self._device)
        self._teacher = _still(build_network(described_teacher, state_teacher), self._device)
        head = self._network.model[-1]
        self._prefix = f"model.{len(self._network.model) - 1}.cv3."
        self._branches = _learning(head.cv3)
        self._mean = _learning(head.cv3)
        weight = torch.tensor(list(counts) or [1.0] * head.nc, device=self._device)
        self._counts = weight[None, :, None]
        self._seen: list[_Seen] = []

    def look(self, source: BatchSource, progress: Callable[[int], None] = lambda _: None) -> None:
        """Draw tiles until there are as many as the recipe asks for, and keep what is seen in them.

        Args:
            source: of batches.
            progress: told how many tiles are done.

        Raises:
            EngineError: torch failed, for example for want of memory.
        """
        number = 0
        while len(self._seen) < self._recipe.tiles:
            try:
                self._seen += self._look_at(source.batch(number))
            except RuntimeError as error:
                raise EngineError(f"torch failed on batch {number}: {error}") from error
            number += 1
            progress(min(len(self._seen), self._recipe.tiles))

    def _look_at(self, batch: Batch) -> list[_Seen]:
        pixels = torch.from_numpy(batch.tiles).to(self._device).permute(0, 3, 1, 2).float() / 255
        with torch.no_grad():
            boxes, seen = self._network(pixels)
            told = self._teacher(pixels)[1]["scores"].sigmoid()
        criterion = self._network.init_criterion()
        places, stride = _anchors([level[:1] for level in seen["feats"]], criterion.stride)
        middles = places * stride
        kept = []
        for tile in range(len(batch.tiles)):
            features = tuple(level[tile].half().clone() for level in seen["feats"])
            if batch.empty[tile]:
                kept.append(_Seen(features, None, None))
                continue
            own = batch.tile == tile
            xyxy = torch.from_numpy(batch.xyxy[own]).float().to(self._device)
            classes = torch.from_numpy(batch.class_id[own]).float().to(self._device)
            word = told[tile]
            labelled = torch.zeros_like(word)
            if len(xyxy):
                # The teacher decides between places, so that the assignment stays as they learn.
                centre, half = boxes[tile, :2].T, boxes[tile, 2:4].T / 2
                labelled = criterion.assigner(
                    word.T[None],
                    torch.cat([centre - half, centre + half], dim=1)[None],
                    middles,
                    classes[None, :, None],
                    xyxy[None],
                    torch.ones(1, len(xyxy), 1, dtype=torch.bool, device=self._device),
                )[2][0].T
            if not batch.photographed[tile]:
                word = word * _within(middles, xyxy)
            kept.append(_Seen(features, word.half().clone(), labelled.half()))
        return kept

    def learn(self, progress: Callable[[Step], None] = lambda _: None) -> Mapping[str, Any]:
        """Take all steps.

        Args:
            progress: told of each step.

        Returns:
            The mean of the branches' weights over the steps, by name in the network.

        Raises:
            EngineError: torch failed, or the loss is no number.
        """
        recipe = self._recipe
        chance = np.random.default_rng([recipe.seed, recipe.tiles])
        learned = list(self._branches.parameters())
        optimiser = adamw(learned, recipe.learning_rate)
        for step in range(recipe.steps):
            chosen = chance.integers(len(self._seen), size=recipe.batch)
            try:
                loss = self._loss([self._seen[int(place)] for place in chosen])
                descend(optimiser, learned, loss, recipe.rate(step))
            except RuntimeError as error:
                raise EngineError(f"torch failed at step {step}: {error}") from error
            told = float(loss.detach())
            if not math.isfinite(told):
                raise EngineError(f"the loss is no number at step {step}: lower the learning rate")
            keep = recipe.mean_kept(step)
            with torch.no_grad():
                for mean, value in zip(self._mean.parameters(), learned, strict=True):
                    mean.lerp_(value, 1 - keep)
            progress(Step(number=step + 1, of=recipe.steps, loss=told))
        return {
            self._prefix + name: value.detach().cpu().contiguous()
            for name, value in self._mean.state_dict().items()
        }

    def _loss(self, tiles: list[_Seen]) -> Any:
        recipe, functional = self._recipe, torch.nn.functional
        tiles = sorted(tiles, key=lambda tile: tile.told is None)
        count = sum(tile.told is not None for tile in tiles)
        scores = torch.cat(
            [
                branch(_stacked(tiles, level)).flatten(2)
                for level, branch in enumerate(self._branches)
            ],
            dim=2,
        )
        empty = (functional.softplus(scores[count:]) * self._counts).sum()
        if not count:
            return recipe.empty_teaches * empty / len(tiles)
        told = torch.stack([tile.told for tile in tiles[:count]]).float()
        labelled = torch.stack([tile.labelled for tile in tiles[:count]]).float()
        objects = labelled.sum().clamp(min=1.0)
        shown = scores[:count]
        cross = functional.binary_cross_entropy_with_logits
        differs = cross(shown, told, reduction="none") - functional.binary_cross_entropy(
            told, told, reduction="none"
        )
        held = (differs * self._counts).sum() / told.amax(dim=1).sum().clamp(min=1.0)
        taught = cross(shown, labelled, reduction="sum") / objects
        return (
            recipe.start_holds * held
            + recipe.labels_teach * taught
            + recipe.empty_teaches * empty / objects
        )


def _anchors(levels: list[Any], stride: Any) -> tuple[Any, Any]:
    """(A, 2) middles of all places in cells of their scale, and (A, 1) pixels of such a cell."""
    from ultralytics.utils.tal import make_anchors

    make: Any = make_anchors  # publishes no types
    middles, stride_px = make(levels, stride, 0.5)
    return middles, stride_px


def _within(middles: Any, xyxy: Any) -> Any:
    """(A,) 1 where a place (A, 2) lies in any of the boxes (N, 4), else 0."""
    x, y = middles[:, :1], middles[:, 1:]
    left, top, right, bottom = xyxy.T
    return ((x >= left) & (x <= right) & (y >= top) & (y <= bottom)).any(dim=1).float()


def _still(network: Any, device: Any) -> Any:
    """A network that answers and learns nothing."""
    for value in network.parameters():
        value.requires_grad = False
    return network.to(device).eval()


def _learning(branches: Any) -> Any:
    """A copy of class branches whose weights learn; means of batch norm stay."""
    learning = copy.deepcopy(branches).to(memory_format=torch.channels_last).eval()
    for value in learning.parameters():
        value.requires_grad = True
    return learning


def _stacked(tiles: list[_Seen], level: int) -> Any:
    stacked = torch.stack([tile.features[level] for tile in tiles]).float()
    # Depthwise convolutions take half the time in this order on a CPU.
    return stacked.contiguous(memory_format=torch.channels_last)
