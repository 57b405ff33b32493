"""The joint update of a frame, held against a Kalman filter of another library."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from pykalman import KalmanFilter

from pipelines.threats.tracks.motion import (
    OWN_SHARE,
    Estimate,
    begin,
    own_covariance,
    step,
    symmetric_root,
    transition,
)
from pipelines.threats.tracks.track import Mobility


def ellipse(rng: np.random.Generator) -> NDArray[np.float64]:
    """A covariance of a place, metres, of any shape."""
    turn = rng.uniform(0, np.pi)
    axes = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return np.asarray(axes @ np.diag(rng.uniform(1.0, 20.0, 2) ** 2) @ axes.T)


@pytest.mark.parametrize("count", [1, 2, 7, 30])
@pytest.mark.parametrize("seed", range(3))
def test_looks_of_a_frame_are_one_observation(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    groups = ["person", "vehicle", "two-wheeler"]
    mobilities = list(Mobility)
    estimates, transitions = [], []
    for index in range(count):
        begun = begin(rng.normal(0, 50, 2), ellipse(rng), groups[index % 3])
        estimates.append(
            Estimate(mean=begun.mean + rng.normal(0, 1, 4), covariance=begun.covariance)
        )
        gap = None if index % 5 == 4 else float(rng.uniform(0, 60))
        transitions.append(transition(gap, groups[index % 3], mobilities[index % len(mobilities)]))
    looks = np.stack([it.mean[:2] for it in estimates]) + rng.normal(0, 8, (count, 2))
    stated = np.stack([ellipse(rng) for _ in range(count)])
    share = rng.uniform(0.05, 1.0, count)

    size = 4 * count
    matrix, noise, covariance = (np.zeros((size, size)) for _ in range(3))
    observed = np.zeros((2 * count, size))
    roots = (np.sqrt((1 - OWN_SHARE) * share)[:, None, None] * symmetric_root(stated)).reshape(
        -1, 2
    )
    error = roots @ roots.T
    for index, estimate in enumerate(estimates):
        four, two = slice(4 * index, 4 * index + 4), slice(2 * index, 2 * index + 2)
        matrix[four, four], noise[four, four] = transitions[index]
        covariance[four, four] = estimate.covariance
        observed[two, 4 * index : 4 * index + 2] = np.eye(2)
        error[two, two] += own_covariance(stated[index])
    mean, full = KalmanFilter(n_dim_state=4, n_dim_obs=2).filter_update(
        np.concatenate([it.mean for it in estimates]),
        covariance,
        looks.reshape(-1),
        transition_matrix=matrix,
        transition_covariance=noise,
        transition_offset=np.zeros(size),
        observation_matrix=observed,
        observation_covariance=error,
        observation_offset=np.zeros(2 * count),
    )

    found = step(estimates, transitions, looks, stated, share)
    for index, estimate in enumerate(found):
        four = slice(4 * index, 4 * index + 4)
        np.testing.assert_allclose(estimate.mean, mean[four], atol=1e-8)
        np.testing.assert_allclose(estimate.covariance, full[four, four], atol=1e-8)


def test_an_empty_frame_changes_nothing() -> None:
    assert step([], [], np.zeros((0, 2)), np.zeros((0, 2, 2))) == []
