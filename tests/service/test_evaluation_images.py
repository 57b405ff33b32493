"""How much ground the images of an evaluation show."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from models.evaluation.labels import LabelledImage, unlabelled, with_ground
from service.cli.evaluation_images import with_known_ground


def test_a_photograph_from_above_tells_its_ground(data_dir: Path) -> None:
    photograph = unlabelled(data_dir / "photos" / "brighton_beach" / "DJI_0018.JPG")
    (found,) = with_known_ground([photograph], None)
    # The maker's figures: a Phantom 3's 1/2.3-inch sensor of 6.17 mm behind 3.61 mm, at the height
    # over take-off that its XMP states (RelativeAltitude="+39.80").
    span = 39.8 * 6.17 / 3.61
    assert found.gsd_m == pytest.approx(span / 4000, rel=0.1)
    assert found.ground_km2 == pytest.approx(span**2 * 2250 / 4000 / 1e6, rel=0.2)


def test_an_oblique_photograph_with_sky_and_a_bare_one_tell_none(data_dir: Path) -> None:
    for folder in ("photos/skydio", "photos/sensefly", "detection/aerial_cars/images"):
        files = sorted((data_dir / folder).glob("*.[jJ]*"))
        (found,) = with_known_ground([unlabelled(files[0])], None)
        assert (found.gsd_m, found.ground_km2) == (None, None)


def test_a_table_stands_above_the_stated_figure_and_that_above_metadata(tmp_path: Path) -> None:
    bare = LabelledImage(
        path=tmp_path / "a.jpg",
        width_px=100,
        height_px=50,
        xyxy=np.zeros((0, 4)),
        names=(),
        ignored=np.zeros((0, 4)),
    )
    tabled = with_ground(bare, 2.0, 0.7)
    found = with_known_ground([bare, tabled], 0.1)
    assert [image.gsd_m for image in found] == [0.1, 2.0]
    assert found[1].ground_km2 == 0.7
    assert found[0].ground_km2 is not None
    assert math.isclose(found[0].ground_km2, 100 * 50 * 0.01 / 1e6)
