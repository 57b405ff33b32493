"""The port of an image that is too large to be held whole."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class PixelSource(Protocol):
    """An image that is read window by window."""

    @property
    def width_px(self) -> int:
        """Columns."""
        ...

    @property
    def height_px(self) -> int:
        """Rows."""
        ...

    @property
    def reads_whole_rows(self) -> bool:
        """Whether a narrow window costs as much as one of the whole width."""
        ...

    def read_window(
        self, left: int, top: int, right: int, bottom: int
    ) -> tuple[NDArray[np.uint8], NDArray[np.bool_] | None]:
        """A window that lies inside the image.

        Returns:
            (bottom - top, right - left, 3) RGB, and (bottom - top, right - left) whether each
            pixel holds data; None where all do.
        """
        ...
