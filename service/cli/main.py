"""The vedette command: each subcommand is imported only when it is called.

So `vedette submit` works where neither the raster library nor the database is installed.
"""

from __future__ import annotations

import importlib
import sys
from importlib.metadata import PackageNotFoundError, version

import click
from click.shell_completion import CompletionItem, get_completion_class

from models.errors import VedetteError
from service.cli.error_line import error_line
from service.cli.exit_codes import EXIT_INTERRUPTED, EXIT_REFUSED, EXIT_UNREACHABLE

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
    "credential": ("service.cli.credential:credential", "Say who may call, and as what."),
    "audit": ("service.cli.audit:audit", "Show and verify who did what."),
    "export": ("service.cli.export:export", "Save what others work on, such as hard negatives."),
    "model": ("service.cli.model:model", "Show the detection models."),
    "detect": ("service.cli.detect:detect", "Find objects in files, without a service."),
    "locate": ("service.cli.locate:locate", "Place a pixel on the ground, without a service."),
    "health": ("service.cli.health:health", "Ask the service for its health."),
    "doctor": ("service.cli.doctor:doctor", "Say what a file's metadata lack, without a service."),
}


_COMPLETION_HELP = "Print the completion script of a shell."

# Modules that come with another extra than vedette[service].
_EXTRAS = {
    "faster_coco_eval": "evaluate",
    "yaml": "evaluate",
    "torch": "ultralytics",
    "torchvision": "ultralytics",
    "ultralytics": "ultralytics",
    "safetensors": "ultralytics",
    "psycopg": "postgresql",
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
        except ModuleNotFoundError:
            if ctx.resilient_parsing:  # a shell asks what may follow: there is nobody to tell
                return None
            raise
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Commands and options that begin so; no command is imported for it."""
        told = [(name, text) for name, (_, text) in COMMANDS.items()]
        told.append(("completion", _COMPLETION_HELP))
        return [
            *(
                CompletionItem(name, help=text)
                for name, text in told
                if name.startswith(incomplete)
            ),
            *click.Command.shell_complete(self, ctx, incomplete),
        ]

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
    """Warn peacekeepers of what their pledged drones see near their positions.

    \b
    A first day:
      vedette serve --data-dir vedette-data
      vedette pledge add swe-1 -m unmiss --contributor SWE --marking unclassified
      vedette position add post-12 --mission unmiss --lat 4.8594 --lon 31.5713
      vedette submit flight-7/ --mission unmiss --pledge swe-1 --sortie flight-7
      vedette watch --mission unmiss

    Every command but serve and completion takes --json; an error is then one JSON line on standard
    error. `vedette COMMAND --help` shows options and examples.

    Exit status: 0 done; 1 refused, or something failed; 2 wrong usage; 3 the service cannot be
    reached; 130 interrupted.
    """  # noqa: D301 - click wants the backspace itself


@cli.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script of a shell.

    \b
    Examples:
      vedette completion bash > ~/.local/share/bash-completion/completions/vedette
      vedette completion zsh > ~/.zfunc/_vedette
      vedette completion fish > ~/.config/fish/completions/vedette.fish
    """  # noqa: D301 - click wants the backspace itself
    found = get_completion_class(shell)
    if found is None:
        raise click.ClickException(f"no completion for {shell}")
    # Click's scripts come from templates; its bash class would start a bash to ask its version.
    values = found(cli, {}, "vedette", "_VEDETTE_COMPLETE").source_vars()
    click.echo(found.source_template % values)


def main() -> None:
    """Run the command; an expected error is one clear line and a telling exit status."""
    try:
        # Click itself would end an interrupted command like a refused one.
        ended = cli.main(prog_name="vedette", standalone_mode=False)
    except click.ClickException as error:
        if _wants_json() or not isinstance(error, click.UsageError):
            reason = "USAGE" if isinstance(error, click.UsageError) else "FAILED"
            _tell(error.format_message(), reason=reason)
        else:
            error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        _tell("interrupted", reason="INTERRUPTED")
        sys.exit(EXIT_INTERRUPTED)
    except VedetteError as error:
        _tell(str(error), reason=error.reason, field=error.field)
        sys.exit(EXIT_UNREACHABLE if getattr(error, "unreachable", False) else EXIT_REFUSED)
    except ModuleNotFoundError as error:
        _tell(_install(error), reason="NOT_INSTALLED")
        sys.exit(EXIT_REFUSED)
    except OSError as error:
        where = "" if error.filename is None else f"{error.filename}: "
        _tell(f"{where}{error.strerror or error}", reason="FILE_ERROR")
        sys.exit(EXIT_REFUSED)
    sys.exit(ended if isinstance(ended, int) else 0)


def _wants_json() -> bool:
    """Whether --json was given, also where the rest of the line could not be understood."""
    given = sys.argv[1:]
    return "--json" in (given[: given.index("--")] if "--" in given else given)


def _tell(message: str, *, reason: str, field: str | None = None) -> None:
    """An error on standard error: a line for a person, or a JSON line where --json was given."""
    line = error_line(message, reason=reason, field=field, as_json=_wants_json())
    click.echo(line, err=True)


def _install(error: ModuleNotFoundError) -> str:
    """What to install for a module that is missing.

    Raises:
        ModuleNotFoundError: the module is one of Vedette's own: the installation is broken.
    """
    missing = (error.name or "").partition(".")[0]
    if missing in {"", "models", "pipelines", "service", "vedette"}:
        raise error
    extra = _EXTRAS.get(missing, "service")
    command = next((word for word in sys.argv[1:] if word in COMMANDS), "this command")
    return (
        f''''{command}' needs {missing}, which is not installed: pip install "vedette[{extra}]"'''
    )
