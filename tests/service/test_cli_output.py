from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from rich.console import Console

from service.cli import output
from service.cli.main import cli
from service.cli.output import plain, print_table
from service.cli.resources import shortened

NAME = "missions/unmiss/incidents/18fde364-e1f7-52af-8675-ca477d84aff3/products/annotated-image"


def test_off_a_terminal_a_row_is_one_line_however_long(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    print_table(("PRODUCT", "FILE"), [(NAME * 4, "a b.kmz"), ("x", "[red]é°日.jpg")], empty="none")
    shown = capsys.readouterr().out.splitlines()
    width = len(NAME * 4) + 2
    assert shown == [
        "PRODUCT".ljust(width) + "FILE",
        (NAME * 4).ljust(width) + "a b.kmz",
        "x".ljust(width) + "[red]é°日.jpg",
    ]


def test_on_a_terminal_the_first_column_is_whole_and_the_rest_folded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    screen = Console(record=True, force_terminal=True, width=60, emoji=False)
    monkeypatch.setattr(output, "console", lambda **_: screen)
    print_table(("INCIDENT", "TEXT"), [(NAME[26:62], "word " * 20)], empty="none")
    lines = screen.export_text().splitlines()
    assert len(lines) > 3
    assert max(map(len, lines)) <= 60
    assert NAME[26:62] in lines[1]


def test_an_empty_table_leaves_standard_output_empty(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("A",), [], empty="no such incidents")
    told = capsys.readouterr()
    assert (told.out, told.err) == ("", "no such incidents\n")


def test_what_a_stranger_wrote_cannot_steer_the_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert plain("our truck\x1b[31m\x07\r\n\x9b2J") == "our truck?[31m????2J"
    print_table(("NAME",), [("\x1b]0;title\x07",)], empty="")
    assert capsys.readouterr().out == "NAME\n?]0;title?\n"


def test_shortened_identifiers_tell_all_apart() -> None:
    found = shortened(["18fde364-e1f7", "18fde364-e2a0", "192d4759-aaaa", "abc"])
    assert found == {
        "18fde364-e1f7": "18fde364-e1",
        "18fde364-e2a0": "18fde364-e2",
        "192d4759-aaaa": "192d4759",
        "abc": "abc",
    }


def test_identifiers_that_fill_the_terminal_leave_rows_unfolded(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = Console(force_terminal=True, width=80, emoji=False)
    monkeypatch.setattr(output, "console", lambda **_: screen)
    print_table(("PRODUCT", "TYPE"), [(NAME, "image/jpeg")], empty="none")
    assert capsys.readouterr().out.splitlines()[1] == f"{NAME}  image/jpeg"


OUTPUTS = ("incident chip", "product get", "pledge report", "rule defaults", "model quantise")


def commands(group: click.Group, before: str = "") -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, f"{before}{name} ")
        else:
            yield f"{before}{name}", command


def test_what_is_saved_is_named_by_one_option_everywhere() -> None:
    found = {}
    for name, command in commands(cli):
        for parameter in command.params:
            if isinstance(parameter, click.Option) and {"-o", "--output"} & set(parameter.opts):
                found[name] = parameter.opts[:2]
            assert not {"--out", "--into"} & set(parameter.opts), name
    assert found == {name: ["--output", "-o"] for name in OUTPUTS}


def test_times_for_people_are_utc_to_the_second() -> None:
    stamp = Timestamp()
    stamp.FromJsonString("2026-11-24T12:15:00.987654+02:00")
    assert output.utc(stamp) == "2026-11-24 10:15:00Z"


def test_no_command_prints_times_of_another_form() -> None:
    """JSON has RFC 3339; what is for people goes through `utc`."""
    told = {
        path.name: path.read_text("utf-8").count("ToJsonString")
        for path in Path(output.__file__).parent.glob("*.py")
    }
    # Documents in output.py, and the JSON line of a patrol's report.
    assert {name: count for name, count in told.items() if count} == {
        "output.py": 1,
        "position_report.py": 1,
    }
