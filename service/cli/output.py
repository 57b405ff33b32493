"""What every subcommand shares with a person: connection options, tables, JSON, exit codes."""

from __future__ import annotations

import functools
import json
import re
import textwrap
import unicodedata
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import click
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from models.errors import InvalidInputError
from service.client import Client
from service.endpoint import Endpoint, await_endpoint, discover
from service.patience import Backoff

Command = TypeVar("Command", bound=Callable[..., Any])


_FINDING_THE_SERVICE = frozenset({"endpoint", "data_dir", "token_file", "patience"})
# Columns that a folded cell needs to be read, with the gap before it.
_LEAST_COLUMN = 8
_CAPITAL = re.compile(r"(?<!^)(?=[A-Z])")


class ServiceCommand(click.Command):
    """A command whose help tells what finds the service apart from what the command does."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Two lists of options."""
        rows: dict[bool, list[tuple[str, str]]] = {False: [], True: []}
        for parameter in self.get_params(ctx):
            row = parameter.get_help_record(ctx)
            if row is not None and isinstance(parameter, click.Option):
                rows[parameter.name in _FINDING_THE_SERVICE].append(row)
        for finding, title in ((False, "Options"), (True, "Finding the service")):
            if rows[finding]:
                with formatter.section(title):
                    formatter.write_dl(rows[finding])


class ServiceGroup(click.Group):
    """A group of such commands."""

    command_class = ServiceCommand


Connect = Callable[[], AbstractContextManager[Client]]


def finding_the_service(command: Command) -> Command:
    """Options that say where the service is; the command receives `endpoint` and `data_dir`."""
    endpoint = click.option(
        "--endpoint",
        type=click.Path(path_type=Path, dir_okay=False),
        envvar="VEDETTE_ENDPOINT",
        show_envvar=True,
        help="The endpoint.json of the service.",
    )
    data_dir = click.option(
        "--data-dir",
        type=click.Path(path_type=Path, file_okay=False),
        envvar="VEDETTE_DATA_DIR",
        show_envvar=True,
        help="The service's data folder, instead of --endpoint.  [default: ./vedette-data]",
    )
    return endpoint(data_dir(command))


def connected(command: Command) -> Command:
    """Options that say which service to call; the command receives an open `client`."""

    @connectable
    @functools.wraps(command)
    def wrapped(*args: Any, connect: Connect, **options: Any) -> Any:
        with connect() as client:
            return command(*args, client=client, **options)

    return wrapped  # type: ignore[return-value]  # the same command with fewer parameters


def connectable(command: Command) -> Command:
    """The same options; the command receives `connect`, which opens a client when it needs one."""

    @finding_the_service
    @click.option(
        "--token-file",
        type=click.Path(path_type=Path, dir_okay=False),
        envvar="VEDETTE_TOKEN_FILE",
        show_envvar=True,
        help="The file of your own token.  [default: the one that endpoint.json names]",
    )
    @click.option(
        "--patience",
        type=click.FloatRange(min=0),
        default=60.0,
        show_default=True,
        metavar="SECONDS",
        help="How long to try again when the service cannot be reached.",
    )
    @functools.wraps(command)
    def wrapped(
        *args: Any,
        endpoint: Path | None,
        data_dir: Path | None,
        token_file: Path | None,
        patience: float,
        **options: Any,
    ) -> Any:
        def own(found: Endpoint) -> Endpoint:
            return found if token_file is None else replace(found, token_file=token_file)

        def connect() -> Client:
            found = await_endpoint(endpoint, data_dir, patience_s=patience)
            return Client(
                own(found),
                backoff=Backoff(give_up_s=patience),
                find=lambda: own(discover(endpoint, data_dir)),
            )

        return command(*args, connect=connect, **options)

    return wrapped  # type: ignore[return-value]  # the same command with fewer parameters


def in_mission(command: Command) -> Command:
    """The option --mission; the command receives "missions/{mission}" as `mission`."""

    def named(_context: click.Context, _option: click.Parameter, value: str) -> str:
        return f"missions/{value.removeprefix('missions/')}"

    option = click.option(
        "--mission",
        "-m",
        required=True,
        envvar="VEDETTE_MISSION",
        show_envvar=True,
        callback=named,
        help="The mission, for example unmiss.",
    )
    return option(command)


def as_json(command: Command) -> Command:
    """The option --json; the command receives it as `json_output`."""
    option = click.option(
        "--json", "json_output", is_flag=True, help="Print JSON for programs instead of text."
    )
    return option(command)


def console(*, stderr: bool = False) -> Console:
    """A console with colours only on a terminal; NO_COLOR and redirection turn them off."""
    found = Console(stderr=stderr, highlight=False, soft_wrap=True, emoji=False)
    if not found.is_terminal:
        # A pipe or a file has no width to fold at.
        found.width = 240
    return found


