"""The vedette command: each subcommand is imported only when it is called.

So `vedette submit` works where neither the raster library nor the database is installed.
"""

from __future__ import annotations

import importlib
import sys
from importlib.metadata import PackageNotFoundError, version

import click
from click.shell_completion import get_completion_class

from models.errors import VedetteError
from service.cli.exit_codes import EXIT_REFUSED, EXIT_UNREACHABLE

# Command name -> "module:attribute", and what `vedette --help` says of it without importing it.
COMMANDS = {
    "serve": ("service.cli.serve:serve", "Start the service on this machine."),
    "submit": ("service.cli.submit:submit", "Submit photographs, or folders of them."),
    "watch": ("service.cli.watch:watch", "Print incidents as they come."),
    "pledge": ("service.cli.pledge:pledge", "Register and list pledged capabilities."),
    "position": ("service.cli.position:position", "Tell where peacekeepers are."),
    "rule": ("service.cli.rule:rule", "Say what counts as a threat."),
    "incident": ("service.cli.incident:incident", "List, look at and decide on incidents."),
    "product": ("service.cli.product:product", "Save annotated pictures, overlays, evidence."),
    "model": ("service.cli.model:model", "Show the detection models."),
    "detect": ("service.cli.detect:detect", "Find objects in files, without a service."),
    "locate": ("service.cli.locate:locate", "Place a pixel on the ground, without a service."),
    "health": ("service.cli.health:health", "Ask the service for its health."),
    "doctor": ("service.cli.doctor:doctor", "Say what a file's metadata lack, without a service."),
}


class LazyGroup(click.Group):
    """A group whose subcommands are imported when first asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every command, in the order of the table."""
        del ctx
        return [*COMMANDS, "completion"]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, imported now."""
        if cmd_name not in COMMANDS:
            return super().get_command(ctx, cmd_name)
        module, attribute = COMMANDS[cmd_name][0].split(":")
        try:
            command: click.Command = getattr(importlib.import_module(module), attribute)
        except ModuleNotFoundError as error:
            raise click.ClickException(
                f"'vedette {cmd_name}' needs the service parts ({error.name} is not installed): "
                'pip install "vedette[service]"'
            ) from error
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands; it must not import them."""
        del ctx
        rows = [(name, text) for name, (_, text) in COMMANDS.items()]
        rows.append(("completion", "Print the shell completion script."))
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def _version() -> str:
    try:
        return version("vedette")
    except PackageNotFoundError:
        return "not installed"


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(_version(), prog_name="vedette")
def cli() -> None:
    r"""Warn peacekeepers of what their pledged drones see near their positions.

    \b
    A first day:
      vedette serve --data-dir vedette-data
      vedette pledge add swe-1 --mission unmiss --contributor SWE
      vedette position add post-12 --mission unmiss --lat 4.8594 --lon 31.5713
      vedette submit flight-7/ --mission unmiss --pledge swe-1 --sortie flight-7
      vedette watch --mission unmiss

    Exit status: 0 done; 1 refused, or something failed; 2 wrong usage; 3 the service cannot be
    reached; 130 interrupted.
    """


@cli.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    r"""Print the completion script of a shell.

    \b
    Examples:
      vedette completion bash > ~/.local/share/bash-completion/completions/vedette
      vedette completion zsh > ~/.zfunc/_vedette
      vedette completion fish > ~/.config/fish/completions/vedette.fish
    """
    found = get_completion_class(shell)
    if found is None:
        raise click.ClickException(f"no completion for {shell}")
    # Click's scripts come from templates; its bash class would start a bash to ask its version.
    values = found(cli, {}, "vedette", "_VEDETTE_COMPLETE").source_vars()
    click.echo(found.source_template % values)


def main() -> None:
    """Run the command; an expected error is one clear line and a telling exit status."""
    try:
        cli(prog_name="vedette")
    except VedetteError as error:
        where = f"{error.field}: " if error.field else ""
        click.echo(f"vedette: {where}{error} [{error.reason}]", err=True)
        sys.exit(EXIT_UNREACHABLE if getattr(error, "unreachable", False) else EXIT_REFUSED)
