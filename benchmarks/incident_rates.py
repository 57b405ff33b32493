"""How often a detector finds, misses and errs, and how wrong a pose is: the simulator's figures.

Measured are those of `vedette-n` as shipped, from confidence 0.05 up, every detection matched to
the labels at IoU 0.5 within its group: 77 images of VisDrone, and 120 thermal frames of HIT-UAV
whose ground is known (docs/accuracy.md tells of both sets). Nothing here is read from what follows
or judges objects; the errors of poses are those that docs/calibration.md founds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.taxonomy import group_of

Floats = NDArray[np.float64]

OPERATING = 0.15
"""The detector reports from this confidence up (`models.detector.DEFAULT_CONFIDENCE`)."""

# Mean of the logit of the confidence by the square root of a box's area in pixels, such that with
# `LOGIT_SIGMA` as many are found at 0.25 as were: people of 16 to 24 pixels 0.46, vehicles of 32 to
# 64 pixels 0.82. At 0.15 these are then 0.63 and 0.91 (measured 0.60, 0.87), at 0.4 0.29 and 0.67
# (0.31, 0.73). What was not measured in heat, below 8 or 12 pixels and people over 32, is assumed.
_SIDE_PX = (6.0, 10.0, 14.0, 20.0, 28.0, 48.0, 90.0)
_LOGIT = {
    ("person", False): (-3.11, -2.53, -1.97, -1.25, -0.72, -0.44, -0.50),
    ("vehicle", False): (-2.47, -1.40, -1.10, -0.72, -0.27, 0.27, 0.82),
    ("person", True): (-3.10, -1.32, -0.13, 0.27, 0.20, 0.20, 0.20),
    ("vehicle", True): (-3.50, -2.90, -2.26, -1.56, -0.68, 0.22, 1.23),
}
LOGIT_SIGMA = 1.5
"""Spread of that logit among objects of one size, fitted as a normal: for most sizes 1.4 to 1.7."""

REPEATED_SHARE = 0.5
"""Assumed: share of its variance that stays with one object for one flight (shade, cover, a shirt
like the ground). The rest is drawn anew with every look. The sets have no sequences to tell."""

FALSE_PER_KM2 = {"person": 37.6, "vehicle": 19.2}
"""HIT-UAV, at 0.15: false detections that touch no labelled object, for one look at a square
kilometre. At 0.25 they are 22.3 and 10.2, at 0.4 8.7 and 4.4. The area rests on the camera's data
sheet; cars measure twice too long by it, so that the density may be up to four times higher in
heat. Visible light: seven photographs of a beach, a field and a road (9 million pixels each, no
people) had one false alarm a frame at 0.25, which agrees."""
CLUTTER_LOGIT, CLUTTER_SIGMA = -2.0, 1.0
"""Of places that may be taken for something, chosen so that of those found at 0.15 the shares that
reach 0.25, 0.4 and 0.5 are 0.47, 0.14 and 0.06: measured 0.53 to 0.59, 0.23 and 0.11 to 0.16 in
heat, 0.39 to 0.43, 0.07 to 0.12 and 0.02 to 0.08 in visible light."""
_CLUTTER_FOUND = 0.395  # P(logit > logit(0.15)) of that normal.
CLUTTER_SIDE_M = {"person": 1.0, "vehicle": 3.5}
CLUTTER_MEASURED_PX = {"person": 14.5, "vehicle": 32.6}
"""Median size of HIT-UAV's objects: what is shown smaller fools the detector less, by as much as
it finds less."""

SECOND_BOX = {"person": 0.08, "vehicle": 0.07}
"""At 0.15: second boxes on an object, for each object found. People 0.043 (HIT-UAV) to 0.159
(VisDrone), vehicles 0.064 to 0.084."""
SECOND_BOX_LOGIT = 0.73
"""Mean of their logit above that of 0.15: four in ten reach 0.25 (measured 0.35 to 0.46), one or
two in ten 0.4 (0 to 0.2)."""

CONFUSION: dict[str, dict[str, float]] = {
    "person": {"person": 1.0},
    "two-wheeler": {"two-wheeler": 0.99, "tricycle": 0.01},
    "car": {"car": 0.98, "van": 0.012, "truck": 0.008},
    "van": {"van": 0.51, "car": 0.45, "truck": 0.04},
    "truck": {"truck": 0.80, "car": 0.11, "van": 0.06, "bus": 0.03},
}
"""VisDrone: what found objects of a category are called."""

CONFUSION_REPEATED = 0.7
"""Assumed: chance that a look calls an object what this flight called it before."""

RIDER_SEEN = 0.5
"""Assumed: how often the detector reports a rider as a person beside the machine (VisDrone labels
both, so both are learned)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Memory:
    """How the variance of one error is shared out; the shares add up to 1.

    Attributes:
        flight: stays for the whole flight.
        heading: of a compass, changes with the heading and comes back with it.
        slow: wanders within `SLOW_S`.
        frame: is drawn anew for every frame.
    """

    flight: float
    slow: float
    frame: float
    heading: float = 0.0


SLOW_S = 60.0
MEMORY = {
    # Frames of one minute over Brighton Beach lie some 2 m apart by position, where the whole error
    # is 2.8 m an axis; days differ by the whole of it.
    "horizontal": Memory(flight=0.75, slow=0.2, frame=0.05),
    # Their heights agree within that minute; barometers drift over a flight.
    "vertical": Memory(flight=0.9, slow=0.1, frame=0.0),
    # "The compass errs anew with the heading" there, by 2.8 degrees a frame between lines flown to
    # and fro; with the heading kept, a gyroscope carries the yaw from frame to frame.
    "yaw": Memory(flight=0.25, heading=0.5, slow=0.2, frame=0.05),
    # A gimbal is levelled once by hand; its control is finer by far.
    "pitch": Memory(flight=0.75, slow=0.2, frame=0.05),
    "roll": Memory(flight=0.75, slow=0.2, frame=0.05),
}
"""Assumed, each from what docs/calibration.md tells of it; no set has the truth of every frame."""

BOX_EDGE = 0.06
"""One sigma of a box's edge, as a share of its side: IoU of some 0.8 with the true box."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Extent:
    """Size of an object in metres."""

    length_m: float
    width_m: float
    height_m: float


EXTENTS = {
    "person": Extent(length_m=0.5, width_m=0.5, height_m=1.7),
    "two-wheeler": Extent(length_m=2.0, width_m=0.7, height_m=1.6),
    "car": Extent(length_m=4.4, width_m=1.8, height_m=1.5),
    "van": Extent(length_m=5.4, width_m=2.0, height_m=2.3),
    "truck": Extent(length_m=8.5, width_m=2.5, height_m=3.0),
}


def logit(probability: float) -> float:
    """The logarithm of the odds."""
    return float(np.log(probability / (1.0 - probability)))


def confidence(logits: Floats) -> Floats:
    """The inverse of `logit`."""
    return np.asarray(1.0 / (1.0 + np.exp(-logits)), np.float64)


def expected_logit(category: str, side_px: Floats, *, thermal: bool) -> Floats:
    """Mean logit of an object's confidence, by its size in pixels (any shape)."""
    table = _LOGIT[group_of(category), thermal]
    return np.asarray(np.interp(np.log(side_px), np.log(_SIDE_PX), table), np.float64)


def clutter_per_km2(group: str) -> float:
    """Places on a square kilometre that may be taken for a person or a vehicle."""
    return FALSE_PER_KM2[group] / _CLUTTER_FOUND
