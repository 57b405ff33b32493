"""Which share is kept, and how confidence is shifted."""

from __future__ import annotations

import math

import numpy as np
import pytest

from models.catalogue.catalogue import Catalogue
from models.training.operating_point import GroupCurve
from models.training.recipe import Mixture
from service.training.course import Look, thresholds_at_equal_recall
from service.training.result import Trial, chosen, lift_by_class


def curve(confidence: list[float], is_object: list[int], truths: int) -> GroupCurve:
    return GroupCurve(
        confidence=np.array(confidence),
        is_object=np.array(is_object, np.bool_),
        truths=truths,
    )


def trial(share: float, ap: float, empty: int, false: int = 0, *, taught: bool = False) -> Trial:
    return Trial(
        mixture=Mixture(share, share),
        taught=taught,
        ap50={"person": ap},
        thresholds={"person": 0.3},
        false_alarms=false,
        empty_alarms=empty,
    )


BASE = Look(curves={"person": curve([0.9, 0.8], [1, 1], 2)}, empty=())  # its precision is 1


def test_the_threshold_finds_what_the_start_finds_at_a_quarter() -> None:
    start = Look(curves={"person": curve([0.9, 0.5, 0.26, 0.1], [1, 0, 1, 1], 4)}, empty=())
    new = Look(curves={"person": curve([0.7, 0.4, 0.2, 0.15], [1, 1, 1, 0], 4)}, empty=())
    assert thresholds_at_equal_recall(start, new) == {"person": 0.4}


def test_the_fewest_alarms_without_harm_are_chosen() -> None:
    trials = [trial(0.4, 1.0, 8), trial(0.7, 0.995, 3), trial(1.0, 0.98, 1)]
    assert chosen(BASE, trials).mixture.rest == 0.7
    assert chosen(BASE, [trial(0.4, 1.0, 3, 9), trial(0.7, 1.0, 3, 5)]).mixture.rest == 0.7


def test_taught_branches_are_kept_where_they_do_no_harm() -> None:
    mixture = trial(0.5, 1.0, 8)
    assert chosen(BASE, [mixture, trial(0.5, 0.995, 3, taught=True)]).taught
    assert not chosen(BASE, [mixture, trial(0.5, 0.98, 3, taught=True)]).taught
    assert not chosen(BASE, [mixture, trial(0.5, 1.0, 9, taught=True)]).taught


def test_where_all_do_harm_the_least_is_kept() -> None:
    assert chosen(BASE, [trial(0.7, 0.5, 0), trial(0.4, 0.6, 9)]).mixture.rest == 0.4


def test_a_network_that_did_not_change_has_the_thresholds_of_its_start() -> None:
    start = Look(curves={"person": curve([0.9, 0.6, 0.3, 0.1], [1, 1, 0, 1], 4)}, empty=())
    assert thresholds_at_equal_recall(start, start) == {"person": 0.6}
    lifts = lift_by_class(Catalogue.shipped().entry().card, {"person": 0.6}, {"person": 0.6})
    assert set(lifts) == {0.0}


def test_the_lift_makes_the_threshold_that_of_the_start() -> None:
    card = Catalogue.shipped().entry().card
    lifts = lift_by_class(card, {"person": 0.26, "vehicle": 0.3}, {"person": 0.4, "vehicle": 0.3})
    for name, place, lift in zip(card.class_map.classes, card.class_map.index, lifts, strict=True):
        if card.categories[place] == "person":
            shifted = math.log(0.4 / 0.6) + lift
            assert 1 / (1 + math.exp(-shifted)) == pytest.approx(0.26), name
        else:
            assert lift == pytest.approx(0.0, abs=1e-12), name
