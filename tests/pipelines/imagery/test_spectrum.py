from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipelines.imagery.decode import read_image
from pipelines.imagery.spectrum import LARGEST_THERMAL_PX, looks_thermal

COLOURED = ("detection/visdrone", "detection/aerial_cars", "photos")


def pictures(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in {".jpg", ".jpeg", ".png"}:
            yield path


def test_no_frame_of_the_measured_sets_is_taken_for_the_other_kind(data_dir: Path) -> None:
    thermal = [
        looks_thermal(read_image(path.read_bytes()).rgb)
        for path in list(pictures(data_dir / "detection" / "hituav"))[::3]
    ]
    assert (len(thermal), sum(thermal)) == (40, 40)
    coloured = []
    for folder in COLOURED:
        for path in list(pictures(data_dir / folder))[::3]:
            with Image.open(path) as picture:
                coloured.append(looks_thermal(np.asarray(picture.convert("RGB"))))
    assert len(coloured) > 40
    assert not any(coloured)


def test_what_it_cannot_tell_is_what_its_docstring_says() -> None:
    grey = np.repeat(np.arange(256, dtype=np.uint8).reshape(16, 16, 1), 3, axis=2)
    assert looks_thermal(
        np.tile(grey, (32, 40, 1))
    )  # 640 x 512 grey: thermal, or a grey photograph
    large = np.zeros((1025, 1280, 3), np.uint8)
    assert large.size // 3 > LARGEST_THERMAL_PX
    assert not looks_thermal(large)
    false_colours = np.zeros((512, 640, 3), np.uint8)
    false_colours[..., 0] = 200
    assert not looks_thermal(false_colours)


@pytest.mark.parametrize(("spread", "thermal"), [(0, True), (1, True), (4, False)])
def test_the_noise_of_a_compression_is_no_colour(spread: int, thermal: bool) -> None:
    image = np.full((512, 640, 3), 100, np.uint8)
    image[..., 2] += spread
    assert looks_thermal(image) is thermal
