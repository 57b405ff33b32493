"""Class branches taught alone: what is nothing is seen less, what is something stays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from models.catalogue.catalogue import Catalogue
from models.errors import ModelRefusedError
from models.training.batches import BatchSource
from models.training.pieces import Piece
from models.training.recipe import ClassRecipe

torch = pytest.importorskip("torch")
pytest.importorskip("ultralytics")

from models.engines.class_branches import ClassBranchTrainer  # noqa: E402 - only where torch is
from models.engines.ultralytics_training import (  # noqa: E402 - only where torch is
    build_network,
    read_weights,
)

RECIPE = ClassRecipe(steps=60, tiles=16, batch=8, tile_px=96, learning_rate=1e-2, warm_up=2, seed=3)


@pytest.fixture(scope="module")
def weights() -> bytes:
    return Catalogue.shipped().entry().read(".safetensors")[1]


def disc(colour: tuple[int, int, int]) -> NDArray[np.uint8]:
    """A round thing on sand."""
    pixels = np.full((96, 96, 3), (190, 170, 130), np.uint8)
    y, x = np.mgrid[:96, :96]
    pixels[np.hypot(x - 48, y - 48) < 7] = colour
    return pixels


ROCK, BALL = disc((120, 20, 20)), disc((250, 250, 250))


@pytest.fixture(scope="module")
def source() -> BatchSource:
    box = np.array([[41.0, 41, 55, 55]])
    pieces = [
        Piece(
            name="rock",
            kind="empty",
            pixels=ROCK,
            xyxy=np.zeros((0, 4)),
            class_id=np.zeros(0, np.int32),
            mistaken=box,
        ),
        Piece(name="ball", kind="colour", pixels=BALL, xyxy=box, class_id=np.array([0], np.int32)),
    ]
    return BatchSource(
        pieces, {"empty": 0.5, "colour": 0.5}, tile_px=96, whole_px=640, batch=4, seed=3
    )


def taught(weights: bytes, source: BatchSource) -> dict[str, Any]:
    trainer = ClassBranchTrainer(weights, weights, RECIPE, threads=1)
    trainer.look(source)
    return dict(trainer.learn())


@pytest.fixture(scope="module")
def branches(weights: bytes, source: BatchSource) -> dict[str, Any]:
    return taught(weights, source)


def confidence(weights: bytes, branches: dict[str, Any], pixels: NDArray[np.uint8]) -> float:
    """Of the surest place for people in a tile."""
    described, state = read_weights(weights)
    network = build_network(described, state | branches).eval()
    with torch.no_grad():
        shown = torch.from_numpy(pixels[None]).permute(0, 3, 1, 2).float() / 255
        return float(network(shown)[1]["scores"].sigmoid()[0, :2].max())


def test_what_is_nothing_is_seen_less_and_the_teachers_word_is_kept(
    weights: bytes, branches: dict[str, Any]
) -> None:
    before = [confidence(weights, {}, pixels) for pixels in (ROCK, BALL)]
    after = [confidence(weights, branches, pixels) for pixels in (ROCK, BALL)]
    assert after[0] < 0.85 * before[0]
    assert after[1] > 0.9 * before[1]


def test_only_the_class_branches_change_and_their_batch_norm_keeps_its_means(
    weights: bytes, branches: dict[str, Any]
) -> None:
    _, state = read_weights(weights)
    assert set(branches) == {name for name in state if name.startswith("model.23.cv3.")}
    for name, value in branches.items():
        same = torch.equal(value.float(), state[name].float())
        assert same == any(word in name for word in ("running_", "num_batches")), name


def test_the_same_seed_gives_the_same_branches(
    weights: bytes, source: BatchSource, branches: dict[str, Any]
) -> None:
    again = taught(weights, source)
    assert all(torch.equal(value, again[name]) for name, value in branches.items())


def test_a_teacher_of_other_classes_is_refused(weights: bytes) -> None:
    from safetensors.torch import save

    described, state = read_weights(weights)
    other = save(state, metadata=described | {"classes": '["ship"]'})
    with pytest.raises(ModelRefusedError, match="other classes"):
        ClassBranchTrainer(weights, other, RECIPE, threads=1)
