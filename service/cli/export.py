"""`vedette export`: what others work on."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from pathlib import Path

import click
import grpc
from vedette.v1 import negative_pb2

from models.errors import InvalidInputError
from models.wording import counted
from service.cli.output import (
    ServiceGroup,
    as_json,
    connected,
    console,
    in_mission,
    last_part,
    print_document,
    word,
)
from service.cli.progress import progress_of
from service.client import Client
from service.endpoint import write_atomically
from service.errors import ChecksumMismatchError
from service.remote_error import RemoteError

MANIFEST = "negatives.jsonl"
_LOOK_EVERY_S = 0.5


@click.group(cls=ServiceGroup)
def export() -> None:
    """Save what others work on."""


@export.command("hard-negatives")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@in_mission
@click.option(
    "--wait",
    type=click.FloatRange(min=0),
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for chips that are still being cut.",
)
@as_json
@connected
def hard_negatives(
    client: Client, mission: str, folder: Path, wait: float, json_output: bool
) -> None:
    """Save what the model took for somebody and people dismissed as nothing.

    Incidents dismissed as vegetation, animal or artefact become hard negatives; own forces and
    civilian routine are people and vehicles rightly seen, and do not. FOLDER gets a chip of each,
    cut from the original at its full scale, and negatives.jsonl, one JSON object a line: chip,
    sha256, category, confidence, box (left, top, right, bottom in pixels of the chip), reason_code,
    imagery, marking. Given again it brings both up to date. `vedette model train` reads the folder.

    The chips bear the markings of what they were cut from: so does the folder.

    \b
    Example:
      vedette export hard-negatives negatives/ -m unmiss
    """  # noqa: D301 - click wants the backspace itself
    folder.mkdir(parents=True, exist_ok=True)
    known = _listed(client, mission)
    lines, failed, pending = [], [], []
    ends = time.monotonic() + wait
    with progress_of("saving chips", len(known)) as advance:
        for item in known:
            if item.state == negative_pb2.CHIP_STATE_FAILED:
                failed.append({"name": item.name, "reason": item.failure})
            elif (full := _chip(client, item, ends)) is None:
                pending.append(item.name)
            else:
                lines.append(_saved(folder, full))
            advance()
    manifest = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    write_atomically(folder / MANIFEST, manifest.encode())
    if json_output:
        print_document(
            {"path": str(folder), "saved": len(lines), "failed": failed, "pending": pending}
        )
        return
    console().print(f"{folder / MANIFEST}: {counted(len(lines), 'hard negative')}", markup=False)
    err = console(stderr=True)
    for one in failed:
        err.print(f"{one['name']}: no chip: {one['reason']}", markup=False)
    if pending:
        err.print(
            f"not cut yet: {counted(len(pending), 'chip')}; give the command again", markup=False
        )


def _listed(client: Client, mission: str) -> list[negative_pb2.HardNegative]:
    request = negative_pb2.ListHardNegativesRequest(parent=mission, page_size=1000)
    return [
        item
        for page in client.pages(client.negatives.ListHardNegatives, request)
        for item in page.hard_negatives
    ]


def _chip(
    client: Client, item: negative_pb2.HardNegative, ends: float
) -> negative_pb2.HardNegative | None:
    """The same with its chip; None where that is not cut in time, or is none any more."""
    for _ in _tries(ends):
        try:
            return client.call(
                client.negatives.GetHardNegative,
                negative_pb2.GetHardNegativeRequest(name=item.name),
                retry=False,
            )
        except RemoteError as error:
            if error.code is grpc.StatusCode.NOT_FOUND:
                return None
            if error.code is not grpc.StatusCode.UNAVAILABLE:
                raise
    return None


def _tries(ends: float) -> Iterator[None]:
    yield
    while time.monotonic() < ends:
        time.sleep(_LOOK_EVERY_S)
        yield


def _saved(folder: Path, item: negative_pb2.HardNegative) -> dict[str, object]:
    digest = hashlib.sha256(item.chip).hexdigest()
    if digest != item.sha256:
        raise ChecksumMismatchError(f"the chip of {item.name} arrived damaged; get it again")
    name = f"{last_part(item.name)}.jpg"
    if Path(name).name != name:
        raise InvalidInputError(f"{name!r} is no file name", field="name")
    write_atomically(folder / name, item.chip)
    return {
        "chip": name,
        "sha256": item.sha256,
        "category": item.category,
        "confidence": item.confidence,
        "box": [item.left_px, item.top_px, item.right_px, item.bottom_px],
        "reason_code": word(item, "reason_code"),
        "imagery": item.imagery,
        "marking": word(item, "marking").upper().replace("_", " "),
    }
