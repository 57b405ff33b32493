from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from service.cli.main import COMMANDS, cli
from service.endpoint import Endpoint, EndpointMissingError, await_endpoint

# What a field client has not: everything that only the extras bring.
HIDE = """
import sys
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {names!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Hidden())
from service.cli.main import main
main()
"""
EXTRAS = {
    "alembic", "cryptography", "grpc_health", "grpc_reflection", "mgrs", "minio", "cv2", "openvino",
    "pydantic", "pydantic_settings", "pytak", "rasterio", "scipy", "shapely", "sqlalchemy", "torch",
    "ultralytics", "safetensors", "psycopg",
}  # fmt: skip


def run(*arguments: str, hidden: set[str] | None = None) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, some modules hidden from it."""
    code = HIDE.format(names=hidden or set())
    environment = {name: value for name, value in os.environ.items() if "VEDETTE" not in name}
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=environment,
    )


def _paths() -> Iterator[tuple[str, ...]]:
    context = click.Context(cli)
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        yield (name,)
        if isinstance(command, click.Group):
            yield from ((name, below) for below in command.commands)


PATHS = list(_paths())


@pytest.mark.parametrize("path", PATHS, ids=" ".join)
def test_every_help_teaches_with_an_example_on_lines_of_its_own(path: tuple[str, ...]) -> None:
    text = CliRunner().invoke(cli, [*path, "--help"]).stdout
    assert "\\b" not in text
    assert "\b" not in text
    command = cli.get_command(click.Context(cli), path[0])
    if len(path) == 1 and isinstance(command, click.Group):
        assert re.search(rf"^  {next(iter(command.commands))} ", text, re.MULTILINE)
    else:
        assert re.search(r"^  Examples?:\n    vedette " + " ".join(path), text, re.MULTILINE)


@pytest.mark.parametrize("path", [("submit",), ("incident", "decide"), ("health",)])
def test_what_finds_the_service_is_told_apart_in_help(path: tuple[str, ...]) -> None:
    text = CliRunner().invoke(cli, [*path, "--help"]).stdout
    options, finding = text.split("\nFinding the service:\n")
    own = options.partition("\nOptions:\n")[2]
    assert re.search(r"^  --json  ", own, re.MULTILINE)
    assert not re.search(r"^  [A-Z]", own, re.MULTILINE)
    assert "--endpoint" not in own
    assert "--data-dir" in finding


@pytest.mark.parametrize("path", [p for p in PATHS if p not in {("serve",), ("completion",)}])
def test_every_command_but_two_takes_json(path: tuple[str, ...]) -> None:
    command: click.Command | None = cli
    for name in path:
        assert isinstance(command, click.Group)
        command = command.get_command(click.Context(cli), name)
    if command is not None and not isinstance(command, click.Group):
        assert any("--json" in option.opts for option in command.params)


@pytest.mark.parametrize("path", PATHS, ids=" ".join)
def test_every_example_is_a_line_that_the_command_understands(
    path: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = CliRunner().invoke(cli, [*path, "--help"]).stdout
    lines = re.findall(r"^    vedette (.*?)(?: [|>].*)?$", text, re.MULTILINE)
    for line in lines:
        words = shlex.split(line)
        for word in words:  # files that the examples speak of
            if "." in word and ":" not in word and word[0] != "-" and not is_number(word):
                Path(word).parent.mkdir(parents=True, exist_ok=True)
                Path(word).write_text("")
            elif word.endswith("/"):
                Path(word).mkdir(parents=True, exist_ok=True)
        context = cli.make_context("vedette", list(words))
        name, command, rest = cli.resolve_command(context, words)
        assert command is not None
        if isinstance(command, click.Group):
            _, command, rest = command.resolve_command(
                click.Context(command, parent=context, info_name=name), rest
            )
            assert command is not None
        command.make_context(name, list(rest), parent=context).close()


def is_number(word: str) -> bool:
    try:
        float(word.replace(",", ""))
    except ValueError:
        return False
    return True


def test_the_list_of_commands_names_every_one() -> None:
    text = CliRunner().invoke(cli, ["--help"]).stdout
    for name in (*COMMANDS, "completion"):
        assert re.search(rf"^  {name}  ", text, re.MULTILINE)


def test_an_error_is_one_json_line_on_standard_error_where_json_is_asked(tmp_path: Path) -> None:
    nowhere = ("--data-dir", str(tmp_path), "-m", "unmiss")
    told = run("incident", "list", *nowhere, "--json")
    assert (told.returncode, told.stdout) == (3, "")
    (line,) = told.stderr.splitlines()
    error = json.loads(line)["error"]
    assert (error["reason"], error["field"]) == ("ENDPOINT_NOT_FOUND", "endpoint")
    assert str(tmp_path) in error["message"]

    told = run("incident", "list", *nowhere)
    assert told.stderr.startswith("vedette: endpoint: no service found at ")
    assert told.stderr.endswith(" [ENDPOINT_NOT_FOUND]\n")


def test_wrong_usage_is_told_in_the_same_form() -> None:
    told = run("submit", "--json")
    assert (told.returncode, told.stdout) == (2, "")
    assert json.loads(told.stderr)["error"]["reason"] == "USAGE"
    told = run("submit")
    assert told.returncode == 2
    assert told.stderr.startswith("Usage: vedette submit")


def test_a_file_that_cannot_be_read_is_no_traceback(tmp_path: Path) -> None:
    told = run("position", "import", str(tmp_path), "-m", "unmiss")
    assert told.returncode == 2
    assert "Traceback" not in told.stderr
    folder = tmp_path / "pose.json"
    folder.write_bytes(b"\xff\xfe")
    told = run("locate", str(folder), "--pixel", "1,1", "--json")
    assert told.returncode == 1
    assert json.loads(told.stderr)["error"]["reason"]


@pytest.mark.parametrize(
    ("arguments", "hidden", "extra"),
    [
        (("serve",), EXTRAS, "vedette[service]"),
        (("locate", __file__, "--pixel", "1,1"), EXTRAS, "vedette[service]"),
        (("detect", __file__), EXTRAS, "vedette[service]"),
        (("detect", __file__, "--engine", "ultralytics"), {"torch"}, "vedette[ultralytics]"),
    ],
    ids=["serve", "locate", "detect", "torch"],
)
def test_what_needs_an_extra_says_which(
    arguments: tuple[str, ...], hidden: set[str], extra: str
) -> None:
    told = run(*arguments, hidden=hidden)
    assert told.returncode == 1
    assert told.stderr.count("\n") == 1
    assert extra in told.stderr


@pytest.mark.parametrize(
    "name", [each for each in COMMANDS if each not in {"serve", "detect", "locate"}]
)
def test_the_field_client_needs_no_extra(name: str) -> None:
    assert run(name, "--help", hidden=EXTRAS).returncode == 0


def test_the_field_client_looks_for_the_service_without_any_extra(tmp_path: Path) -> None:
    told = run("health", "--data-dir", str(tmp_path), hidden=EXTRAS)
    assert told.returncode == 3
    assert told.stdout.startswith("unreachable: no service found at ")
    told = run("health", "--data-dir", str(tmp_path), "--json", hidden=EXTRAS)
    assert told.returncode == 3
    answer = json.loads(told.stdout)
    assert (answer["address"], answer["health"]) == (None, "unreachable")


@pytest.mark.parametrize("trace", ["identity", "ledger.sqlite3", None])
def test_a_service_that_restarts_is_waited_for_where_one_has_lived(
    tmp_path: Path, trace: str | None
) -> None:
    if trace is not None:
        (tmp_path / trace).touch()
    started = time.monotonic()
    with pytest.raises(EndpointMissingError):
        await_endpoint(None, tmp_path, patience_s=0.6)
    took = time.monotonic() - started
    assert took < 0.2 if trace is None else 0.6 <= took < 5.0
    written = Endpoint(address="h:1", ca_file=tmp_path / "ca", token_file=tmp_path / "token")
    timer = threading.Timer(0.3, written.write, [tmp_path / "endpoint.json"])
    timer.start()
    if trace is not None:
        assert await_endpoint(None, tmp_path, patience_s=20.0) == written
    timer.join()


def test_control_c_ends_with_130(tmp_path: Path) -> None:
    # A listener that never answers: the call waits until it is interrupted.
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        (tmp_path / "ca.pem").write_text("")
        (tmp_path / "token").write_text("t")
        (tmp_path / "endpoint.json").write_text(
            json.dumps(
                {
                    "address": f"127.0.0.1:{silent.getsockname()[1]}",
                    "ca_file": "ca.pem",
                    "token_file": "token",
                }
            )
        )
        # Tests that run in the background may ignore the signal, and so would what they start.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        waiting = subprocess.Popen(
            [
                *(sys.executable, "-m", "service.cli", "watch", "-m", "unmiss"),
                *("--data-dir", str(tmp_path), "--since", "7"),
            ],
            stderr=subprocess.PIPE,
            text=True,
        )
        signal.signal(signal.SIGINT, before)
        time.sleep(2.0)
        waiting.send_signal(signal.SIGINT)
        _, told = waiting.communicate(timeout=20)
    assert waiting.returncode == 130
    assert "--since 7" in told
    assert "[INTERRUPTED]" in told
    assert "Traceback" not in told


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("vedette ", set(COMMANDS) | {"completion"}),
        ("vedette he", {"health"}),
        ("vedette incident d", {"decide"}),
        ("vedette watch --s", {"--since"}),
        ("vedette position add p --kind ca", {"camp"}),
    ],
)
def test_bash_completes_commands_options_and_values(
    line: str, expected: set[str], tmp_path: Path
) -> None:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("no bash")
    script = CliRunner().invoke(cli, ["completion", "bash"]).stdout
    # The command as a field client has it: completion must not need the extras.
    program = tmp_path / "vedette"
    program.write_text(f"#!{sys.executable}\n" + HIDE.format(names=EXTRAS))
    program.chmod(0o755)
    words = line.split(" ")
    asked = (
        f"{script}\n"
        f"COMP_WORDS=({' '.join(word or chr(39) * 2 for word in words)})\n"
        f"COMP_CWORD={len(words) - 1}\n"
        "_vedette_completion vedette\n"
        'printf "%s\\n" "${COMPREPLY[@]}"\n'
    )
    done = subprocess.run(
        [bash, "--norc", "-c", asked],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env=os.environ
        | {
            "PATH": f"{tmp_path}:{os.environ['PATH']}",
            "PYTHONPATH": ":".join(filter(None, sys.path)),
        },
    )
    assert set(done.stdout.split()) == expected


def test_a_pledge_is_not_registered_without_its_marking() -> None:
    told = CliRunner().invoke(
        cli, ["pledge", "add", "swe-1", "-m", "unmiss", "-c", "SWE", "--data-dir", "none"]
    )
    assert told.exit_code == 2
    for word in ("--marking", "unclassified", "confidential", "strictly-confidential"):
        assert word in told.stderr
