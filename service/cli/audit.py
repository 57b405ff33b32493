"""`vedette audit`: who saw, decided, changed and exported what, and the proof of it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import click
from vedette.v1 import audit_pb2

from models.errors import InvalidInputError
from models.wording import counted
from service.audit_chain import INSTALLATION, AuditEntry, ChainCheck, entry_line, parse_lines
from service.cli.output import (
    Connect,
    ServiceGroup,
    as_json,
    connectable,
    connected,
    console,
    document_of,
    print_document,
    print_table,
    utc,
)
from service.cli.progress import progress_of
from service.client import Client

_HEAD = re.compile(r"([1-9][0-9]*):([0-9a-f]{64})")
_PAGE = 1000

_MISSION = click.option(
    "--mission",
    "-m",
    envvar="VEDETTE_MISSION",
    show_envvar=True,
    help="The chain of this mission.",
)


@click.group(cls=ServiceGroup)
def audit() -> None:
    """Show, verify and save the audit: who saw, decided, changed and exported what, and when.

    Each mission has a chain of entries, and the installation one for what belongs to no mission.
    An entry holds the hash of the one before, so that none can be changed or taken out unseen.
    """


@audit.command("list")
@_MISSION
@click.option("--installation", is_flag=True, help="The chain of the installation.")
@click.option("--after", type=click.IntRange(min=0), help="Only entries after this number.")
@click.option(
    "--last",
    type=click.IntRange(min=1),
    help="Only so many, the latest.  [default: 50 without --after]",
)
@as_json
@connected
def list_entries(
    client: Client,
    mission: str | None,
    installation: bool,
    after: int | None,
    last: int | None,
    json_output: bool,
) -> None:
    """List entries of a chain, oldest first.

    \b
    Examples:
      vedette audit list -m unmiss
      vedette audit list --installation --after 0 --json
    """  # noqa: D301 - click wants the backspace itself
    chain = _chain(mission, installation=installation)
    head = _heads(client).get(chain, audit_pb2.AuditHead(chain=chain))
    if last is None and after is None:
        last = 50
    start = max(after or 0, 0 if last is None else head.sequence - last)
    if json_output:
        messages = _messages(client, chain, start, head.sequence)
        print_document({"entries": [document_of(message) for message in messages]})
        return
    print_table(
        ("ENTRY", "TIME", "WHO", "ROLE", "WHAT", "ABOUT", "OUTCOME"),
        (
            (
                str(message.sequence),
                utc(message.time),
                message.actor,
                message.role,
                message.action,
                message.subject,
                message.outcome,
            )
            for message in _messages(client, chain, start, head.sequence)
        ),
        empty=f"{chain} has no such entries",
    )


@audit.command("verify")
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False))
# Not from the environment: without a name all chains are walked.
@click.option("--mission", "-m", help="Only the chain of this mission.")
@click.option("--installation", is_flag=True, help="The chain of the installation.")
@click.option(
    "--head",
    "heads",
    multiple=True,
    metavar="N:HASH",
    help="An end of the chain that you noted before; the chain must pass through it. Repeatable.",
)
@as_json
@connectable
def verify(
    connect: Connect,
    file: Path | None,
    mission: str | None,
    installation: bool,
    heads: tuple[str, ...],
    json_output: bool,
) -> None:
    """Walk chains from their first entry on, and name the first entry that is not as written.

    With FILE, one that `audit export` saved, no service is needed. Else the chain that is named is
    walked, or every one that you may read, and held against the end that the service notes in its
    identity folder, outside the ledger.

    Found out: a changed, missing, added or moved entry; a chain that was cut at its end or written
    anew, up to the noted end. Not found out: what was changed by somebody who could write both the
    ledger and the identity folder. Against that, note the end that this command prints somewhere
    else, or keep an export, and give it with --head.

    \b
    Examples:
      vedette audit verify
      vedette audit verify unmiss.jsonl --head 1204:5f0e...
    """  # noqa: D301 - click wants the backspace itself
    anchors = _anchors(heads)
    checks: list[ChainCheck] = []
    if file is not None:
        checks.append(_verify_file(file, anchors))
    else:
        chain = _chain(mission, installation=installation) if mission or installation else None
        if anchors and chain is None:
            raise InvalidInputError("name the chain that --head is of", field="head")
        with connect() as client:
            ends = _heads(client)
            wanted = sorted(ends) if chain is None else [chain]
            checks += [_verify_chain(client, ends.get(name), name, anchors) for name in wanted]
    if json_output:
        print_document({"chains": [_document(check) for check in checks]})
        return
    for check in checks:
        head = check.head
        console().print(
            f"{check.chain}: {counted(head.sequence, 'entry')}, none changed; the end is "
            f"{head.sequence}:{head.hash}",
            markup=False,
        )


@audit.command("export")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@_MISSION
@click.option("--installation", is_flag=True, help="The chain of the installation.")
@as_json
@connected
def export(
    client: Client, file: Path, mission: str | None, installation: bool, json_output: bool
) -> None:
    """Save a whole chain, one entry a line, and verify it on the way.

    Anybody verifies the file later, without a service: `vedette audit verify FILE`. Kept elsewhere
    it proves what was in the ledger today, whatever is done to the ledger after.

    \b
    Example:
      vedette audit export unmiss.jsonl -m unmiss
    """  # noqa: D301 - click wants the backspace itself
    chain = _chain(mission, installation=installation)
    end = _heads(client).get(chain)
    temporary = file.with_name(f".{file.name}.part")
    try:
        with temporary.open("w", encoding="utf-8") as stream:
            check = _verify_chain(
                client, end, chain, {}, lambda entry: stream.write(f"{entry_line(entry)}\n")
            )
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(file)
    finally:
        temporary.unlink(missing_ok=True)
    if json_output:
        print_document({"path": str(file)} | _document(check))
    else:
        head = check.head
        console().print(
            f"{file}: {counted(head.sequence, 'entry')} of {chain}; the end is "
            f"{head.sequence}:{head.hash}",
            markup=False,
        )


def _verify_file(file: Path, anchors: Mapping[int, str]) -> ChainCheck:
    with file.open(encoding="utf-8") as stream:
        check = None
        for entry in parse_lines(stream):
            if check is None:
                check = ChainCheck(chain=entry.chain, anchors=anchors)
            check.add(entry)
    if check is None:
        raise InvalidInputError(f"{file} holds no entries", field="file")
    check.end()
    return check


def _verify_chain(
    client: Client,
    end: audit_pb2.AuditHead | None,
    chain: str,
    anchors: Mapping[int, str],
    each: Callable[[AuditEntry], object] = lambda _entry: None,
) -> ChainCheck:
    """Walk a chain of the service up to the end it had when it was asked for it."""
    last = 0 if end is None else end.sequence
    noted = dict(anchors)
    for lost in () if end is None else end.lost:
        noted.setdefault(lost.sequence, lost.hash)
    if end is not None and end.noted_sequence:
        noted.setdefault(end.noted_sequence, end.noted_hash)
    if end is not None and last:
        noted.setdefault(last, end.hash)
    check = ChainCheck(chain=chain, anchors=noted)
    with progress_of(f"verifying {chain}", last) as advance:
        for message in _messages(client, chain, 0, last):
            entry = _entry(message)
            check.add(entry)
            each(entry)
            advance()
    check.end()
    return check


def _messages(client: Client, chain: str, after: int, last: int) -> Iterator[audit_pb2.AuditEntry]:
    """Entries after a number up to another; reading them adds entries of its own behind."""
    while after < last:
        entries = client.call(
            client.audit.ListAuditEntries,
            audit_pb2.ListAuditEntriesRequest(
                parent=chain, after=after, page_size=min(_PAGE, last - after)
            ),
        ).entries
        if not entries:
            return
        for message in entries:
            if message.sequence > last:
                return
            yield message
        after = entries[-1].sequence


def _heads(client: Client) -> dict[str, audit_pb2.AuditHead]:
    answer = client.call(client.audit.ListAuditChains, audit_pb2.ListAuditChainsRequest())
    return {head.chain: head for head in answer.chains}


def _entry(message: audit_pb2.AuditEntry) -> AuditEntry:
    return AuditEntry(
        chain=message.chain,
        sequence=message.sequence,
        time_us=message.time.seconds * 1_000_000 + message.time.nanos // 1000,
        actor=message.actor,
        role=message.role,
        action=message.action,
        subject=message.subject,
        outcome=message.outcome,
        detail=message.detail,
        previous=message.previous,
        hash=message.hash,
    )


def _anchors(heads: tuple[str, ...]) -> dict[int, str]:
    anchors = {}
    for text in heads:
        found = _HEAD.fullmatch(text)
        if found is None:
            raise InvalidInputError(
                f"{text!r} is not an end as 'audit verify' prints it: N:HASH", field="head"
            )
        anchors[int(found[1])] = found[2]
    return anchors


def _chain(mission: str | None, *, installation: bool) -> str:
    if installation:
        return INSTALLATION
    if not mission:
        raise InvalidInputError(
            "name the chain: --mission MISSION, or --installation", field="mission"
        )
    return f"missions/{mission.removeprefix('missions/')}"


def _document(check: ChainCheck) -> dict[str, object]:
    return {
        "chain": check.chain,
        "sequence": check.head.sequence,
        "hash": check.head.hash,
    }
