"""What is known of a model: the card that lies beside its weights."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from models.errors import ModelRefusedError
from models.taxonomy import ClassMap

CARD_FILE = "card.toml"


@dataclass(frozen=True, kw_only=True, slots=True)
class Accuracy:
    """One measurement of a model.

    Attributes:
        data: what it was measured on.
        ap50: average precision at IoU 0.5, by group of categories, 0 to 1.
    """

    data: str
    ap50: dict[str, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelCard:
    """One model of the catalogue.

    Attributes:
        name: its name in the catalogue.
        version: of its weights.
        license: SPDX identifier.
        network: its architecture, for people.
        input_px: side of a tile, pixels.
        car_px: shortest and longest car, by its longer side in pixels of a tile, that it finds as
            well as any; None where that was not measured.
        object_px: smallest and largest longer side of what it learned to see, pixels of a tile.
        training_scale: at which scale it learned.
        training_data: what it learned from, and under which terms.
        accuracy: what was measured.
        weaknesses: what it does badly.
        class_map: its classes and their categories.
        sha256: lower-case hexadecimal SHA-256 of each weight file, by file name.
    """

    name: str
    version: str
    license: str
    network: str
    input_px: int
    object_px: tuple[int, int]
    training_scale: str
    training_data: tuple[str, ...]
    accuracy: tuple[Accuracy, ...]
    weaknesses: tuple[str, ...]
    class_map: ClassMap
    sha256: dict[str, str]
    car_px: tuple[int, int] | None = None

    @property
    def categories(self) -> tuple[str, ...]:
        """Distinct taxonomy categories, in the order of `Detections.class_id`."""
        return self.class_map.categories


def _span(table: Mapping[str, int]) -> tuple[int, int]:
    return int(table["smallest"]), int(table["largest"])


def read_card(folder: Path) -> ModelCard:
    """The card in a model's folder.

    Raises:
        ModelRefusedError: there is none, or it does not say what it must.
    """
    path = folder / CARD_FILE
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        return ModelCard(
            name=str(table["name"]),
            version=str(table["version"]),
            license=str(table["license"]),
            network=str(table["network"]),
            input_px=int(table["input_px"]),
            object_px=_span(table["object_px"]),
            car_px=_span(table["car_px"]) if "car_px" in table else None,
            training_scale=str(table["training_scale"]),
            training_data=tuple(str(line) for line in table["training_data"]),
            accuracy=tuple(
                Accuracy(
                    data=str(row["data"]),
                    ap50={str(group): float(value) for group, value in row["ap50"].items()},
                )
                for row in table["accuracy"]
            ),
            weaknesses=tuple(str(line) for line in table["weaknesses"]),
            class_map=ClassMap.of(
                (str(row["name"]), str(row["category"])) for row in table["classes"]
            ),
            sha256={str(name): str(digest).lower() for name, digest in table["sha256"].items()},
        )
    except OSError as error:
        raise ModelRefusedError(
            f"{folder.name}: no model without its card: {CARD_FILE}: {error.strerror}"
        ) from error
    except KeyError as error:
        raise ModelRefusedError(f"{folder.name}: {CARD_FILE} does not say {error}") from error
    except (ValueError, TypeError, AttributeError) as error:
        # Broken TOML and broken UTF-8 are ValueErrors too.
        raise ModelRefusedError(f"{folder.name}: {CARD_FILE}: {error}") from error
