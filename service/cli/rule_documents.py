"""`vedette rule check` and `vedette rule defaults`: documents of rules, without a service."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from models.errors import InvalidInputError
from pipelines.threats.rules.default_rules import DEFAULT_RULES
from pipelines.threats.rules.rule import Rule
from pipelines.threats.rules.rule_document import (
    MAX_DOCUMENT,
    RuleDocumentError,
    read_rule,
    rule_document,
    rule_toml,
)
from service.cli.error_line import error_line
from service.cli.output import ServiceCommand, as_json, print_document


@click.command("check", cls=ServiceCommand)
@click.argument("file", metavar="FILE")
@as_json
def check_rule(file: str, json_output: bool) -> None:
    """Check a document without a service: what it says with every default, or what is wrong.

    \b
    Example:
      vedette rule check convoys.toml
    """  # noqa: D301 - click wants the backspace itself
    found = read_document(file, json_output=json_output)
    if json_output:
        print_document(rule_document(found))
    else:
        click.echo(rule_toml(found), nl=False)


@click.command("defaults", cls=ServiceCommand)
@click.argument("rule_id", required=False)
@click.option(
    "--output",
    "-o",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder to save each to as a document; made when missing.  [all on standard output]",
)
@click.option("--json", "json_output", is_flag=True, help="Print JSON instead of TOML.")
def default_rules(rule_id: str | None, output: Path | None, json_output: bool) -> None:
    """Show the built-in rules as documents to begin with; needs no service.

    A first rule of a mission's own takes all built-in ones out of force: set those as well that the
    mission wants to keep.

    \b
    Example:
      vedette rule defaults route-new > route-new.toml
      vedette rule defaults -o rules
    """  # noqa: D301 - click wants the backspace itself
    chosen = [it for it in DEFAULT_RULES if rule_id in (None, it.rule_id)]
    if not chosen:
        known = ", ".join(it.rule_id for it in DEFAULT_RULES)
        raise InvalidInputError(f"none is called {str(rule_id)[:80]!r}: {known}", field="rule_id")
    if output is not None:
        output.mkdir(parents=True, exist_ok=True)
        for it in chosen:
            path = output / f"{it.rule_id}.toml"
            path.write_text(rule_toml(it), "utf-8")
            click.echo(path)
    elif json_output:
        print_document(
            rule_document(chosen[0]) if rule_id else {"rules": [rule_document(it) for it in chosen]}
        )
    else:
        click.echo("\n".join(rule_toml(it) for it in chosen), nl=False)


def read_document(file: str, *, json_output: bool) -> Rule:
    """The rule of a file, or of standard input for "-".

    Each fault of it but the last is told on a line of its own.

    Raises:
        InvalidInputError: it cannot be read, or is none; names the last fault.
    """
    try:
        return read_rule(text_of(file))
    except RuleDocumentError as error:
        *others, last = error.faults
        for field, message in others:
            told = error_line(message, reason=error.reason, field=field, as_json=json_output)
            click.echo(told, err=True)
        raise RuleDocumentError([last]) from error


def text_of(file: str) -> str:
    """What a file holds, or standard input for "-".

    Raises:
        InvalidInputError: it cannot be read, is too long, or is no text.
    """
    try:
        if file == "-":
            data = sys.stdin.buffer.read(4 * MAX_DOCUMENT + 1)
        else:
            with Path(file).open("rb") as stream:
                data = stream.read(4 * MAX_DOCUMENT + 1)
        return data.decode("utf-8-sig")
    except OSError as error:
        hint = ""
        if isinstance(error, FileNotFoundError) and "." not in file:
            hint = "; to set a rule by name, give --category and --radius"
        raise InvalidInputError(
            f"cannot read {file}: {error.strerror}{hint}", field="file"
        ) from error
    except UnicodeDecodeError as error:
        raise InvalidInputError(f"{file} is not UTF-8 text", field="file") from error
