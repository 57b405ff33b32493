"""Training on torch: seeded, going on after a stop, and leaving alone what is frozen."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from models.catalogue.catalogue import Catalogue
from models.errors import ModelRefusedError
from models.training.batches import BatchSource
from models.training.pieces import Piece
from models.training.recipe import Mixture, Recipe, Step

torch = pytest.importorskip("torch")
pytest.importorskip("ultralytics")

from models.engines.ultralytics_training import (  # noqa: E402 - only where torch is
    NetworkTrainer,
    read_weights,
)

NOTHING, ALL = Mixture(0.0, 0.0), Mixture(1.0, 1.0)
RECIPE = Recipe(steps=4, batch=2, tile_px=64, learning_rate=1e-3, warm_up=1, seed=3)


@pytest.fixture(scope="module")
def weights() -> bytes:
    return Catalogue.shipped().entry().read(".safetensors")[1]


@pytest.fixture(scope="module")
def source() -> BatchSource:
    chance = np.random.default_rng(0)
    pieces = [
        Piece(
            name=str(number),
            kind="colour",
            pixels=chance.integers(0, 255, (96, 96, 3), np.uint8),
            xyxy=np.array([[30.0, 30, 60, 50]]),
            class_id=np.array([3], np.int32),
        )
        for number in range(3)
    ]
    return BatchSource(pieces, {"colour": 1.0}, tile_px=64, whole_px=640, batch=2, seed=3)


def trained(weights: bytes, source: BatchSource, folder: Path) -> NetworkTrainer:
    trainer = NetworkTrainer(weights, RECIPE, 1)
    trainer.train(source, folder, every=100)
    return trainer


def test_the_same_seed_gives_the_same_weights_and_another_does_not(
    weights: bytes, source: BatchSource, tmp_path: Path
) -> None:
    one, other = (trained(weights, source, tmp_path / name).result(ALL) for name in "ab")
    assert all(torch.equal(one[name], other[name]) for name in one)
    start = NetworkTrainer(weights, RECIPE, 1).result(ALL)
    changed = [name for name in one if not torch.equal(one[name].float(), start[name].float())]
    assert changed


def test_what_was_stopped_goes_on_as_if_it_had_not_been(
    weights: bytes, source: BatchSource, tmp_path: Path
) -> None:
    class StoppedError(Exception):
        pass

    def stop(step: Step) -> None:
        if step.number == 3:
            raise StoppedError

    whole = trained(weights, source, tmp_path / "whole").result(ALL)
    broken = NetworkTrainer(weights, RECIPE, 1)
    with pytest.raises(StoppedError):
        broken.train(source, tmp_path / "part", every=2, progress=stop)
    again = NetworkTrainer(weights, RECIPE, 1)
    assert again.resume(tmp_path / "part")
    assert again.step == 2  # the last checkpoint; the third step is taken again
    taken: list[int] = []
    again.train(source, tmp_path / "part", every=2, progress=lambda step: taken.append(step.number))
    assert taken == [3, 4]
    assert all(torch.equal(value, whole[name]) for name, value in again.result(ALL).items())
    # A training that is done takes no further step.
    done = NetworkTrainer(weights, RECIPE, 1)
    assert done.resume(tmp_path / "part")
    done.train(source, tmp_path / "part", every=2, progress=lambda _: pytest.fail("a step"))


def test_weights_whose_description_could_run_code_are_refused(
    weights: bytes, tmp_path: Path
) -> None:
    from safetensors.torch import save

    described, state = read_weights(weights)
    ran = tmp_path / "ran"
    code = f"__import__('pathlib').Path({str(ran)!r}).touch() or torch.nn.SiLU()"
    table = json.loads(described["architecture"]) | {"activation": code}
    other = save(state, metadata=described | {"architecture": json.dumps(table)})
    with pytest.raises(ModelRefusedError, match="activation"):
        NetworkTrainer(other, RECIPE, 1)
    assert not ran.exists()


def test_a_checkpoint_of_other_settings_is_refused(
    weights: bytes, source: BatchSource, tmp_path: Path
) -> None:
    trained(weights, source, tmp_path)
    other = NetworkTrainer(weights, Recipe(steps=9, batch=2, tile_px=64, seed=3), 1)
    with pytest.raises(ModelRefusedError, match="other settings"):
        other.resume(tmp_path)
    assert not NetworkTrainer(weights, RECIPE, 1).resume(tmp_path / "nothing")


def test_first_layers_and_the_means_of_batch_norm_stay(
    weights: bytes, source: BatchSource, tmp_path: Path
) -> None:
    start = NetworkTrainer(weights, RECIPE, 1).result(NOTHING)
    result = trained(weights, source, tmp_path).result(ALL)
    for name, value in result.items():
        layer = int(name.split(".")[1])
        if layer < RECIPE.frozen_layers or "running_" in name or ".dfl." in name:
            assert torch.equal(value.float(), start[name].float()), name


def test_learning_lowers_the_loss(weights: bytes, source: BatchSource, tmp_path: Path) -> None:
    recipe = Recipe(steps=32, batch=2, tile_px=64, learning_rate=1e-3, warm_up=1, seed=3)
    losses: list[float] = []
    trainer = NetworkTrainer(weights, recipe, 1)
    trainer.train(source, tmp_path, every=100, progress=lambda step: losses.append(step.loss))
    # A crop without an object has next to no loss.
    shown = [loss for loss in losses if loss > 4]
    assert np.mean(shown[-8:]) < 0.75 * np.mean(shown[:4])


def test_a_share_lies_between_start_and_learned(
    weights: bytes, source: BatchSource, tmp_path: Path
) -> None:
    trainer = trained(weights, source, tmp_path)
    start, mixed, learned = (trainer.result(one) for one in (NOTHING, Mixture(0.25, 0.5), ALL))
    # Layer 10 is the last that sees; those after it weigh what was seen.
    for name, share in (
        ("model.10.cv1.conv.weight", 0.25),
        ("model.13.cv1.conv.weight", 0.5),
        ("model.23.cv3.0.2.weight", 0.5),
    ):
        between = (1 - share) * start[name].float() + share * learned[name]
        assert not torch.equal(start[name].float(), learned[name])
        assert torch.allclose(mixed[name], between, atol=1e-7), name


def test_branches_that_were_taught_alone_take_the_place_of_the_mixed(weights: bytes) -> None:
    trainer = NetworkTrainer(weights, RECIPE, 1)
    name = "model.23.cv3.0.2.bias"
    other = torch.arange(10.0)
    lift = [0.5] * 10
    result = trainer.result(NOTHING, lift, {name: other})
    assert torch.equal(result[name], other + 0.5)


def test_a_lift_moves_the_confidence_of_its_class_by_that_logit(weights: bytes) -> None:
    trainer = NetworkTrainer(weights, RECIPE, 1)
    lift = [0.0] * 10
    lift[3] = -1.5
    plain, lifted = trainer.result(NOTHING), trainer.result(NOTHING, lift)
    for name, value in plain.items():
        if name.endswith(".2.bias") and ".cv3." in name:
            moved = (lifted[name].float() - value.float()).numpy()
            np.testing.assert_allclose(moved, lift, atol=1e-6)
        else:
            assert torch.equal(lifted[name], value)


def test_the_result_is_what_the_catalogue_reads(
    weights: bytes, source: BatchSource, tmp_path: Path
) -> None:
    from models.engines.ultralytics_engine import UltralyticsEngine

    trainer = trained(weights, source, tmp_path)
    trainer.write(tmp_path / "new.safetensors", ALL)
    card = Catalogue.shipped().entry().card
    engine = UltralyticsEngine(
        name="new",
        weights=(tmp_path / "new.safetensors").read_bytes(),
        sha256={},
        class_map=card.class_map,
        input_px=64,
        threads=1,
    )
    (found,) = engine.infer([np.zeros((64, 64, 3), np.uint8)], 0.0)
    assert np.isfinite(found.confidence).all()


def test_weights_that_are_none_are_refused() -> None:
    with pytest.raises(ModelRefusedError, match="not the safetensors"):
        NetworkTrainer(b"\x80\x04nonsense", RECIPE, 1)
