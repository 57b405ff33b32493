"""A view of a picture that was reduced."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.geometry.ground_view import GroundView
from pipelines.ground import GroundPoint

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ReducedView:
    """The `pipelines.geometry.ground_view.GroundView` of a reduced copy of an image.

    Attributes:
        view: of the whole image.
        factor: (x, y) pixels of the image that one of the copy spans.
    """

    view: GroundView
    factor: tuple[float, float]

    def locate(self, pixels: Floats) -> tuple[GroundPoint, ...]:
        """The places of pixels (N, 2) of the copy."""
        return self.view.locate(pixels * np.array(self.factor))

    def place_boxes(
        self, xyxy: NDArray[np.float32], categories: Sequence[str]
    ) -> tuple[GroundPoint, ...]:
        """The places of the objects in boxes (N, 4) of the copy."""
        return self.view.place_boxes(xyxy * np.array(self.factor * 2, np.float32), categories)

    def project(self, longitude_deg: Floats, latitude_deg: Floats) -> Floats:
        """Pixels (N, 2) of the copy."""
        pixels: Floats = self.view.project(longitude_deg, latitude_deg) / np.array(self.factor)
        return pixels

    def visible(self, longitude_deg: Floats, latitude_deg: Floats) -> NDArray[np.bool_]:
        """(N,) as of the whole image."""
        return self.view.visible(longitude_deg, latitude_deg)

    def footprint(self) -> Floats | None:
        """(M, 2) as of the whole image."""
        return self.view.footprint()
