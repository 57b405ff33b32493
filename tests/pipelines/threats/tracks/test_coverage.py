from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipelines.threats.tracks.coverage import shows


def ring(*corners: tuple[float, float]) -> NDArray[np.float64]:
    return np.array([*corners, corners[0]], np.float64)


def shown(footprint: NDArray[np.float64], longitude: float, latitude: float) -> bool:
    return bool(shows(footprint, np.array([latitude]), np.array([longitude]))[0])


@given(turn=st.floats(0.0, 2 * np.pi), angle=st.floats(0.0, 2 * np.pi), away=st.floats(0.0, 3.0))
def test_a_turned_square_shows_what_lies_within_its_half_widths(
    turn: float, angle: float, away: float
) -> None:
    across, along = away * np.cos(angle), away * np.sin(angle)
    inside = max(abs(across), abs(along))
    if abs(inside - 1.0) < 1e-9:
        return
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1], [-1, -1]]) @ rotation.T
    scale, middle = 1e-3, np.array([18.0, 4.0])
    lon, lat = middle + scale * (rotation @ [across, along])
    assert shown(middle + scale * corners, lon, lat) == (inside < 1.0)


def test_a_bay_of_the_footprint_is_not_shown() -> None:
    bay = ring((0, 0), (4, 0), (4, 4), (3, 4), (3, 1), (1, 1), (1, 4), (0, 4))
    assert shown(bay, 0.5, 3.0)
    assert shown(bay, 3.5, 3.0)
    assert not shown(bay, 2.0, 3.0)


@pytest.mark.parametrize(("longitude", "inside"), [(179.9995, True), (-179.9995, True), (0, False)])
def test_the_antimeridian_is_no_edge(longitude: float, inside: bool) -> None:
    across = ring((179.999, -1e-3), (-179.999, -1e-3), (-179.999, 1e-3), (179.999, 1e-3))
    assert shown(across, longitude, 0.0) is inside
