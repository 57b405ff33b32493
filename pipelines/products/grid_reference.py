"""Military Grid Reference System: what a person reads over a radio.

Computed by the `mgrs` package, which wraps NGA's own GEOTRANS code.
"""

from __future__ import annotations

import re

from mgrs import MGRS

from models.errors import InvalidInputError

_PARTS = re.compile(r"(\d{0,2}[A-Z])([A-Z]{2})(\d*)")


def mgrs(latitude_deg: float, longitude_deg: float, *, digits: int = 5) -> str:
    """A grid reference with its parts set apart, for example "31N AA 66021 00000".

    The reference names the south-west corner of the square that holds the place; digits are cut,
    not rounded, as NGA.STND.0037 asks.

    Args:
        latitude_deg: WGS 84, -90 to 90; beyond 84 north and 80 south the polar grid is used.
        longitude_deg: WGS 84, -180 to 180.
        digits: digits of easting and of northing, 0 to 5; 5 means a square of one metre.

    Raises:
        InvalidInputError: no such place.
    """
    if not -90.0 <= latitude_deg <= 90.0 or not -180.0 <= longitude_deg <= 180.0:
        raise InvalidInputError(f"no such place: {latitude_deg}, {longitude_deg}")
    packed = MGRS().toMGRS(latitude_deg, longitude_deg, MGRSPrecision=digits)
    parts = _PARTS.fullmatch(packed)
    if parts is None:
        raise InvalidInputError(f"{packed!r} is not a grid reference")
    zone, square, numbers = parts.groups()
    half = len(numbers) // 2
    return " ".join(part for part in (zone, square, numbers[:half], numbers[half:]) if part)
