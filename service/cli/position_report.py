"""`vedette position report`: where a patrol is."""

from __future__ import annotations

import json
import re
import sys
from datetime import datetime
from typing import Any, TextIO

import click
from vedette.v1 import position_pb2

from models.errors import InvalidInputError
from models.wording import counted
from service.cli.error_line import error_line
from service.cli.exit_codes import EXIT_REFUSED
from service.cli.output import (
    ServiceCommand,
    as_json,
    connected,
    console,
    full_name,
    in_mission,
    parse_time,
    print_line,
    timestamp_of,
)
from service.client import Client
from service.clock import utc_now
from service.remote_error import RemoteError

_KEYS = {"time", "lat", "lon", "sigma_m"}
# What the service says of a report, and what a line calls it.
_OF_A_REPORT = re.compile(r"^reports\[\d+\]\.?")
_TOLD_AS = {"report_time": "time", "latitude_deg": "lat", "longitude_deg": "lon"}


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
    type=click.File("r", encoding="utf-8", errors="replace"),
    help="A file of reports, one JSON object a line, or - for standard input as they come: "
    '{"time": "2026-11-24T10:15:00Z", "lat": 4.86, "lon": 31.57, "sigma_m": 10}. Each is sent at '
    "once, and again until it is acknowledged; of a bad line number and fault are told.",
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

    With --lines a bad line stops nothing: its number and what is wrong with it go to standard
    error, the others are sent, and the exit status is 1 at the end.

    \b
    Examples:
      vedette position report patrol-3 -m unmiss --lat 4.8611 --lon 31.5702
      tail -f track.jsonl | vedette position report patrol-3 -m unmiss --lines -
    """  # noqa: D301 - click wants the backspace itself
    if (lines is None) == (lat is None or lon is None):
        raise click.UsageError("give --lat and --lon, or --lines")
    sender = _Sender(client, full_name(patrol, mission, "positions"), json_output=json_output)
    if lines is None:
        moment = utc_now() if at is None else parse_time(at, "time")
        sender.send(_report(moment, lat, lon, sigma_m))
        sender.tell()
        return
    try:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                sender.send_line(line, number, sigma_m)
    finally:
        # Whoever interrupts a stream, or is refused for good, learns how far it came.
        sender.tell()
    if sender.refused:
        sys.exit(EXIT_REFUSED)


class _Sender:
    """Reports of one patrol on their way, one after the other."""

    def __init__(self, client: Client, patrol: str, *, json_output: bool) -> None:
        self.refused = 0
        self._client = client
        self._patrol = patrol
        self._json_output = json_output
        self._sent = 0

    def send(self, one: position_pb2.PatrolReport) -> None:
        """Send a report until it is acknowledged."""
        request = position_pb2.StreamPatrolRequest(
            patrol=self._patrol, sequence=self._sent + 1, reports=[one]
        )
        self._client.call(
            lambda asked, timeout: _acknowledged(self._client, asked, timeout), request
        )
        self._sent += 1
        if self._json_output:
            print_line({"patrol": self._patrol, "report_time": one.report_time.ToJsonString()})

    def send_line(self, line: str, number: int, sigma_m: float) -> None:
        """Send the report of a line, or tell why it cannot be taken.

        Raises:
            VedetteError: what is wrong would be wrong with every line.
        """
        try:
            self.send(_read(line, sigma_m))
        except (InvalidInputError, RemoteError) as error:
            if isinstance(error, RemoteError) and not _OF_A_REPORT.match(error.field):
                raise
            self.refused += 1
            field = _OF_A_REPORT.sub("", error.field)
            where = f"lines[{number}]"
            told = error_line(
                f"{error}; this line is not taken",
                reason=error.reason,
                field=f"{where}.{_TOLD_AS.get(field, field)}" if field else where,
                as_json=self._json_output,
            )
            click.echo(told, err=True)

    def tell(self) -> None:
        """How many are safe, and how many lines were not taken."""
        if not self._json_output:
            lost = f"; {counted(self.refused, 'line')} not taken" if self.refused else ""
            told = f"{counted(self._sent, 'report')} of {self._patrol}{lost}"
            console().print(told, markup=False)


def _acknowledged(client: Client, request: position_pb2.StreamPatrolRequest, timeout: float) -> int:
    """Send one message on a stream of its own; returns when it is in the ledger."""
    answers = client.positions.StreamPatrol(iter([request]), timeout=timeout)
    return max((answer.acknowledged_sequence for answer in answers), default=0)


def _read(line: str, sigma_m: float) -> position_pb2.PatrolReport:
    try:
        told: Any = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InvalidInputError(f"not JSON: {error}"[:200]) from error
    if not isinstance(told, dict) or not {"time", "lat", "lon"} <= set(told) <= _KEYS:
        raise InvalidInputError("needs time, lat and lon, and may have sigma_m")
    numbers = [told["lat"], told["lon"], told.get("sigma_m", sigma_m)]
    if not all(isinstance(it, int | float) and not isinstance(it, bool) for it in numbers):
        raise InvalidInputError("lat, lon and sigma_m are numbers")
    moment = parse_time(str(told["time"]), "time")
    return _report(moment, *(float(it) for it in numbers))


def _report(
    moment: datetime, lat: float | None, lon: float | None, sigma_m: float
) -> position_pb2.PatrolReport:
    return position_pb2.PatrolReport(
        report_time=timestamp_of(moment), latitude_deg=lat, longitude_deg=lon, sigma_m=sigma_m
    )
