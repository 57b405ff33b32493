"""The port of every detection engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.detections import Detections
from models.pixel_source import PixelSource
from models.tiles.tile_plan import TilePlan

DEFAULT_CONFIDENCE = 0.15
"""From which a detection counts where neither a person nor the model's card says so.

Confidences are those of all views together (`models.tiles.agreement`), lower than a network's own:
on VisDrone as many people and vehicles are found as by the best of the views at 0.25, with a fifth
and a third fewer false alarms.
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class DetectorIdentity:
    """What looked at an image, as evidence and answers name it.

    Attributes:
        name: the model's name in the catalogue.
        engine: the engine, its version and device, for example "openvino 2026.4.1 CPU".
        sha256: lower-case hexadecimal SHA-256 of each weight file, by file name.
        categories: taxonomy categories in the order of the model's class numbers.
        input_px: side of a tile, pixels.
        car_px: shortest and longest car, by its longer side in pixels of a tile, that the model
            finds as well as any; None where that was not measured.
        version: of the model in the catalogue; empty where it comes from none.
        thresholds: by category, the confidence from which a detection counts, as the model's card
            says; a category without one has DEFAULT_CONFIDENCE.
    """

    name: str
    engine: str
    sha256: dict[str, str]
    categories: tuple[str, ...]
    input_px: int
    car_px: tuple[int, int] | None = None
    version: str = ""
    thresholds: Mapping[str, float] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """Name and version as one word, such as "vedette-n@1.0.0"."""
        return f"{self.name}@{self.version}" if self.version else self.name


@dataclass(frozen=True, kw_only=True, slots=True)
class DetectionParameters:
    """What a person may turn about detection; written into the evidence of every product.

    Attributes:
        min_confidence: boxes below it are not reported, 0 to 1; None for what the model's card
            says of each category.
        tile_overlap: least share of a tile that its neighbour repeats, 0 to 0.9.
        whole_frame: also look at the whole frame, reduced to one tile.
        everywhere: also look where a frame shows sky, ground too far away, or ground beyond the
            reach of every position.
    """

    min_confidence: float | None = None
    tile_overlap: float = 0.2
    whole_frame: bool = True
    everywhere: bool = False

    def thresholds(self, identity: DetectorIdentity) -> NDArray[np.float32]:
        """(K,) for each category of a model the confidence from which a detection counts.

        What a person asked for stands above what the card says.
        """
        if self.min_confidence is not None:
            return np.full(len(identity.categories), self.min_confidence, np.float32)
        return np.array(
            [identity.thresholds.get(name, DEFAULT_CONFIDENCE) for name in identity.categories],
            np.float32,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class WindowSearch:
    """What was found in an image that was read window by window.

    Attributes:
        detections: merged, in pixels of the image, in descending order of confidence.
        tiles: how many were planned.
        empty_tiles: how many of these hold no data and were not looked at.
    """

    detections: Detections
    tiles: int
    empty_tiles: int


class Detector(Protocol):
    """Finds objects in one decoded image: tiles in, merged detections out."""

    @property
    def identity(self) -> DetectorIdentity:
        """What this detector is."""
        ...

    def detect(
        self,
        image: NDArray[np.uint8],
        parameters: DetectionParameters,
        plan: TilePlan | None = None,
    ) -> Detections:
        """Detections in an image.

        Args:
            image: (height, width, 3) RGB.
            parameters: thresholds and tiling.
            plan: which tiles to look at and at which scales; all at full scale without one.

        Returns:
            Merged detections in pixels of the image, in descending order of confidence.

        Raises:
            EngineError: the engine failed or did not answer in time.
        """
        ...

    def detect_windows(
        self,
        source: PixelSource,
        parameters: DetectionParameters,
        plan: TilePlan | None = None,
    ) -> WindowSearch:
        """Detections in an image of any size, read window by window in bounded memory.

        Args:
            source: the image; what it says holds no data is not looked at.
            parameters: thresholds and tiling.
            plan: which tiles to look at and at which scales; all at full scale without one.

        Raises:
            EngineError: the engine failed or did not answer in time.
        """
        ...
