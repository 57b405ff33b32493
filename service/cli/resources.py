"""Names of incidents and imagery from what a person typed: in full, an identifier, or its start."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from vedette.v1 import imagery_pb2, incident_pb2

from models.errors import InvalidInputError
from service.cli.output import full_name, last_part
from service.client import Client
from service.errors import NotFoundError

SHORTEST = 8
"""Characters of a shortened identifier, where as many tell them apart."""

_LEAST = 4
_WHOLE = {"incidents": 36, "imagery": 24}


def shortened(identifiers: Sequence[str]) -> dict[str, str]:
    """For each identifier its start, just long enough that all of them differ."""
    found = {}
    ordered = sorted(set(identifiers))
    for at, identifier in enumerate(ordered):
        beside = ordered[max(at - 1, 0) : at] + ordered[at + 1 : at + 2]
        length = min(SHORTEST, len(identifier))
        while length < len(identifier) and any(
            near.startswith(identifier[:length]) for near in beside
        ):
            length += 1
        found[identifier] = identifier[:length]
    return found


def incident_name(client: Client, mission: str, text: str) -> str:
    """The name of an incident of a mission.

    Raises:
        NotFoundError: none begins so.
        InvalidInputError: more than one does.
    """
    return complete_name(client, full_name(text, mission, "incidents"))


def complete_name(client: Client, name: str) -> str:
    """A name below a mission, the start of an incident's or imagery's identifier made whole.

    Args:
        client: asked only where the identifier is not whole.
        name: "missions/{mission}/{collection}/{start}", possibly with more behind; without the
            collection both incidents and imagery are looked through.

    Raises:
        NotFoundError: nothing begins so.
        InvalidInputError: more than one thing does, or the start is too short.
    """
    mission, collection, start, rest = _split(name)
    collections: tuple[str, ...] = (collection,)
    if collection not in _WHOLE and start in ("", "products"):
        collections, start = tuple(_WHOLE), collection
        rest = name.removeprefix(f"{mission}/{collection}")
    elif collection not in _WHOLE or len(start) >= _WHOLE[collection]:
        return name
    if len(start) < _LEAST:
        raise InvalidInputError(
            f"{start!r} is too short; give at least {_LEAST} characters of the identifier",
            field="name",
        )
    found = [
        each
        for one in collections
        for each in _names(client, mission, one)
        if last_part(each).startswith(start)
    ]
    words = " or ".join(collections)
    if not found:
        raise NotFoundError(f"{mission}: no name of {words} begins with {start!r}", field="name")
    if len(found) > 1:
        raise InvalidInputError(
            f"{start!r} begins the names of {len(found)} {words}; give more of it",
            field="name",
        )
    return found[0] + rest


def _split(name: str) -> tuple[str, str, str, str]:
    """Mission, collection, identifier and the rest with its slash; empty where there is none."""
    parts = name.split("/", 4)
    parts += [""] * (4 - len(parts))
    return "/".join(parts[:2]), parts[2], parts[3], "".join(f"/{part}" for part in parts[4:])


def _names(client: Client, mission: str, collection: str) -> Iterable[str]:
    if collection == "incidents":
        request = incident_pb2.ListIncidentsRequest(parent=mission, page_size=1000)
        for page in client.pages(client.incidents.ListIncidents, request):
            yield from (item.name for item in page.incidents)
    else:
        asked = imagery_pb2.ListImageryRequest(parent=mission, page_size=1000)
        for answer in client.pages(client.imagery.ListImagery, asked):
            yield from (item.name for item in answer.imagery)
