"""The vedette command: each subcommand is imported only when it is called.

So `vedette submit` works where neither the raster library nor the database is installed.
"""

from __future__ import annotations

import importlib
import sys

import click

from models.errors import VedetteError

# Command name -> "module:attribute".
COMMANDS = {
    "serve": "service.cli.serve:serve",
    "submit": "service.cli.submit:submit",
    "watch": "service.cli.watch:watch",
    "pledge": "service.cli.pledge:pledge",
    "position": "service.cli.position:position",
    "rule": "service.cli.rule:rule",
    "incident": "service.cli.incident:incident",
    "product": "service.cli.product:product",
    "model": "service.cli.model:model",
    "detect": "service.cli.detect:detect",
    "locate": "service.cli.locate:locate",
    "doctor": "service.cli.doctor:doctor",
}


class LazyGroup(click.Group):
    """A group whose subcommands are imported when first asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every command, in the order of the table."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, imported now."""
        del ctx
        target = COMMANDS.get(cmd_name)
        if target is None:
            return None
        module, attribute = target.split(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="vedette", prog_name="vedette")
def cli() -> None:
    """Warn peacekeepers of what their pledged drones see near their positions."""


def main() -> None:
    """Run the command; an expected error is one clear line and exit status 1."""
    try:
        cli(prog_name="vedette")
    except VedetteError as error:
        where = f"{error.field}: " if error.field else ""
        click.echo(f"vedette: {where}{error}", err=True)
        sys.exit(1)
