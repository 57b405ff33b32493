"""Objects of a frame held against the positions near them, all pairs at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pyproj import Geod

from pipelines.threats.positions.position import Position
from pipelines.threats.positions.shapes import PlaneShape, nearest_places, plane_shape
from pipelines.threats.proximity.area_probability import (
    probability_near,
    range_interval_of_shape,
    settled_near,
)
from pipelines.threats.proximity.disc_probability import probability_within, range_interval

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]

_GEOD = Geod(ellps="WGS84")


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Objects:
    """Located detections: N places in degrees, with (N, 2, 2) covariances."""

    latitude_deg: Floats
    longitude_deg: Floats
    covariance_m2: Floats


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Questions:
    """What is asked of some pairs, M questions.

    Attributes:
        pairs: (M,) which pair of `Pairs`.
        radius_m: (M,) within what radius.
        sure: (M,) how high a probability could be is not looked for beyond this.
    """

    pairs: Rows
    radius_m: Floats
    sure: Floats


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Ranges:
    """K ranges with the intervals that hold 90 % of them, metres, and bearings in degrees."""

    range_m: Floats
    low_m: Floats
    high_m: Floats
    bearing_deg: Floats


class Pairs:
    """K pairs of an object and a position, in the plane around the position.

    The covariance of the separation is the object's and the position's together.

    Args:
        objects: N of them.
        positions: P of them.
        rows: (K,) the object of each pair.
        columns: (K,) the position of each pair.
    """

    def __init__(
        self, objects: Objects, positions: Sequence[Position], rows: Rows, columns: Rows
    ) -> None:
        self._objects, self._positions = objects, positions
        self._rows, self._columns = rows, columns
        self._shaped = np.array([it.shape is not None for it in positions], np.bool_)
        sigma = np.array([it.sigma_m for it in positions])
        self._distance_m, self._bearing_deg, self._offset_m, covariance = separation(
            np.array([it.latitude_deg for it in positions])[columns],
            np.array([it.longitude_deg for it in positions])[columns],
            objects.latitude_deg[rows],
            objects.longitude_deg[rows],
            objects.covariance_m2[rows],
        )
        self._covariance_m2 = covariance + sigma[columns][:, None, None] ** 2 * np.eye(2)

    def probabilities(self, asked: Questions) -> tuple[Floats, Floats]:
        """(M,) of being within the radius; (M,) of that for an object on the position itself.

        The second is the most that an ellipse of this size could give.
        """
        columns = self._columns[asked.pairs]
        found, at_most = np.zeros(len(columns)), np.ones(len(columns))
        shaped = self._shaped[columns]
        points = np.flatnonzero(~shaped)
        if len(points):
            pairs = asked.pairs[points]
            offset, covariance = self._offset_m[pairs], self._covariance_m2[pairs]
            both = probability_within(
                np.concatenate([offset, np.zeros_like(offset)]),
                np.concatenate([covariance, covariance]),
                np.tile(asked.radius_m[points], 2),
            )
            found[points], at_most[points] = np.split(both, 2)
        areas = np.flatnonzero(shaped)
        if len(areas):
            pairs = asked.pairs[areas]
            found[areas] = settled_near(
                [_plane(self._positions[column]) for column in columns[areas].tolist()],
                self._offset_m[pairs],
                self._covariance_m2[pairs],
                asked.radius_m[areas],
            )
            areas = areas[np.isnan(found[areas])]
        # One outline for each shape and radius.
        kinds: dict[tuple[int, float], list[int]] = {}
        for order in areas.tolist():
            kind = int(columns[order]), float(asked.radius_m[order])
            kinds.setdefault(kind, []).append(order)
        for (column, radius), orders in kinds.items():
            rows = np.array(orders, np.intp)
            found[rows], at_most[rows] = self._near_shape(
                self._positions[column], asked.pairs[rows], radius, asked.sure[rows]
            )
        return found, at_most

    def _near_shape(
        self, position: Position, pairs: Rows, radius_m: float, sure: Floats
    ) -> tuple[Floats, Floats]:
        plane = _plane(position)
        offset, covariance = self._offset_m[pairs], self._covariance_m2[pairs]
        found = probability_near(plane, offset, covariance, radius_m)
        at_most = np.ones(len(pairs))
        low = np.flatnonzero((found > 0.0) & (found < sure))
        if not len(low):
            return found, at_most
        # An object on the reference point is inside, and has at least the disc around it.
        still = np.zeros_like(offset)
        at_most[low] = probability_within(still[low], covariance[low], np.full(len(low), radius_m))
        left = low[at_most[low] < sure[low]]
        highest = probability_near(plane, still[left], covariance[left], radius_m)
        at_most[left] = np.maximum(found[left], highest)
        return found, at_most

    def ranges(self, pairs: Rows) -> Ranges:
        """(M,) ranges of some pairs: of a shape from its nearest edge, and 0 inside."""
        columns = self._columns[pairs]
        offset, covariance = self._offset_m[pairs], self._covariance_m2[pairs]
        found = self._distance_m[pairs]
        low, high = np.empty(len(pairs)), np.empty(len(pairs))
        bearing = self._bearing_deg[pairs]
        points = np.flatnonzero(~self._shaped[columns])
        if len(points):
            low[points], high[points] = range_interval(offset[points], covariance[points])
        for column in np.unique(columns[self._shaped[columns]]).tolist():
            here = np.flatnonzero(columns == column)
            position = self._positions[column]
            plane = _plane(position)
            low[here], high[here] = range_interval_of_shape(plane, offset[here], covariance[here])
            latitude, longitude = nearest_places(
                plane, offset[here], position.latitude_deg, position.longitude_deg
            )
            rows = self._rows[pairs[here]]
            turn, _, away = _GEOD.inv(
                longitude,
                latitude,
                self._objects.longitude_deg[rows],
                self._objects.latitude_deg[rows],
            )
            inside = np.isnan(latitude)
            found[here] = np.where(inside, 0.0, away)
            bearing[here] = np.where(inside, bearing[here], np.mod(turn, 360.0))
        return Ranges(range_m=found, low_m=low, high_m=high, bearing_deg=bearing)


def separation(
    position_lat_deg: NDArray[np.float64],
    position_lon_deg: NDArray[np.float64],
    object_lat_deg: NDArray[np.float64],
    object_lon_deg: NDArray[np.float64],
    object_covariance_m2: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Where objects are as seen from positions, along the geodesic.

    Args:
        position_lat_deg: (N,) WGS 84.
        position_lon_deg: (N,) WGS 84.
        object_lat_deg: (N,) WGS 84.
        object_lon_deg: (N,) WGS 84.
        object_covariance_m2: (N, 2, 2) in east and north at the object.

    Returns:
        range (N,) metres; bearing (N,) degrees clockwise from true north, 0 to below 360; offset
        (N, 2) metres east and north at the position; covariance (N, 2, 2) in those axes, turned by
        the convergence of the meridians between the two places.
    """
    bearing, back, distance = _GEOD.inv(
        position_lon_deg, position_lat_deg, object_lon_deg, object_lat_deg
    )
    azimuth = np.radians(bearing)
    offset = np.stack([distance * np.sin(azimuth), distance * np.cos(azimuth)], axis=-1)
    turn = azimuth - (np.radians(back) + np.pi)
    turn = np.where(distance > 0.0, turn, 0.0)
    cos, sin = np.cos(turn), np.sin(turn)
    # Azimuths grow clockwise: a turn by t carries (east, north) to (e cos + n sin, n cos - e sin).
    rotation = np.stack([np.stack([cos, sin], -1), np.stack([-sin, cos], -1)], axis=-2)
    covariance = rotation @ object_covariance_m2 @ np.swapaxes(rotation, -1, -2)
    return np.asarray(distance), np.mod(bearing, 360.0), offset, covariance


def _plane(position: Position) -> PlaneShape:
    if position.shape is None:
        raise AssertionError("a point has no outline")
    return plane_shape(position.shape, position.latitude_deg, position.longitude_deg)
