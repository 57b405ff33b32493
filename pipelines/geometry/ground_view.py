"""A frame as a window on the ground: pixels to places and places to pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pipelines.ground import GroundPoint


class GroundView(Protocol):
    """What products need to know of a frame that can be located.

    A camera over terrain and an orthomosaic with its transform are both one.
    """

    def locate(self, pixels: NDArray[np.float64]) -> tuple[GroundPoint, ...]:
        """The places of pixels.

        Args:
            pixels: (N, 2) x and y; the origin is the outer corner of the first pixel.
        """
        ...

    def place_boxes(
        self, xyxy: NDArray[np.float32], categories: Sequence[str]
    ) -> tuple[GroundPoint, ...]:
        """The places of the objects in boxes, where they touch the ground.

        Args:
            xyxy: (N, 4) left, top, right, bottom in pixels.
            categories: what each is, N taxonomy categories.
        """
        ...

    def project(
        self, longitude_deg: NDArray[np.float64], latitude_deg: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Where places on the ground show in the frame.

        Args:
            longitude_deg: (N,) WGS 84.
            latitude_deg: (N,) WGS 84.

        Returns:
            (N, 2) pixels; NaN where a place is behind the camera, beyond reach or has no known
            height. Pixels outside the frame are returned as they are.
        """
        ...

    def visible(
        self, longitude_deg: NDArray[np.float64], latitude_deg: NDArray[np.float64]
    ) -> NDArray[np.bool_]:
        """(N,) whether nothing stands between the camera and the ground at places (N,) WGS 84.

        Whether they lie inside the frame is not asked.
        """
        ...

    def footprint(self) -> NDArray[np.float64] | None:
        """(M, 2) closed ring, longitude and latitude, of what the frame shows; None without."""
        ...
