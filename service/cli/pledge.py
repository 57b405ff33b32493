"""`vedette pledge`: the register of pledged capabilities."""

from __future__ import annotations

import click
from vedette.v1 import pledge_pb2

from service.cli.output import (
    ServiceGroup,
    as_json,
    connected,
    console,
    document_of,
    in_mission,
    last_part,
    print_document,
    print_table,
    word,
)
from service.client import Client

MARKINGS = {
    "unclassified": pledge_pb2.MARKING_UNCLASSIFIED,
    "confidential": pledge_pb2.MARKING_CONFIDENTIAL,
    "strictly-confidential": pledge_pb2.MARKING_STRICTLY_CONFIDENTIAL,
}


@click.group(cls=ServiceGroup)
def pledge() -> None:
    """Register and list the capabilities that states pledge to a mission."""


@pledge.command("add")
@click.argument("pledge_id")
@in_mission
@click.option(
    "--contributor",
    "-c",
    required=True,
    help="The pledging state, ISO 3166-1 alpha-3, for example SWE.",
)
@click.option("--capability", default="", help='For example "small UAS, visible light".')
@click.option("--platform", default="", help='For example "Skydio X2".')
@click.option(
    "--marking",
    type=click.Choice(list(MARKINGS)),
    required=True,
    help="The marking every output from this pledge bears.",
)
@as_json
@connected
def add(
    client: Client,
    mission: str,
    pledge_id: str,
    contributor: str,
    capability: str,
    platform: str,
    marking: str,
    json_output: bool,
) -> None:
    """Register a pledge; the same pledge given again changes nothing.

    \b
    Examples:
      vedette pledge add swe-1 --mission unmiss --contributor SWE --marking unclassified
      vedette pledge add nor-2 -m unmiss -c NOR --platform "Skydio X2" --marking confidential
    """  # noqa: D301 - click wants the backspace itself
    made = client.call(
        client.pledges.CreatePledge,
        pledge_pb2.CreatePledgeRequest(
            parent=mission,
            pledge_id=pledge_id,
            pledge=pledge_pb2.Pledge(
                contributor=contributor,
                capability=capability,
                platform=platform,
                marking=MARKINGS[marking],
            ),
        ),
    )
    if json_output:
        print_document(document_of(made))
    else:
        console().print(made.name)


@pledge.command("list")
@in_mission
@as_json
@connected
def list_pledges(client: Client, mission: str, json_output: bool) -> None:
    """List the pledges of a mission, oldest first.

    \b
    Example:
      vedette pledge list -m unmiss
    """  # noqa: D301 - click wants the backspace itself
    request = pledge_pb2.ListPledgesRequest(parent=mission, page_size=1000)
    found = [
        item for page in client.pages(client.pledges.ListPledges, request) for item in page.pledges
    ]
    if json_output:
        print_document({"pledges": [document_of(item) for item in found]})
        return
    print_table(
        ("PLEDGE", "CONTRIBUTOR", "CAPABILITY", "PLATFORM", "MARKING"),
        (
            (
                last_part(item.name),
                item.contributor,
                item.capability,
                item.platform,
                word(item, "marking").replace("_", " "),
            )
            for item in found
        ),
        empty=f"{mission} has no pledges; add one with 'vedette pledge add'",
    )