def print_document(document: object) -> None:
    """One JSON document."""
    click.echo(json.dumps(document, indent=2, ensure_ascii=False))


def print_line(document: object) -> None:
    """One JSON line, flushed: a reader at the other end of a pipe sees it now."""
    click.echo(json.dumps(document, ensure_ascii=False))


def print_table(columns: Iterable[str], rows: Iterable[Iterable[str]], *, empty: str) -> None:
    """A table, or what to say when it has no rows.

    On a terminal cells are folded to its width, but for the first column. Elsewhere each row is one
    aligned line of any length, so that nothing a program reads is broken or cut.
    """
    heads = list(columns)
    cells = [[plain(cell) for cell in row] for row in rows]
    if not cells:
        console(stderr=True).print(empty, markup=False)
        return
    screen = console()
    identifiers = max(cell_len(row[0]) for row in cells)
    # Where identifiers fill the terminal, folding the rest would leave a letter or two a line.
    squeezed = identifiers + _LEAST_COLUMN * (len(heads) - 1) > screen.width
    if squeezed or not screen.is_terminal:
        lines = [heads, *cells]
        widths = [max(cell_len(row[at]) for row in lines) for at in range(len(heads))]
        for row in lines:
            padded = (
                cell + " " * (width - cell_len(cell))
                for cell, width in zip(row, widths, strict=True)
            )
            click.echo("  ".join(padded).rstrip())
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for index, column in enumerate(heads):
        # The first column is what the next command is given: it must be whole to be copied.
        table.add_column(column, overflow="fold", no_wrap=index == 0)
    for row in cells:
        table.add_row(*(escape(cell) for cell in row))
    screen.print(table, soft_wrap=False)


def folded(out: Console, text: str, indent: int) -> str:
    """A line for a person; on a terminal folded between words, the rest indented."""
    if not out.is_terminal:
        return text
    return textwrap.fill(
        text,
        max(out.width, 2 * indent),
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def plain(text: str) -> str:
    """Text without control characters: what a stranger wrote must not steer a terminal."""
    return "".join("?" if unicodedata.category(letter) == "Cc" else letter for letter in text)


def document_of(message: Message) -> dict[str, Any]:
    """A message as JSON: enum names in lower case without prefix, times as RFC 3339, numbers plain.

    Unset optional fields and unset messages are null, so that a reader finds every key.
    """
    return {field.name: _field(message, field) for field in message.DESCRIPTOR.fields}


def _field(message: Message, field: Any) -> Any:
    value = getattr(message, field.name)
    if field.is_repeated:
        entry = field.message_type
        if entry is not None and entry.GetOptions().map_entry:
            return dict(value)
        return [_value(field, item) for item in value]
    if field.has_presence and not message.HasField(field.name):
        return None
    return _value(field, value)


def _value(field: Any, value: Any) -> Any:
    if isinstance(value, Timestamp):
        return value.ToJsonString()
    if isinstance(value, Message):
        return document_of(value)
    if field.enum_type is not None:
        return word_of(field, value)
    return value


def word_of(field: Any, number: int) -> str:
    """The word for an enum's number: INCIDENT_LEVEL_ALERT is "alert"."""
    known = field.enum_type.values_by_number.get(number)
    if known is None:
        return str(number)
    prefix = _CAPITAL.sub("_", field.enum_type.name).upper() + "_"
    return str(known.name).removeprefix(prefix).lower()


def word(message: Message, name: str) -> str:
    """The word for an enum field of a message."""
    return word_of(message.DESCRIPTOR.fields_by_name[name], getattr(message, name))


def last_part(name: str) -> str:
    """The identifier at the end of a resource name."""
    return name.rpartition("/")[2]


def full_name(value: str, parent: str, collection: str) -> str:
    """A resource name from an identifier or from the name itself."""
    return value if value.startswith("missions/") else f"{parent}/{collection}/{value}"


def parse_time(text: str, field: str) -> datetime:
    """An RFC 3339 time with its zone.

    Raises:
        InvalidInputError: it is none, or names no zone.
    """
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidInputError(
            f"{text!r} is not a time such as 2026-11-24T10:15:00Z", field=field
        ) from error
    if time.tzinfo is None:
        raise InvalidInputError(f"{text!r} names no zone; add Z for UTC or +03:00", field=field)
    return time.astimezone(UTC)


def utc(stamp: Timestamp) -> str:
    """A time for a person: UTC, whole seconds, the one form of all commands."""
    return f"{stamp.ToDatetime():%Y-%m-%d %H:%M:%SZ}"


def timestamp_of(time: datetime) -> Timestamp:
    """An aware time as a message."""
    stamp = Timestamp()
    stamp.FromDatetime(time.astimezone(UTC))
    return stamp
