"""Lessons: pictures whose truth is what the renderer knows."""

from __future__ import annotations

import numpy as np

from scenes.lesson import lesson


def test_an_empty_lesson_shows_nothing_and_is_the_same_again() -> None:
    one, again = lesson(3, things=False), lesson(3, things=False)
    np.testing.assert_array_equal(one.pixels, again.pixels)
    assert len(one.xyxy) == len(one.cut_off) == 0
    assert one.categories == ()


def test_boxes_hold_what_differs_from_bare_ground() -> None:
    full = lesson(1, things=True)
    assert len(full.xyxy) == len(full.categories) > 8
    assert {"car", "van", "truck", "person"} >= set(full.categories)
    height, width = full.pixels.shape[:2]
    assert (full.xyxy >= 0).all()
    assert (full.xyxy[:, [0, 2]] <= width).all()
    assert (full.xyxy[:, [1, 3]] <= height).all()
    # A car of some 4.5 m by 1.8 m: its box is between its width and its diagonal, seen from above
    # or aslant, where the ground is sampled as told below the camera and more coarsely beyond.
    sides = (full.xyxy[:, 2:] - full.xyxy[:, :2]).max(axis=1) * full.gsd_m
    cars = sides[[name == "car" for name in full.categories]]
    assert np.median(cars) < 4.9
    assert np.median(cars) > 1.5
    people = sides[[name == "person" for name in full.categories]]
    assert np.median(people) < 2.2
    assert np.median(people) < np.median(cars)
