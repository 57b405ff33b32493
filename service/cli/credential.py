"""`vedette credential`: who may call, and as what."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import click
from rich.markup import escape
from vedette.v1 import access_pb2, pledge_pb2

from models.errors import InvalidInputError
from service.cli.output import (
    ServiceGroup,
    as_json,
    connected,
    console,
    document_of,
    last_part,
    parse_time,
    print_document,
    print_table,
    timestamp_of,
    utc,
    word,
)
from service.client import Client
from service.clock import utc_now
from service.endpoint import write_atomically

ROLES = {
    "contributor": access_pb2.ROLE_CONTRIBUTOR,
    "analyst": access_pb2.ROLE_ANALYST,
    "operator": access_pb2.ROLE_OPERATOR,
    "liaison": access_pb2.ROLE_LIAISON,
    "administrator": access_pb2.ROLE_ADMINISTRATOR,
}
CLEARANCES = {
    "unclassified": pledge_pb2.MARKING_UNCLASSIFIED,
    "confidential": pledge_pb2.MARKING_CONFIDENTIAL,
    "strictly-confidential": pledge_pb2.MARKING_STRICTLY_CONFIDENTIAL,
}


@click.group(cls=ServiceGroup)
def credential() -> None:
    """Say who may call, as what, in which missions, and up to which marking.

    \b
    contributor    submits and sees the imagery of its own state's pledges; no position, rule or
                   incident
    analyst        reads what the mission has, sets rules, exports hard negatives
    operator       also decides on incidents, releases them, and says where peacekeepers are
    liaison        somebody outside: reads the incidents that were released to its recipient
    administrator  everything, with credentials and the audit
    """  # noqa: D301 - click wants the backspace itself


@credential.command("create")
@click.argument("name")
@click.option("--role", required=True, type=click.Choice(list(ROLES)), help="What it may do.")
@click.option(
    "--mission",
    "-m",
    "missions",
    multiple=True,
    help="A mission that it belongs to; repeatable.",
)
@click.option("--all-missions", is_flag=True, help="It belongs to every mission there will be.")
@click.option(
    "--clearance",
    required=True,
    type=click.Choice(list(CLEARANCES)),
    help="The highest marking it may read.",
)
@click.option("--contributor", default="", help="Of a contributor: its state, such as SWE.")
@click.option("--recipient", default="", help="Of a liaison: whose releases it reads.")
@click.option("--expires", help="When it ends: days such as 30d, or a time with its zone.")
@click.option(
    "--save-token",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the token to this new file of mode 0600 instead of showing it.",
)
@as_json
@connected
def create(
    client: Client,
    name: str,
    role: str,
    missions: tuple[str, ...],
    all_missions: bool,
    clearance: str,
    contributor: str,
    recipient: str,
    expires: str | None,
    save_token: Path | None,
    json_output: bool,
) -> None:
    """Make a credential for one person or device, and tell its token once.

    The service keeps a hash of the token alone: a lost one is revoked and made anew under another
    name. The person gives its file with --token-file, or names it in an endpoint.json of their own.
    Give each person a credential of their own: a release takes two of them, and the audit tells
    them apart by their names.

    \b
    Examples:
      vedette credential create lt-berg --role operator -m unmiss --clearance confidential
      vedette credential create swe-cell --role contributor -m unmiss --clearance confidential
          --contributor SWE --expires 180d --save-token swe.token
      vedette credential create host-lo --role liaison -m unmiss --clearance unclassified
          --recipient "host state"
    """  # noqa: D301 - click wants the backspace itself
    if all_missions == bool(missions):
        raise InvalidInputError(
            "name the missions with --mission, or give --all-missions", field="mission"
        )
    if save_token is not None and save_token.exists():
        raise InvalidInputError(f"{save_token} is there already", field="save_token")
    asked = access_pb2.Credential(
        role=ROLES[role],
        missions=["missions/-"]
        if all_missions
        else [f"missions/{mission.removeprefix('missions/')}" for mission in missions],
        clearance=CLEARANCES[clearance],
        contributor=contributor,
        recipient=recipient,
    )
    if expires is not None:
        asked.expire_time.CopyFrom(timestamp_of(_end(expires, utc_now())))
    # Not tried again: a second try would find the name taken, and the token of the first lost.
    made = client.call(
        client.access.CreateCredential,
        access_pb2.CreateCredentialRequest(credential_id=name, credential=asked),
        retry=False,
    )
    if save_token is not None:
        write_atomically(save_token, made.token.encode() + b"\n")
    if json_output:
        document = document_of(made)
        if save_token is not None:
            document |= {"token": None, "token_file": str(save_token)}
        print_document(document)
        return
    told = escape(_told(made.credential))
    if save_token is not None:
        console().print(told)
        console().print(f"its token is in {save_token}", markup=False)
        return
    # The token alone on standard output: it can be sent straight to a file.
    err = console(stderr=True)
    err.print(told)
    err.print("its token, shown this once:", markup=False)
    click.echo(made.token)


@credential.command("list")
@click.option("--all", "with_ended", is_flag=True, help="Also those that were revoked or expired.")
@as_json
@connected
def list_credentials(client: Client, with_ended: bool, json_output: bool) -> None:
    """List the credentials of the missions you administer.

    \b
    Example:
      vedette credential list --all
    """  # noqa: D301 - click wants the backspace itself
    now = utc_now()
    found = [
        item
        for page in client.pages(
            client.access.ListCredentials, access_pb2.ListCredentialsRequest(page_size=1000)
        )
        for item in page.credentials
        if with_ended or not _ended(item, now)
    ]
    if json_output:
        print_document({"credentials": [document_of(item) for item in found]})
        return
    print_table(
        ("CREDENTIAL", "ROLE", "MISSIONS", "CLEARANCE", "FOR", "STATE"),
        (
            (
                last_part(item.name),
                word(item, "role"),
                _missions(item),
                word(item, "clearance").replace("_", " "),
                item.contributor or item.recipient,
                _state(item, now),
            )
            for item in found
        ),
        empty="there is no credential but the administrator's first token",
    )


@credential.command("revoke")
@click.argument("name")
@as_json
@connected
def revoke(client: Client, name: str, json_output: bool) -> None:
    """End a credential at once, its running streams too.

    Its name is not given again, so that the audit stays plain.

    \b
    Example:
      vedette credential revoke lt-berg
    """  # noqa: D301 - click wants the backspace itself
    full = name if name.startswith("credentials/") else f"credentials/{name}"
    ended = client.call(
        client.access.RevokeCredential, access_pb2.RevokeCredentialRequest(name=full)
    )
    if json_output:
        print_document(document_of(ended))
    else:
        console().print(
            f"{last_part(ended.name)} was revoked by {ended.revoked_by} on "
            f"{utc(ended.revoke_time)}",
            markup=False,
        )


@credential.command("whoami")
@as_json
@connected
def whoami(client: Client, json_output: bool) -> None:
    """Tell whom the service takes you for, and what that allows.

    \b
    Example:
      vedette credential whoami
    """  # noqa: D301 - click wants the backspace itself
    found = client.call(client.access.GetCaller, access_pb2.GetCallerRequest())
    if json_output:
        print_document(document_of(found))
    else:
        console().print(escape(_told(found)))


def _end(text: str, now: datetime) -> datetime:
    if text.endswith("d") and text[:-1].isdigit():
        return now + timedelta(days=int(text[:-1]))
    return parse_time(text, "expires")


def _told(found: access_pb2.Credential) -> str:
    one = found.contributor or found.recipient
    ends = f"; ends on {utc(found.expire_time)}" if found.HasField("expire_time") else ""
    return (
        f"{last_part(found.name)}: {word(found, 'role')}{f' for {one}' if one else ''} in "
        f"{_missions(found)}, cleared up to {word(found, 'clearance').replace('_', ' ')}{ends}"
    )


def _missions(found: access_pb2.Credential) -> str:
    if list(found.missions) == ["missions/-"]:
        return "every mission"
    return ", ".join(last_part(mission) for mission in found.missions)


def _ended(found: access_pb2.Credential, now: datetime) -> bool:
    return _state(found, now).split()[0] in {"revoked", "expired"}


def _state(found: access_pb2.Credential, now: datetime) -> str:
    if found.HasField("revoke_time"):
        return f"revoked {utc(found.revoke_time)}"
    if not found.HasField("expire_time"):
        return "holds"
    over = found.expire_time.ToDatetime(tzinfo=now.tzinfo) <= now
    return f"{'expired' if over else 'holds until'} {utc(found.expire_time)}"
