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
from service.cli.output import (
    as_json,
    connected,
    console,
    document_of,
    last_part,
    print_document,
    print_table,
    word,
)
from service.client import Client
from service.errors import ChecksumMismatchError

_MINE = click.option(
    "--mission",
    "-m",
    envvar="VEDETTE_MISSION",
    show_envvar=True,
    help="The mission, where the argument is not a full name.",
)


@click.group()
def product() -> None:
    """List and save the outputs of imagery and incidents."""


@product.command("list")
@click.argument("parent")
@_MINE
@as_json
@connected
def list_products(client: Client, parent: str, mission: str | None, json_output: bool) -> None:
    r"""List the products of an imagery or an incident.

    \b
    Examples:
      vedette product list missions/unmiss/imagery/IMAGERY
      vedette product list incidents/INCIDENT -m unmiss
    """
    found = client.call(
        client.products.ListProducts,
        product_pb2.ListProductsRequest(parent=_full(parent, mission, "parent")),
    ).products
    if json_output:
        print_document({"products": [document_of(item) for item in found]})
        return
    print_table(
        ("PRODUCT", "KIND", "TYPE", "BYTES", "FILE"),
        (
            (item.name, word(item, "kind"), item.media_type, str(item.size_bytes), item.file_name)
            for item in found
        ),
        empty=f"{parent} has no products; it may not be processed yet",
    )


@product.command("get")
@click.argument("name")
@_MINE
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path),
    help="File or folder to save to; - writes to standard output.  [default: its own name, here]",
)
@as_json
@connected
def get(
    client: Client, name: str, mission: str | None, output: Path | None, json_output: bool
) -> None:
    r"""Save one product; its checksum is verified before the file appears.

    \b
    Examples:
      vedette product get missions/unmiss/imagery/IMAGERY/products/annotated-image
      vedette product get incidents/INCIDENT/products/kmz -m unmiss -o alert.kmz
    """
    found = client.call(
        client.products.GetProduct, product_pb2.GetProductRequest(name=_full(name, mission, "name"))
    )
    if output == Path("-"):
        for chunk in client.download(found.name):
            sys.stdout.buffer.write(chunk)
        return
    # A name that the service gives must not lead out of the folder.
    file_name = Path(found.file_name).name or last_part(found.name)
    target = output or Path(file_name)
    if target.is_dir():
        target /= file_name
    _save(client, found, target)
    if json_output:
        print_document({"product": document_of(found), "path": str(target)})
    else:
        console().print(f"{target} ({found.size_bytes} bytes)")


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


def _full(name: str, mission: str | None, field: str) -> str:
    if name.startswith("missions/"):
        return name
    if mission is None:
        raise InvalidInputError(
            f"{name!r} is not a full name; give missions/MISSION/..., or --mission", field=field
        )
    return f"missions/{mission.removeprefix('missions/')}/{name}"
