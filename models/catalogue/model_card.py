"""What is known of a model.

`models.catalogue.card_file` reads and writes it as a file beside the weights.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from models.taxonomy import ClassMap

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
"""A model's name; it is part of a folder's name."""

VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,62}")
"""A version; it is part of a folder's name."""


class Modality(StrEnum):
    """What light a model learned to see."""

    VISIBLE = "visible"
    THERMAL = "thermal"
    BOTH = "both"

    def serves(self, wanted: Modality) -> bool:
        """Whether a model of this modality may look at frames of the one that is wanted."""
        return self in {wanted, Modality.BOTH}


@dataclass(frozen=True, kw_only=True, slots=True)
class SizeAccuracy:
    """One measurement of objects of one size.

    Attributes:
        objects: labelled objects of the size.
        ap50: average precision at IoU 0.5, 0 to 1; None where there were no objects.
        recall: share found at the operating thresholds; None where there were no objects.
    """

    objects: int
    ap50: float | None
    recall: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Accuracy:
    """One measurement of a model.

    Attributes:
        data: what it was measured on.
        ap50: average precision at IoU 0.5, by group or category, 0 to 1.
        images: how many images; None where that is not told.
        objects: labelled objects, by group or category.
        recall: share found at the operating thresholds, by group or category.
        precision: share of detections that are objects, there.
        false_alarms_per_km2: detections that are none, by square kilometre of ground in view.
        ap50_int8: average precision of the graph of eight bits, by group or category.
        sizes_px: by group or category, then by size in the image (square root of the box's area).
        sizes_m: the same by size on the ground.
    """

    data: str
    ap50: Mapping[str, float]
    images: int | None = None
    objects: Mapping[str, int] = field(default_factory=dict)
    recall: Mapping[str, float] = field(default_factory=dict)
    precision: Mapping[str, float] = field(default_factory=dict)
    false_alarms_per_km2: Mapping[str, float] = field(default_factory=dict)
    ap50_int8: Mapping[str, float] = field(default_factory=dict)
    sizes_px: Mapping[str, Mapping[str, SizeAccuracy]] = field(default_factory=dict)
    sizes_m: Mapping[str, Mapping[str, SizeAccuracy]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelCard:
    """One version of a model.

    Attributes:
        name: its name in the catalogue.
        version: of its weights.
        license: SPDX identifier of the weights.
        network: its architecture, for people.
        modality: what light it learned to see.
        input_px: side of a tile, pixels.
        car_px: shortest and longest car, by its longer side in pixels of a tile, that it finds as
            well as any; None where that was not measured.
        object_px: smallest and largest longer side of what it learned to see, pixels of a tile;
            None where that is not told.
        training_scale: at which scale it learned.
        training_data: what it learned from, and under which terms.
        accuracy: what was measured.
        weaknesses: what it does badly.
        class_map: its classes and their categories.
        sha256: lower-case hexadecimal SHA-256 of each weight file, by file name.
        thresholds: operating threshold by category, 0 to 1; a category without one has the default
            of the installation.
        thresholds_chosen: how they were chosen and on what; empty without any.
        trained_on: date of the training, for people; empty where it is not told.
        notes: what else whoever judges the card should know.
    """

    name: str
    version: str
    license: str
    network: str
    modality: Modality
    input_px: int
    training_scale: str
    training_data: tuple[str, ...]
    accuracy: tuple[Accuracy, ...]
    weaknesses: tuple[str, ...]
    class_map: ClassMap
    sha256: Mapping[str, str]
    object_px: tuple[int, int] | None = None
    car_px: tuple[int, int] | None = None
    thresholds: Mapping[str, float] = field(default_factory=dict)
    thresholds_chosen: str = ""
    trained_on: str = ""
    notes: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """Name and version as one word, such as "vedette-n@1.0.0"; no two models share it."""
        return f"{self.name}@{self.version}"

    @property
    def categories(self) -> tuple[str, ...]:
        """Distinct taxonomy categories, in the order of `Detections.class_id`."""
        return self.class_map.categories
