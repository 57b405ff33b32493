from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from pipelines.metadata.capture_reader import read_capture
from pipelines.metadata.capture_time import capture_time, position_age
from pipelines.metadata.exif import Exif

TAKEN = "2024:05:06 07:08:09"


def test_gps_utc_stands_above_the_cameras_clock() -> None:
    exif = Exif(taken=TAKEN, offset="+02:00", gps_date="2024:05:06", gps_time=(4.0, 59.0, 58.5))
    time, findings = capture_time(exif)
    assert time == datetime(2024, 5, 6, 4, 59, 58, 500_000, tzinfo=UTC)
    assert findings == ()


@pytest.mark.parametrize(
    ("offset", "hour", "day"), [("+02:00", 5, 6), ("-07:00", 14, 6), ("+14:00", 17, 5)]
)
def test_the_offset_is_taken_from_the_clock(offset: str, hour: int, day: int) -> None:
    time, _ = capture_time(Exif(taken=TAKEN, offset=offset))
    assert time == datetime(2024, 5, day, hour, 8, 9, tzinfo=UTC)


def test_the_submitter_stands_above_all() -> None:
    stated = datetime(2020, 1, 1, 3, tzinfo=timezone(timedelta(hours=3)))
    time, _ = capture_time(Exif(gps_date="2024:05:06", gps_time=(1, 2, 3)), stated=stated)
    assert time == datetime(2020, 1, 1, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("exif", "code"),
    [
        (Exif(taken=TAKEN), "TIME_ZONE_UNKNOWN"),
        (Exif(taken=TAKEN, offset="+99:00"), "TIME_ZONE_UNKNOWN"),
        (Exif(), "TIME_MISSING"),
        (Exif(gps_date="2024:13:06", gps_time=(1, 2, 3)), "TIME_MISSING"),
        (Exif(gps_date="2024:05:06"), "TIME_MISSING"),
        (Exif(gps_date="2024:05:06", gps_time=(25, 0, 0)), "TIME_MISSING"),
        (Exif(taken="1970:01:01 00:00:00", offset="+00:00"), "TIME_UNBELIEVABLE"),
    ],
)
def test_a_time_that_is_not_certain_is_unknown(exif: Exif, code: str) -> None:
    time, findings = capture_time(exif)
    assert time is None
    assert [finding.code for finding in findings] == [code]


def test_sensefly_utc_agrees_with_the_cameras_clock_in_its_zone(data_dir: Path) -> None:
    # The clock says 13:43:33 where summer time is four hours behind UTC; it is 34 s slow.
    capture = read_capture((data_dir / "photos/sensefly/IMG_0505.jpg").read_bytes())
    assert capture.captured_at == datetime(2013, 6, 4, 17, 44, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "hour"),
    [
        ("2021-10-22T11:30:09.205000+02:00", 9),
        ("2021-10-22T11:30:09-0130", 13),
        ("2021-10-22T11:30:09Z", 11),
        ("2021-10-22T11:30:09", 11),
    ],
)
def test_a_makers_time_is_utc_but_for_a_zone_it_bears(text: str, hour: int) -> None:
    time, _ = capture_time(Exif(), maker_utc=text)
    assert time == datetime(2021, 10, 22, hour, 30 if hour != 13 else 0, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("offset", "age_s"),
    [("+02:00", 129.0), ("-01:00", 3 * 3600 + 129.0), (None, None), ("+99:00", None)],
)
def test_the_age_of_a_position_needs_the_zone_of_the_cameras_clock(
    offset: str | None, age_s: float | None
) -> None:
    # 05:06:00 UTC against 07:08:09 by the camera.
    exif = Exif(taken=TAKEN, offset=offset, gps_date="2024:05:06", gps_time=(5, 6, 0))
    assert position_age(exif) == age_s
    assert position_age(Exif(taken=TAKEN, offset="+02:00")) is None


@pytest.mark.parametrize(
    ("date", "age_s"), [("2024:05:06", None), ("2024:05:05", 8 * 3600 + 8 * 60 + 9)]
)
def test_without_a_zone_the_widest_one_bounds_the_age(date: str, age_s: float | None) -> None:
    # 07:08:09 by the camera; 09:00:00 UTC the day before is 22 hours away, 14 of them a zone's.
    exif = Exif(taken=TAKEN, gps_date=date, gps_time=(9, 0, 0))
    assert position_age(exif) == age_s
