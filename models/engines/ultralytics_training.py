"""Teaching one of ultralytics' networks on torch: its own loss and assignment, steps counted here.

The steps are this product's and not those of ultralytics' trainer, which keeps no promise of going
on with the same batches after a kill, writes settings into the user's home, and asks the network
for files. Starting weights are safetensors, and so is the result.
"""

from __future__ import annotations

import contextlib
import copy
import json
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from models.catalogue.network_description import check_description
from models.errors import EngineError, ModelRefusedError
from models.training.batches import Batch, BatchSource
from models.training.recipe import Mixture, Recipe, Step

# ultralytics logs to the standard output it finds when first imported; answers belong there.
with contextlib.redirect_stdout(sys.stderr):
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load as load_tensors
    from safetensors.torch import save_file
    from ultralytics.cfg import get_cfg
    from ultralytics.nn.tasks import DetectionModel

_WEIGHT_DECAY = 5e-4
_CLIP = 10.0
_CLASS_GAIN, _SIDE_GAIN = 0.5, 1.5
"""As ultralytics weighs the two parts of its own loss."""

_STATE = "state.safetensors"


class NetworkTrainer:
    """One network, its optimiser, and the running mean of its weights."""

    def __init__(self, weights: bytes, recipe: Recipe, threads: int | None = None) -> None:
        """Build the network of starting weights.

        Args:
            weights: safetensors, with the network's description as metadata "architecture".
            recipe: how it is taught.
            threads: CPU threads of torch in this process; None leaves them as they are.

        Raises:
            ModelRefusedError: the weights do not describe a network.
        """
        if threads:
            torch.set_num_threads(threads)
        torch.manual_seed(recipe.seed)
        torch.use_deterministic_algorithms(True, warn_only=True)
        self._recipe = recipe
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._metadata, self._start = read_weights(weights)
        self._network = build_network(self._metadata, self._start).to(self._device)
        self._teacher = _still(copy.deepcopy(self._network)) if recipe.start_holds else None
        _freeze(self._network, recipe.frozen_layers)
        self._learned = [value for value in self._network.parameters() if value.requires_grad]
        self._optimiser = adamw(self._learned, recipe.learning_rate)
        self._mean = {
            name: value.detach().clone().float()
            for name, value in self._network.named_parameters()
            if value.requires_grad
        }
        self.step = 0

    def train(
        self,
        source: BatchSource,
        folder: Path,
        *,
        every: int,
        progress: Callable[[Step], None] = lambda _: None,
    ) -> None:
        """Take the steps that are left, keeping a checkpoint in a folder.

        Args:
            source: of batches; of the recipe's seed.
            folder: for checkpoints.
            every: steps from one to the next.
            progress: told of each step.

        Raises:
            EngineError: torch failed, or the loss is no number.
        """
        recipe = self._recipe
        with ThreadPoolExecutor(1) as ahead:
            waiting = ahead.submit(source.batch, self.step)
            while self.step < recipe.steps:
                batch = waiting.result()
                if self.step + 1 < recipe.steps:
                    waiting = ahead.submit(source.batch, self.step + 1)
                try:
                    loss = self._learn(batch)
                except RuntimeError as error:
                    raise EngineError(f"torch failed at step {self.step}: {error}") from error
                if not math.isfinite(loss):
                    raise EngineError(
                        f"the loss is no number at step {self.step}: lower the learning rate"
                    )
                self.step += 1
                progress(Step(number=self.step, of=recipe.steps, loss=loss))
                if self.step % every == 0 or self.step == recipe.steps:
                    self.save(folder)

    def _learn(self, batch: Batch) -> float:
        network = self._network
        network.train()
        # Few tiles a batch tell little of means and deviations: those of the start stay.
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.eval()
        tensors = self._as_tensors(batch)
        seen = network(tensors["img"])
        loss = network.loss(tensors, seen)[0].sum()
        if self._teacher is not None and batch.photographed.any():
            kept = torch.from_numpy(batch.photographed).to(self._device)
            with torch.no_grad():
                told = self._teacher(tensors["img"][kept])
            loss = loss + self._recipe.start_holds * int(kept.sum()) * _difference(
                seen["scores"][kept], seen["boxes"][kept], told["scores"], told["boxes"]
            )
        descend(self._optimiser, self._learned, loss, self._recipe.rate(self.step))
        keep = self._recipe.mean_kept(self.step)
        with torch.no_grad():
            for name, value in network.named_parameters():
                if name in self._mean:
                    self._mean[name].lerp_(value.float(), 1 - keep)
        return float(loss.detach()) / len(batch.tiles)

    def _as_tensors(self, batch: Batch) -> dict[str, torch.Tensor]:
        """A batch as ultralytics' loss wants it."""
        side = batch.tiles.shape[1]
        xyxy = batch.xyxy / side
        xywh = np.concatenate([(xyxy[:, :2] + xyxy[:, 2:]) / 2, xyxy[:, 2:] - xyxy[:, :2]], axis=1)
        pixels = torch.from_numpy(batch.tiles).to(self._device).permute(0, 3, 1, 2)
        return {
            "img": pixels.float() / 255,
            "batch_idx": torch.from_numpy(batch.tile).float().to(self._device),
            "cls": torch.from_numpy(batch.class_id).float()[:, None].to(self._device),
            "bboxes": torch.from_numpy(xywh).float().to(self._device),
        }

    def save(self, folder: Path) -> None:
        """A checkpoint that `resume` goes on from; the old one stands until the new is whole."""
        folder.mkdir(parents=True, exist_ok=True)
        tensors = {
            f"network.{k}": v.cpu().contiguous() for k, v in self._network.state_dict().items()
        }
        tensors |= {f"mean.{k}": v.cpu().contiguous() for k, v in self._mean.items()}
        for place, state in self._optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{place}.{k}": v.cpu().contiguous() for k, v in state.items()}
        told = {"step": str(self.step), "recipe": json.dumps(asdict(self._recipe), sort_keys=True)}
        fresh = folder / (_STATE + ".new")
        save_file(tensors, fresh, metadata=told)
        fresh.replace(folder / _STATE)

    def resume(self, folder: Path) -> bool:
        """Go on from the checkpoint of a folder; False where there is none.

        Raises:
            ModelRefusedError: it is of another recipe or network.
        """
        path = folder / _STATE
        if not path.is_file():
            return False
        told, tensors = read_weights(path.read_bytes())
        if told.get("recipe") != json.dumps(asdict(self._recipe), sort_keys=True):
            raise ModelRefusedError(
                f"{folder} holds training with other settings; name another folder or remove it"
            )
        part: dict[str, dict[str, Any]] = {"network": {}, "mean": {}, "optimiser": {}}
        for name, value in tensors.items():
            kind, rest = name.split(".", 1)
            part[kind][rest] = value
        self._network.load_state_dict(part["network"])
        self._mean = {name: value.to(self._device) for name, value in part["mean"].items()}
        state: dict[int, dict[str, Any]] = {}
        for name, value in part["optimiser"].items():
            place, key = name.split(".", 1)
            state.setdefault(int(place), {})[key] = value
        groups = self._optimiser.state_dict()["param_groups"]
        self._optimiser.load_state_dict({"state": state, "param_groups": groups})
        self.step = int(told["step"])
        return True

    def result(
        self,
        mixture: Mixture,
        lift: Sequence[float] = (),
        branches: Mapping[str, Any] = MappingProxyType({}),
    ) -> dict[str, Any]:
        """The mean of the weights since the start, mixed with the starting weights.

        Args:
            mixture: how much of the mean; what is left is of the start.
            lift: by class, what is added to the logit of its confidence.
            branches: tensors by name that were taught on their own, in place of the mixed ones.
        """
        backbone = len(json.loads(self._metadata["architecture"])["backbone"])

        def mix(name: str, old: Any) -> Any:
            if name not in self._mean:
                return old
            share = mixture.backbone if int(name.split(".")[1]) < backbone else mixture.rest
            return (1 - share) * old.float() + share * self._mean[name].cpu()

        mixed = {name: mix(name, value) for name, value in self._start.items()} | dict(branches)
        if any(lift):
            # The last layer of each of the head's class branches has a bias for each class.
            head = f"model.{len(self._network.model) - 1}.cv3."
            shift = torch.tensor(lift, dtype=torch.float32)
            for name, value in mixed.items():
                if name.startswith(head) and name.endswith(".2.bias"):
                    mixed[name] = value.float() + shift
        return mixed

    def write(
        self,
        path: Path,
        mixture: Mixture,
        lift: Sequence[float] = (),
        branches: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        """The result as safetensors of half floats, as the catalogue and the engine read them.

        Args:
            path: the file.
            mixture: see `result`.
            lift: see `result`.
            branches: see `result`.
        """
        state = {
            name: (value.half() if value.is_floating_point() else value).contiguous()
            for name, value in self.result(mixture, lift, branches).items()
        }
        save_file(state, path, metadata=self._metadata)


def adamw(learned: Sequence[Any], learning_rate: float) -> Any:
    """AdamW that makes weights decay, but neither biases nor the scales of batch norm."""
    return torch.optim.AdamW(
        [
            {"params": [v for v in learned if v.ndim > 1], "weight_decay": _WEIGHT_DECAY},
            {"params": [v for v in learned if v.ndim <= 1], "weight_decay": 0.0},
        ],
        lr=learning_rate,
    )


def descend(optimiser: Any, learned: Sequence[Any], loss: Any, rate: float) -> None:
    """One step of an optimiser down a loss, with gradients cut to a length."""
    for group in optimiser.param_groups:
        group["lr"] = rate
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(learned, _CLIP)
    optimiser.step()


def read_weights(data: bytes) -> tuple[dict[str, str], dict[str, Any]]:
    """The description of safetensors, and the tensors by name.

    Raises:
        ModelRefusedError: the bytes are none, or do not describe themselves.
    """
    try:
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        return dict(header["__metadata__"]), load_tensors(data)
    except (ValueError, KeyError, TypeError, SafetensorError) as error:
        raise ModelRefusedError(f"not the safetensors of a network: {error}") from error


def build_network(described: dict[str, str], state: dict[str, Any]) -> Any:
    """A network with its weights, as ultralytics' loss wants it.

    Args:
        described: its "architecture" and "classes", as JSON.
        state: its tensors by name.

    Raises:
        ModelRefusedError: the description says what such descriptions do not say.
    """
    build: Any = DetectionModel  # publishes no types
    classes = json.loads(described["classes"])
    architecture = check_description(json.loads(described["architecture"]))
    network = build(architecture, ch=3, nc=len(classes), verbose=False)
    network.load_state_dict(state)
    network.args = get_cfg()  # the gains of the loss
    return network.float()


def _still(network: Any) -> Any:
    """A network that learns nothing, but answers as one in training does: before decoding."""
    network.train()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.eval()
    for value in network.parameters():
        value.requires_grad = False
    return network


def _difference(
    scores: torch.Tensor, boxes: torch.Tensor, told: torch.Tensor, told_boxes: torch.Tensor
) -> torch.Tensor:
    """How much a network differs from the one it started from, in the measure of its loss.

    Labels are few, and what the start has learned from others is soon forgotten over them. So it
    goes on teaching, on photographs with objects; of empty ground it knows too little.

    Args:
        scores: (B, C, A) logits of the classes at each of A places.
        boxes: (B, 4 x 16, A) logits of the distribution of each side.
        told: (B, C, A) logits of the start.
        told_boxes: (B, 4 x 16, A) of the start.
    """
    sure = told.sigmoid()
    weight = sure.amax(dim=1)
    total = weight.sum().clamp(min=1.0)
    functional = torch.nn.functional
    classes = functional.binary_cross_entropy_with_logits(scores, sure, reduction="sum")
    # What is left when nothing differs is the start's own doubt; it teaches nothing.
    classes = classes - functional.binary_cross_entropy_with_logits(told, sure, reduction="sum")
    count, _, places = boxes.shape
    sides = boxes.view(count, 4, -1, places).log_softmax(dim=2)
    told_sides = told_boxes.view(count, 4, -1, places).log_softmax(dim=2)
    sides_differ = (told_sides.exp() * (told_sides - sides)).sum(dim=2).mean(dim=1)
    return _CLASS_GAIN * classes / total + _SIDE_GAIN * (weight * sides_differ).sum() / total


def _freeze(network: Any, layers: int) -> None:
    """Leave the first layers, which see edges and textures, as they are."""
    for place, layer in enumerate(network.model):
        for value in layer.parameters():
            value.requires_grad = place >= layers
    # A fixed ramp that turns the distribution of a side into its length.
    for value in network.model[-1].dfl.parameters():
        value.requires_grad = False
