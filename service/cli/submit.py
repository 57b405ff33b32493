"""`vedette submit`: send photographs and learn what became of them."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from vedette.v1 import imagery_pb2

from models.errors import InvalidInputError, VedetteError
from models.wording import counted
from service.cli.exit_codes import EXIT_REFUSED
from service.cli.output import (
    ServiceCommand,
    as_json,
    connected,
    console,
    document_of,
    full_name,
    last_part,
    parse_time,
    plain,
    print_document,
    word,
)
from service.client import Client, Submitted
from service.errors import NotFoundError

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff"})


@dataclass(kw_only=True, slots=True)
class Sent:
    """One file and what became of it."""

    path: Path
    submitted: Submitted | None = None
    imagery: imagery_pb2.Imagery | None = None
    error: VedetteError | None = None

    @property
    def status(self) -> str:
        """One word: accepted, already_known, looked_at_again, failed or refused."""
        if self.submitted is None or self.imagery is None:
            return "refused"
        if self.imagery.state == imagery_pb2.IMAGERY_STATE_FAILED:
            return "failed"
        if self.submitted.looked_at_again:
            return "looked_at_again"
        if self.submitted.duplicate:
            return "already_known"
        return "accepted"

    @property
    def resumed_from(self) -> int:
        """Byte at which it went on; 0 where nothing was sent before, or nothing had to be."""
        if self.submitted is None or self.submitted.duplicate:
            return 0
        return self.submitted.resumed_from

    @property
    def document(self) -> dict[str, Any]:
        """As JSON."""
        error = self.error
        return {
            "path": str(self.path),
            "status": self.status,
            "resumed_from": self.resumed_from,
            "imagery": document_of(self.imagery) if self.imagery else None,
            "error": None
            if error is None
            else {"reason": error.reason, "field": error.field, "message": str(error)},
        }


@click.command(cls=ServiceCommand)
@click.argument(
    "paths",
    nargs=-1,
    required=True,
    type=click.Path(path_type=Path, exists=True),
    metavar="PATH...",
)
@click.option(
    "--mission",
    "-m",
    envvar="VEDETTE_MISSION",
    show_envvar=True,
    help="The mission, where --pledge is only an identifier.",
)
@click.option(
    "--pledge",
    "-p",
    required=True,
    envvar="VEDETTE_PLEDGE",
    show_envvar=True,
    help="missions/MISSION/pledges/PLEDGE, or PLEDGE with --mission.",
)
@click.option("--sortie", "-s", required=True, help="The sortie these files come from.")
@click.option(
    "--pose",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A pose file (JSON; docs/reference.md, 'Pose format'), where the metadata do not suffice; "
    "for every PATH given.",
)
@click.option("--captured-at", help="When it was taken, for example 2026-11-24T10:15:00Z.")
@click.option("--wait", is_flag=True, help="Wait until every file is processed.")
@as_json
@connected
def submit(
    client: Client,
    paths: tuple[Path, ...],
    mission: str | None,
    pledge: str,
    sortie: str,
    pose: Path | None,
    captured_at: str | None,
    wait: bool,
    json_output: bool,
) -> None:
    """Submit photographs, or folders of them, of one sortie.

    A cut submission goes on where it stopped: by itself, and also when you give the same command
    again. Bytes that the mission already has are not stored twice; with another --pose or
    --captured-at they are looked at again. Folders are searched for JPEG,
    PNG and TIFF files by their names; other files there are listed as skipped.

    Exit status: 0 when every file was accepted (with --wait: processed), 1 when one was not, 3 when
    the service could not be reached, 130 after Ctrl-C.

    \b
    Examples:
      vedette submit IMG_0012.JPG --pledge missions/unmiss/pledges/swe-1 --sortie s-041
      vedette submit flight-7/ -m unmiss -p swe-1 -s flight-7 --wait
      vedette submit frame.png -m unmiss -p swe-1 -s s-1 --pose frame.pose.json
    """  # noqa: D301 - click wants the backspace itself
    name = _pledge_name(pledge, mission)
    time = parse_time(captured_at, "captured_at") if captured_at else None
    pose_json = _pose_text(pose) if pose else ""
    files, skipped = _files(paths)
    if not files:
        raise InvalidInputError("no JPEG, PNG or TIFF file there", field="path")
    if not json_output:
        for path in skipped:
            console(stderr=True).print(
                plain(f"skipped {path}: no JPEG, PNG or TIFF by its name"), markup=False
            )
    sent: list[Sent] = []
    try:
        with _bars(files, shown=not json_output) as bar:
            for path in files:
                item = _send(client, path, name, sortie, pose_json, time, bar(path))
                _expect_pledge(item, name, first=not sent)
                sent.append(item)
            if wait:
                for item in sent:
                    _await_processed(client, item)
    except KeyboardInterrupt:
        taken = sum(item.error is None for item in sent)
        click.echo(
            f"vedette: {taken} of {counted(len(files), 'file')} with the service; give "
            "the same command again and it goes on where it stopped",
            err=True,
        )
        raise
    if json_output:
        print_document(
            {
                "submissions": [item.document for item in sent],
                "skipped": [str(path) for path in skipped],
            }
        )
    else:
        stated = " and ".join(
            word for word, given in (("pose", pose), ("capture time", captured_at)) if given
        )
        _tell(sent, sortie, stated)
    if any(item.status in ("refused", "failed") or item.error for item in sent):
        sys.exit(EXIT_REFUSED)


def _send(
    client: Client,
    path: Path,
    pledge: str,
    sortie: str,
    pose_json: str,
    captured_at: datetime | None,
    progress: Callable[[int, int], None],
) -> Sent:
    try:
        submitted = client.submit(
            path,
            pledge=pledge,
            sortie=sortie,
            pose_json=pose_json,
            captured_at=captured_at,
            progress=progress,
        )
    except VedetteError as error:
        if getattr(error, "unreachable", False):
            raise
        return Sent(path=path, error=error)
    return Sent(path=path, submitted=submitted, imagery=submitted.imagery)


def _expect_pledge(item: Sent, pledge: str, *, first: bool) -> None:
    """Say who registers a pledge and how, before every file is refused for the lack of it."""
    error = item.error
    if not first or error is None or error.reason != "NOT_FOUND" or "pledge" not in error.field:
        return
    mission = pledge.split("/")[1]
    raise NotFoundError(
        f"{error}; nothing was sent. 'vedette pledge list -m {mission}' shows those that you may "
        "use. To register it ask an operator or administrator of the mission, who gives: "
        f"vedette pledge add {last_part(pledge)} -m {mission} --contributor CODE --marking MARKING "
        "(that of the state, for example SWE; unclassified, confidential or strictly-confidential)",
        field="pledge",
    )


def _await_processed(client: Client, item: Sent) -> None:
    if item.imagery is None:
        return
    for imagery in client.watch_imagery(item.imagery.name):
        item.imagery = imagery


def _tell(sent: list[Sent], sortie: str, stated: str) -> None:
    out = console()
    for item in sent:
        if item.error is not None:
            where = f"{item.error.field}: " if item.error.field else ""
            told = plain(f"{item.path}: {where}{item.error} ({item.error.reason})")
            out.print(f"[red]refused[/red] {escape(told)}")
            continue
        if item.imagery is None or item.submitted is None:
            continue
        notes = []
        if item.submitted.looked_at_again:
            notes.append(f"known; looked at again with the stated {stated}")
        elif item.submitted.duplicate:
            notes.append("the mission already had these bytes")
        if item.imagery.sortie != sortie:
            notes.append(f"kept under sortie {item.imagery.sortie}")
        if item.resumed_from:
            notes.append(f"resumed at byte {item.resumed_from}")
        state = word(item.imagery, "state")
        if item.imagery.state == imagery_pb2.IMAGERY_STATE_PROCESSED:
            place = word(item.imagery, "outcome").replace("_", " ")
            notes.append(f"{counted(item.imagery.detection_count, 'detection')}, {place}")
        if item.imagery.failure:
            notes.append(item.imagery.failure)
        colour = "red" if item.status == "failed" else "green"
        told = f" ({'; '.join(notes)})" if notes else ""
        line = plain(f"{item.path} -> {last_part(item.imagery.name)}{told}")
        out.print(f"[{colour}]{state}[/{colour}] {escape(line)}")
    known = sum(item.status in ("already_known", "looked_at_again") for item in sent)
    refused = sum(item.status in ("refused", "failed") for item in sent)
    out.print(
        f"{counted(len(sent), 'file')}: {len(sent) - known - refused} accepted, "
        f"{known} already known, {refused} refused or failed"
    )


@contextlib.contextmanager
def _bars(
    files: Sequence[Path], *, shown: bool
) -> Iterator[Callable[[Path], Callable[[int, int], None]]]:
    """A bar for all bytes and one for the file on its way, on a terminal's standard error."""
    screen = console(stderr=True)
    if not (shown and screen.is_terminal):
        yield lambda _path: lambda _done, _size: None
        return
    sizes = {path: _size(path) for path in files}
    with Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=screen,
        transient=True,
    ) as progress:
        whole = progress.add_task(counted(len(files), "file"), total=sum(sizes.values()))
        current: TaskID | None = None
        before = 0

        def start(path: Path) -> Callable[[int, int], None]:
            nonlocal current, before
            if current is not None:
                progress.remove_task(current)
            begun = before
            before += sizes[path]
            number = files.index(path) + 1
            current = task = progress.add_task(
                plain(f"{number}/{len(files)} {path.name}"), total=sizes[path]
            )
            progress.update(whole, completed=begun)

            def advance(done: int, size: int) -> None:
                progress.update(task, completed=done, total=size)
                progress.update(whole, completed=begun + done)

            return advance

        yield start


def _size(path: Path) -> int:
    """Bytes of a file; 0 where it cannot be read, which its submission will tell."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _pledge_name(pledge: str, mission: str | None) -> str:
    if "/" not in pledge and mission is None:
        raise InvalidInputError(
            "give missions/MISSION/pledges/PLEDGE, or the mission with --mission", field="pledge"
        )
    mission_id = (mission or "").removeprefix("missions/")
    return full_name(pledge, f"missions/{mission_id}", "pledges")


def _pose_text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"cannot read {path}: {error}", field="pose") from error


def _files(paths: tuple[Path, ...]) -> tuple[list[Path], list[Path]]:
    """Files to send, each once, and files of folders that are skipped; hidden ones are neither."""
    files: dict[Path, None] = {}
    skipped = []
    for path in paths:
        if not path.is_dir():
            files[path] = None
            continue
        for file in sorted(path.rglob("*")):
            if not file.is_file() or file.name.startswith("."):
                continue
            if file.suffix.lower() in SUFFIXES:
                files[file] = None
            else:
                skipped.append(file)
    return list(files), skipped
