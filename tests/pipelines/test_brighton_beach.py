"""Six overlapping photographs of one flight: the same ground seen twice lies within both errors.

Features of two photographs are matched by their looks alone (SIFT, then one homography), each is
placed by each photograph, and the differences are held against the predicted covariance. All
features of a photograph are wrong together, by its camera's place and attitude, so that hundreds
of matches tell no more than how the two photographs lie to one another: a shift (two figures), a
turn and a scale. Photographs that close a loop tell nothing new either. So the chi-square test is
over the four figures of each of the five pairs of a tree that joins the six: 20 degrees of freedom.

An error that is the same all through the flight (the compass' deviation, the slow part of the
receiver's error, the barometer's) does not show in differences; here it is surveyed ground that
tells it (`geometry/test_thunderstorm.py`).
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import pyproj
import pytest
from numpy.typing import NDArray
from scipy import stats
from scipy.linalg import block_diag

from pipelines.capture import Capture
from pipelines.geometry.elevation import TerrainSource
from pipelines.geometry.georeference import Places, locate
from pipelines.geometry.viewpoint import Viewpoint, find_viewpoint
from pipelines.metadata.capture_reader import read_capture

Floats = NDArray[np.float64]

NAMES = ("DJI_0018", "DJI_0024", "DJI_0025", "DJI_0027", "DJI_0029", "DJI_0033")
PLANE = pyproj.Proj(proj="aeqd", lat_0=46.8426, lon_0=-91.994, ellps="WGS84")
SEARCH_WIDTH_PX = 1000
FEWEST_MATCHES = 20
INPUTS = 6
"""Camera east and north; yaw, pitch, roll; height over the ground."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """Two photographs of one ground.

    Attributes:
        first: number of the one.
        second: number of the other.
        pixels: (N, 2) in each.
    """

    first: int
    second: int
    pixels: tuple[Floats, Floats]


@pytest.fixture(scope="module")
def captures(data_dir: Path) -> list[Capture]:
    folder = data_dir / "photos" / "brighton_beach"
    return [read_capture((folder / f"{name}.JPG").read_bytes()) for name in NAMES]


@pytest.fixture(scope="module")
def pairs(data_dir: Path) -> list[Pair]:
    features = [_features(data_dir / "photos" / "brighton_beach" / f"{name}.JPG") for name in NAMES]
    found = []
    for first, second in itertools.combinations(range(len(NAMES)), 2):
        matches = cv2.BFMatcher().knnMatch(features[first][1], features[second][1], k=2)
        clear = [one for one, next_best in matches if one.distance < 0.75 * next_best.distance]
        if len(clear) < FEWEST_MATCHES:
            continue
        here = features[first][0][[match.queryIdx for match in clear]]
        there = features[second][0][[match.trainIdx for match in clear]]
        cv2.setRNGSeed(1)
        _, kept = cv2.findHomography(here, there, cv2.RANSAC, 12.0)
        inliers = kept.ravel() > 0
        if np.count_nonzero(inliers) >= FEWEST_MATCHES:
            found.append(Pair(first=first, second=second, pixels=(here[inliers], there[inliers])))
    return found


def _features(path: Path) -> tuple[Floats, NDArray[np.float32]]:
    """Positions in the full picture and descriptors, found in a reduced one."""
    grey = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE | cv2.IMREAD_IGNORE_ORIENTATION)
    assert grey is not None
    scale = SEARCH_WIDTH_PX / grey.shape[1]
    small = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    points, descriptors = cv2.SIFT.create(3000).detectAndCompute(small, None)
    # OpenCV counts from the middle of the first pixel.
    places = (np.array([point.pt for point in points]) + 0.5) / scale
    return places, np.asarray(descriptors, np.float32)


def placed(capture: Capture, pixels: Floats) -> tuple[Floats, Places]:
    """East and north (N, 2) in metres, and the places."""
    viewpoint = find_viewpoint(capture, TerrainSource(None))
    assert isinstance(viewpoint, Viewpoint)
    places = locate([viewpoint], np.zeros(len(pixels), np.intp), pixels)
    east, north = PLANE(places.longitude_deg, places.latitude_deg)
    return np.stack([east, north], axis=1), places


def one_sigma_moves(capture: Capture, pixels: Floats) -> Floats:
    """How each input, one sigma off, moves the places: (2 N, 6); by placing them anew."""
    pose, sigmas = capture.pose, capture.sigmas
    assert pose is not None
    assert capture.relative_height_m is not None
    columns = [
        np.tile([sigmas.horizontal_m, 0.0], len(pixels)),
        np.tile([0.0, sigmas.horizontal_m], len(pixels)),
    ]
    for name in ("yaw_deg", "pitch_deg", "roll_deg"):
        ends = [
            placed(
                replace(
                    capture,
                    pose=replace(
                        pose, **{name: getattr(pose, name) + sign * getattr(sigmas, name)}
                    ),
                ),
                pixels,
            )[0]
            for sign in (1, -1)
        ]
        columns.append((ends[0] - ends[1]).reshape(-1) / 2)
    rise = float(np.hypot(sigmas.vertical_m, sigmas.terrain_m))
    higher = replace(capture, relative_height_m=capture.relative_height_m + rise)
    columns.append((placed(higher, pixels)[0] - placed(capture, pixels)[0]).reshape(-1))
    return np.stack(columns, axis=1)


def test_every_photograph_overlaps_another(pairs: list[Pair]) -> None:
    assert {number for pair in pairs for number in (pair.first, pair.second)} == set(range(6))
    assert len(tree(pairs)) == len(NAMES) - 1


def test_the_same_ground_lies_within_the_ellipses_of_both(
    captures: list[Capture], pairs: list[Pair]
) -> None:
    for pair in pairs:
        (here, one), (there, other) = (
            placed(captures[number], pixels)
            for number, pixels in zip((pair.first, pair.second), pair.pixels, strict=True)
        )
        gap = here - there
        distance = np.hypot(gap[:, 0], gap[:, 1])
        both = one.covariance_enu_m2[:, :2, :2] + other.covariance_enu_m2[:, :2, :2]
        square = np.einsum("ni,nij,nj->n", gap, np.linalg.inv(both), gap)
        within = np.mean(square <= stats.chi2.ppf(0.9, 2))
        print(
            f"{NAMES[pair.first]} {NAMES[pair.second]}: {len(gap)} matches, apart by "
            f"{np.median(distance):.1f} m (median), CE90 {np.median(one.ce90_m):.1f} and "
            f"{np.median(other.ce90_m):.1f} m, {within:.0%} within the ellipse of both"
        )
        assert within >= 0.9
        # And each place lies within the other's own circle.
        assert np.mean(distance <= np.minimum(one.ce90_m, other.ce90_m)) >= 0.9


def tree(pairs: list[Pair]) -> list[Pair]:
    """The pairs of most matches that join all photographs without a loop."""
    group = list(range(len(NAMES)))
    chosen = []
    for pair in sorted(pairs, key=lambda one: -len(one.pixels[0])):
        one, other = group[pair.first], group[pair.second]
        if one != other:
            chosen.append(pair)
            group = [one if number == other else number for number in group]
    return chosen


def relation(captures: list[Capture], pair: Pair) -> tuple[Floats, Floats, Floats]:
    """Shift, turn and scale (4,) between two photographs, and what is predicted of them.

    Returns:
        The figures, in metres and radians; how the inputs of all photographs move them
        (4, 6 x 6); the covariance (4, 4) of what is left, taken to be four independent patches
        of uneven ground.
    """
    here, there = (
        placed(captures[number], pixels)[0]
        for number, pixels in zip((pair.first, pair.second), pair.pixels, strict=True)
    )
    gap, middle = (here - there).reshape(-1), (here + there) / 2
    east, north = (middle - middle.mean(axis=0)).T
    count = len(east)
    design = np.zeros((2 * count, 4))
    design[0::2, 0] = design[1::2, 1] = 1.0
    design[0::2, 2], design[1::2, 2] = -north, east
    design[0::2, 3], design[1::2, 3] = east, north
    solve = np.linalg.pinv(design)
    figures = solve @ gap
    rest = np.sum((gap - design @ figures) ** 2) / (2 * count - 4)
    moves = np.zeros((4, INPUTS * len(NAMES)))
    for number, pixels, sign in zip(
        (pair.first, pair.second), pair.pixels, (1.0, -1.0), strict=True
    ):
        columns = one_sigma_moves(captures[number], pixels)
        moves[:, INPUTS * number : INPUTS * (number + 1)] = sign * solve @ columns
    return figures, moves, rest * (solve @ solve.T) * count / 4


def test_differences_follow_the_predicted_covariance(
    captures: list[Capture], pairs: list[Pair]
) -> None:
    relations = [relation(captures, pair) for pair in tree(pairs)]
    tails = {}
    for words, rows in (
        ("shift", [0, 1]),
        ("turn", [2]),
        ("scale", [3]),
        ("together", [0, 1, 2, 3]),
    ):
        figures = np.concatenate([one[0][rows] for one in relations])
        moves = np.concatenate([one[1][rows] for one in relations])
        uneven = block_diag(*[one[2][np.ix_(rows, rows)] for one in relations])
        square = float(figures @ np.linalg.solve(moves @ moves.T + uneven, figures))
        tails[words] = float(stats.chi2.cdf(square, len(figures)))
        print(
            f"{words}: chi-square {square:.1f} of {len(figures)} degrees of freedom, "
            f"probability of less {tails[words]:.3f}"
        )
    # Two-sided, 95 %: neither too sure nor too wide.
    assert 0.025 < tails["together"] < 0.975
    # A compass errs with its heading, and these frames head two opposite ways.
    assert 0.025 < tails["turn"] < 0.975
    # Shift and scale share the flight's slow errors, so that only too large would be wrong.
    assert max(tails["shift"], tails["scale"]) < 0.975
