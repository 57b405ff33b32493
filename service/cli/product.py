"""`vedette product`: annotated pictures, overlays and evidence."""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from pathlib import Path

import click
from vedette.v1 import product_pb2

from models.errors import InvalidInputError
from models.wording import counted
from service.cli.output import (
    ServiceGroup,
    as_json,
    connected,
    console,
    document_of,
    last_part,
    plain,
    print_document,
    print_table,
)
from service.cli.resources import SHORTEST, complete_name
from service.client import Client
from service.errors import ChecksumMismatchError, NotFoundError

# As in the name of one: missions, mission, collection, identifier, products, product.
_SLASHES_OF_A_PRODUCT = 5

_MINE = click.option(
    "--mission",
    "-m",
    envvar="VEDETTE_MISSION",
    show_envvar=True,
    help="The mission, where the argument is not a full name.",
)


@click.group(cls=ServiceGroup)
def product() -> None:
    """List and save the outputs of imagery and incidents."""


@product.command("list")
@click.argument("parent")
@_MINE
@as_json
@connected
def list_products(client: Client, parent: str, mission: str | None, json_output: bool) -> None:
    """List the products of an imagery or an incident.

    The first characters of an imagery's or incident's identifier are enough.

    \b
    Examples:
      vedette product list imagery/9b7083ea -m unmiss
      vedette product list incidents/18fde364 -m unmiss
    """  # noqa: D301 - click wants the backspace itself
    found = client.call(
        client.products.ListProducts,
        product_pb2.ListProductsRequest(parent=_full(client, parent, mission, "parent")),
    ).products
    if json_output:
        print_document({"products": [document_of(item) for item in found]})
        return
    terminal = console().is_terminal
    print_table(
        ("PRODUCT", "TYPE", "BYTES", "FILE"),
        (
            (
                _short(item.name) if terminal else item.name,
                item.media_type,
                str(item.size_bytes),
                item.file_name,
            )
            for item in found
        ),
        empty=f"{parent} has no products; it may not be processed yet",
    )


def _short(name: str) -> str:
    """A name as `product get` takes it with --mission: the identifier shortened."""
    _, _, collection, identifier, products, last = name.split("/")
    return f"{collection}/{identifier[:SHORTEST]}/{products}/{last}"


@product.command("get")
@click.argument("name")
@_MINE
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path),
    help="File or folder to save to; - writes one product to standard output; with all products of "
    "something, a folder, made when missing.  [default: its own name, here]",
)
@as_json
@connected
def get(
    client: Client, name: str, mission: str | None, output: Path | None, json_output: bool
) -> None:
    """Save one product, or all of an imagery or an incident.

    A checksum is verified before a file appears. The first characters of an imagery's or incident's
    identifier are enough.

    \b
    Examples:
      vedette product get 9b7083ea -m unmiss -o products/
      vedette product get imagery/9b7083ea/products/annotated-image -m unmiss
      vedette product get incidents/18fde364/products/kmz -m unmiss -o alert.kmz
    """  # noqa: D301 - click wants the backspace itself
    full = _full(client, name, mission, "name")
    if full.count("/") < _SLASHES_OF_A_PRODUCT:
        _get_all(client, full, output, json_output=json_output)
        return
    found = client.call(client.products.GetProduct, product_pb2.GetProductRequest(name=full))
    if output == Path("-"):
        for chunk in client.download(found.name):
            sys.stdout.buffer.write(chunk)
        return
    target = output or Path(_file_name(found))
    if target.is_dir():
        target /= _file_name(found)
    _save(client, found, target)
    if json_output:
        print_document({"product": document_of(found), "path": str(target)})
    else:
        _tell(found, target)


def _get_all(client: Client, parent: str, output: Path | None, *, json_output: bool) -> None:
    """Save every product of an imagery or an incident to a folder."""
    folder = output or Path()
    if folder == Path("-"):
        raise InvalidInputError(
            "several products cannot go to standard output; name one of them", field="output"
        )
    found = client.call(
        client.products.ListProducts, product_pb2.ListProductsRequest(parent=parent)
    ).products
    if not found:
        raise NotFoundError(f"{parent} has no products; it may not be processed yet", field="name")
    folder.mkdir(parents=True, exist_ok=True)
    saved = []
    taken: set[str] = set()
    for item in found:
        file_name = _file_name(item)
        if file_name in taken:  # two products of one file name must not replace each other
            file_name = f"{last_part(item.name)}-{file_name}"
        taken.add(file_name)
        _save(client, item, folder / file_name)
        saved.append({"product": document_of(item), "path": str(folder / file_name)})
        if not json_output:
            _tell(item, folder / file_name)
    if json_output:
        print_document({"products": saved})


def _file_name(found: product_pb2.Product) -> str:
    """A name to save it under; what the service gives must not lead out of the folder."""
    return Path(found.file_name).name or last_part(found.name)


def _tell(found: product_pb2.Product, target: Path) -> None:
    console().print(plain(f"{target} ({counted(found.size_bytes, 'byte')})"), markup=False)


def _save(client: Client, found: product_pb2.Product, target: Path) -> None:
    digest = hashlib.sha256()
    try:
        descriptor, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    except OSError as error:
        raise InvalidInputError(
            f"cannot write to {target.parent}: {error.strerror}", field="output"
        ) from error
    try:
        with os.fdopen(descriptor, "wb") as stream:
            for chunk in client.download(found.name):
                digest.update(chunk)
                stream.write(chunk)
        _compare(digest.hexdigest(), found)
        Path(temporary).replace(target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _compare(sha256: str, found: product_pb2.Product) -> None:
    if sha256 != found.sha256:
        raise ChecksumMismatchError(f"{found.name} arrived damaged; get it again")


def _full(client: Client, name: str, mission: str | None, field: str) -> str:
    name = name.rstrip("/")
    if name.startswith("missions/"):
        return complete_name(client, name)
    if mission is None:
        raise InvalidInputError(
            f"{name!r} is not a full name; give missions/MISSION/..., or --mission", field=field
        )
    return complete_name(client, f"missions/{mission.removeprefix('missions/')}/{name}")
