"""`vedette position report`: where a patrol is."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, TextIO

import click
from google.protobuf.timestamp_pb2 import Timestamp
from vedette.v1 import position_pb2

from models.errors import InvalidInputError
from service.cli.output import (
    ServiceCommand,
    as_json,
    connected,
    console,
    full_name,
    in_mission,
    parse_time,
    print_line,
)
from service.client import Client
from service.clock import utc_now

_KEYS = {"time", "lat", "lon", "sigma_m"}


@click.command("report", cls=ServiceCommand, context_settings={"ignore_unknown_options": True})
@click.argument("patrol")
@in_mission
@click.option("--lat", type=click.FloatRange(-90, 90), help="WGS 84, degrees.")
@click.option("--lon", type=click.FloatRange(-180, 180), help="WGS 84, degrees.")
@click.option(
    "--sigma",
    "sigma_m",
    type=click.FloatRange(min=0, min_open=True),
    default=10.0,
    show_default=True,
    help="One sigma of each horizontal axis, metres.",
)
@click.option("--time", "at", metavar="TIME", help="When it was there (RFC 3339).  [default: now]")
@click.option(
    "--lines",
    type=click.File("r", encoding="utf-8"),
    help="A file of reports, one JSON object a line, or - for standard input as they come: "
    '{"time": "2026-11-24T10:15:00Z", "lat": 4.86, "lon": 31.57, "sigma_m": 10}. Each is sent at '
    "once, and again until it is acknowledged.",
)
@as_json
@connected
def report(
    client: Client,
    mission: str,
    patrol: str,
    lat: float | None,
    lon: float | None,
    sigma_m: float,
    at: str | None,
    lines: TextIO | None,
    json_output: bool,
) -> None:
    """Report where a patrol is, once or line by line.

    The ledger keeps every report: an image is weighed against where the patrol was when it was
    taken, also when the report comes later. The same one given again changes nothing.

    \b
    Examples:
      vedette position report patrol-3 -m unmiss --lat 4.8611 --lon 31.5702
      tail -f track.jsonl | vedette position report patrol-3 -m unmiss --lines -
    """  # noqa: D301 - click wants the backspace itself
    if (lines is None) == (lat is None or lon is None):
        raise click.UsageError("give --lat and --lon, or --lines")
    name = full_name(patrol, mission, "positions")
    reports: Iterable[position_pb2.PatrolReport]
    if lines is not None:
        reports = _from_lines(lines, sigma_m)
    else:
        moment = utc_now() if at is None else parse_time(at, "time")
        reports = [_report(moment, lat, lon, sigma_m)]
    sent = 0
    for sequence, one in enumerate(reports, start=1):
        request = position_pb2.StreamPatrolRequest(patrol=name, sequence=sequence, reports=[one])
        client.call(lambda asked, timeout: _acknowledged(client, asked, timeout), request)
        sent += 1
        if json_output:
            print_line({"patrol": name, "report_time": one.report_time.ToJsonString()})
    if not json_output:
        console().print(f"{sent} reports of {name}" if sent != 1 else f"1 report of {name}")


def _acknowledged(client: Client, request: position_pb2.StreamPatrolRequest, timeout: float) -> int:
    """Send one message on a stream of its own; returns when it is in the ledger."""
    answers = client.positions.StreamPatrol(iter([request]), timeout=timeout)
    return max((answer.acknowledged_sequence for answer in answers), default=0)


def _from_lines(lines: TextIO, sigma_m: float) -> Iterator[position_pb2.PatrolReport]:
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield _read(line, number, sigma_m)


def _read(line: str, number: int, sigma_m: float) -> position_pb2.PatrolReport:
    field = f"lines[{number}]"
    try:
        told: Any = json.loads(line)
    except ValueError as error:
        raise InvalidInputError(f"not JSON: {error}"[:200], field=field) from error
    if not isinstance(told, dict) or not {"time", "lat", "lon"} <= set(told) <= _KEYS:
        raise InvalidInputError("needs time, lat and lon, and may have sigma_m", field=field)
    numbers = [told["lat"], told["lon"], told.get("sigma_m", sigma_m)]
    if not all(isinstance(it, int | float) and not isinstance(it, bool) for it in numbers):
        raise InvalidInputError("lat, lon and sigma_m are numbers", field=field)
    moment = parse_time(str(told["time"]), f"{field}.time")
    return _report(moment, *(float(it) for it in numbers))


def _report(
    moment: datetime, lat: float | None, lon: float | None, sigma_m: float
) -> position_pb2.PatrolReport:
    stamp = Timestamp()
    stamp.FromDatetime(moment)
    return position_pb2.PatrolReport(
        report_time=stamp, latitude_deg=lat, longitude_deg=lon, sigma_m=sigma_m
    )
