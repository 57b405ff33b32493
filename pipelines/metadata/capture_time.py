"""When an image was taken, in UTC, or not known.

EXIF times carry no zone: a wrong guess moves an incident by hours, so there is none. The order is
the submitter's word, the GPS receiver's UTC, the maker's own UTC, the camera's clock with a zone
offset; else unknown.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

from pipelines.metadata.exif import Exif
from pipelines.outcome import Finding, Severity

_CLOCK = re.compile(r"(\d{4})[:\-](\d\d)[:\-](\d\d)[ T](\d\d):(\d\d):(\d\d)")
_DATE = re.compile(r"(\d{4})[:\-](\d\d)[:\-](\d\d)")
_OFFSET = re.compile(r"([+\-])(\d\d):?(\d\d)")
# The zone behind a time that bears one: "2021-10-22T11:30:09.205000+02:00".
_ZONE_BEHIND = re.compile(r"([+\-]\d\d:?\d\d)$")
# Zones reach from -12:00 to +14:00.
_WIDEST_ZONE = timedelta(hours=14)
# Digital cameras with GPS did not exist before; clocks that lost power say 1970, 1980 or 2000.
_EARLIEST = datetime(2001, 1, 1, tzinfo=UTC)


def capture_time(
    exif: Exif, *, stated: datetime | None = None, maker_utc: str | None = None
) -> tuple[datetime | None, tuple[Finding, ...]]:
    """The time of taking in UTC, with what there is to say of it.

    Args:
        exif: of the file.
        stated: the submitter's word, aware; it wins.
        maker_utc: a time that the maker's own metadata give as UTC, or with its zone, as text.
    """
    if stated is not None:
        return stated.astimezone(UTC), ()
    for time in (_gps(exif), _maker(maker_utc), _with_offset(exif)):
        if time is None:
            continue
        if time < _EARLIEST:
            return None, (
                Finding(
                    code="TIME_UNBELIEVABLE",
                    severity=Severity.WARNING,
                    message=f"the metadata say {time:%Y-%m-%d}: the camera's clock was not set; "
                    "state captured_at",
                ),
            )
        return time, ()
    if exif.taken is None:
        return None, (
            Finding(
                code="TIME_MISSING",
                severity=Severity.WARNING,
                message="no capture time in the metadata; state captured_at with the submission",
            ),
        )
    return None, (
        Finding(
            code="TIME_ZONE_UNKNOWN",
            severity=Severity.WARNING,
            message=f"the camera's clock said {exif.taken}, but of no zone that the metadata tell;"
            " state captured_at with its zone",
        ),
    )


def position_age(exif: Exif) -> float | None:
    """Seconds from the GPS time to the camera's; negative where the camera's clock is slow.

    A receiver that lost its satellites goes on telling the last place and the time it was there.
    Where the zone of the camera's clock is not told, what is left of the difference in the zone
    that leaves least; None where that is nothing, or either time is missing.
    """
    gps, taken = _gps(exif), _with_offset(exif)
    if gps is None:
        return None
    if taken is not None:
        return (taken - gps).total_seconds()
    local = _clock(exif.taken, timedelta(0))
    if local is None:
        return None
    least = (local - gps - _WIDEST_ZONE).total_seconds()
    return least if least > 0 else None


def _gps(exif: Exif) -> datetime | None:
    """GPSDateStamp and GPSTimeStamp, which are UTC; one without the other tells no time."""
    found = _DATE.fullmatch(exif.gps_date or "")
    if found is None or exif.gps_time is None:
        return None
    hour, minute, second = exif.gps_time
    if not (0 <= hour < 24 and 0 <= minute < 60 and 0 <= second < 61):
        return None
    try:
        day = datetime(int(found[1]), int(found[2]), int(found[3]), tzinfo=UTC)
    except ValueError:
        return None
    return day + timedelta(hours=hour, minutes=minute, seconds=second)


def _maker(text: str | None) -> datetime | None:
    """A maker's UTC; a zone behind it is taken off."""
    # A date's own hyphens are no zone.
    zone = _ZONE_BEHIND.search((text or "")[len("2021-10-22T11:30:09") :])
    if zone is None:
        return _clock(text, timedelta(0))
    offset = _offset(zone[1])
    return None if offset is None else _clock(text, offset)


def _with_offset(exif: Exif) -> datetime | None:
    offset = _offset(exif.offset or "")
    return None if offset is None else _clock(exif.taken, offset)


def _offset(text: str) -> timedelta | None:
    found = _OFFSET.fullmatch(text)
    if found is None:
        return None
    offset = timedelta(hours=int(found[2]), minutes=int(found[3]))
    if offset > _WIDEST_ZONE:
        return None
    return -offset if found[1] == "-" else offset


def _clock(text: str | None, offset: timedelta) -> datetime | None:
    found = _CLOCK.match(text or "")
    if found is None:
        return None
    year, month, day, hour, minute, second = (int(part) for part in found.groups())
    try:
        local = datetime(year, month, day, hour, minute, second, tzinfo=timezone(offset))
        return local.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
