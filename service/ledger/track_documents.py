"""Tracks as JSON documents in a row, and back."""

from __future__ import annotations

import functools
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.threats.tracks.track import Mobility, Track, TrackPoint

Document = dict[str, Any]


def track_document(track: Track) -> Document:
    """A track as JSON."""
    return {
        "track_id": track.track_id,
        "category": track.category,
        "confidence": float(track.confidence),
        "latitude_deg": float(track.latitude_deg),
        "longitude_deg": float(track.longitude_deg),
        "covariance_m2": _numbers(track.covariance_m2),
        "is_velocity_told": track.velocity_m_s is not None,
        "sighting_count": int(track.sighting_count),
        "first_seen_at": _text(track.first_seen_at),
        "last_seen_at": _text(track.last_seen_at),
        "imagery_id": track.imagery_id,
        "points": [_point_document(point) for point in track.points],
        "mobility": track.mobility.value,
        "drift_m_s": _numbers(track.drift_m_s),
        "state_covariance": _numbers(track.state_covariance),
        "missed_in": list(track.missed_in),
        "missed_count": int(track.missed_count),
        "empty_flights": list(track.empty_flights),
        "shown_m2": float(track.shown_m2),
    }


def track_value(document: Document) -> Track:
    """The track that a document tells; its arrays cannot be written to."""
    drift = _array(document["drift_m_s"])
    state = _array(document["state_covariance"])
    told = document["is_velocity_told"]
    return Track(
        track_id=document["track_id"],
        category=document["category"],
        confidence=document["confidence"],
        latitude_deg=document["latitude_deg"],
        longitude_deg=document["longitude_deg"],
        covariance_m2=_array(document["covariance_m2"]),
        velocity_m_s=drift if told else None,
        velocity_covariance=state[2:, 2:] if told else None,
        sighting_count=document["sighting_count"],
        first_seen_at=_instant(document["first_seen_at"]),
        last_seen_at=_instant(document["last_seen_at"]),
        imagery_id=document["imagery_id"],
        points=tuple(_point_value(point) for point in document["points"]),
        mobility=Mobility(document["mobility"]),
        drift_m_s=drift,
        state_covariance=state,
        missed_in=tuple(document["missed_in"]),
        missed_count=document["missed_count"],
        empty_flights=tuple(document["empty_flights"]),
        shown_m2=document["shown_m2"],
    )


# A look is written again with each further one of its track; nobody changes the document.
@functools.lru_cache(maxsize=16_384)
def _point_document(point: TrackPoint) -> Document:
    return {
        "imagery_id": point.imagery_id,
        "detection_index": int(point.detection_index),
        "captured_at": _text(point.captured_at),
        "latitude_deg": float(point.latitude_deg),
        "longitude_deg": float(point.longitude_deg),
        "covariance_m2": _numbers(point.covariance_m2),
        "category": point.category,
        "confidence": float(point.confidence),
        "sortie_id": point.sortie_id,
    }


def _point_value(document: Document) -> TrackPoint:
    (a, b), (c, d) = document["covariance_m2"]
    rest = {name: value for name, value in document.items() if name != "covariance_m2"}
    return _point((a, b, c, d), **rest)


# Of a track that has one look more all others are as they were: one object for all who read it.
@functools.lru_cache(maxsize=16_384)
def _point(
    covariance_m2: tuple[float, float, float, float], captured_at: str | None, **rest: Any
) -> TrackPoint:
    a, b, c, d = covariance_m2
    return TrackPoint(
        captured_at=_instant(captured_at), covariance_m2=_array([[a, b], [c, d]]), **rest
    )


def _array(numbers: list[Any]) -> NDArray[np.float64]:
    array = np.array(numbers, np.float64)
    array.setflags(write=False)
    return array


def _numbers(array: NDArray[np.float64]) -> list[Any]:
    # JSON has no infinity; one in the ledger would be unreadable on PostgreSQL.
    if not np.isfinite(array).all():
        raise ValueError("a track has a number that is not finite")
    rows: list[Any] = np.asarray(array, np.float64).tolist()
    return rows


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _instant(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value)
