from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from vedette.v1 import imagery_pb2, incident_pb2, product_pb2

from models.errors import InvalidInputError
from service.cli.product import _get_all
from service.cli.resources import complete_name, incident_name
from service.client import Client
from service.errors import ChecksumMismatchError, NotFoundError

FIRST = "missions/unmiss/incidents/18fde364-e1f7-52af-8675-ca477d84aff3"
SECOND = "missions/unmiss/incidents/18fde399-e1f7-52af-8675-ca477d84aff3"
IMAGERY = "missions/unmiss/imagery/9b7083ea95ca30a42c8a026d"
BYTES = {f"{IMAGERY}/products/kmz": b"kmz", f"{IMAGERY}/products/evidence": b"{}"}


class Asked:
    """Answers as the service does, and counts the listings."""

    def __init__(self, damaged: str = "") -> None:
        self.incidents = self.imagery = self.products = self
        self.ListIncidents = self.ListImagery = self.ListProducts = None
        self.listings = 0
        self.damaged = damaged

    def pages(self, _method: object, request: Any) -> Iterator[Any]:
        self.listings += 1
        assert request.parent == "missions/unmiss"
        if isinstance(request, incident_pb2.ListIncidentsRequest):
            for name in (FIRST, SECOND):  # a page each
                yield incident_pb2.ListIncidentsResponse(
                    incidents=[incident_pb2.Incident(name=name)]
                )
        else:
            yield imagery_pb2.ListImageryResponse(imagery=[imagery_pb2.Imagery(name=IMAGERY)])

    def call(self, _method: object, request: Any) -> product_pb2.ListProductsResponse:
        assert request.parent == IMAGERY
        return product_pb2.ListProductsResponse(
            products=[
                product_pb2.Product(
                    name=name,
                    file_name="../same.bin",
                    size_bytes=len(data),
                    sha256=hashlib.sha256(data).hexdigest(),
                )
                for name, data in BYTES.items()
            ]
        )

    def download(self, name: str) -> Iterator[bytes]:
        yield b"damaged" if name.endswith(self.damaged or "nothing") else BYTES[name]

    @property
    def client(self) -> Client:
        return cast("Client", self)


def test_the_start_of_an_identifier_is_made_whole() -> None:
    asked = Asked()
    assert incident_name(asked.client, "missions/unmiss", "18fde36") == FIRST
    behind = complete_name(asked.client, "missions/unmiss/imagery/9b70/products/kmz")
    assert behind == f"{IMAGERY}/products/kmz"


def test_a_whole_identifier_asks_nobody() -> None:
    asked = Asked()
    for name in (FIRST, f"{IMAGERY}/products/kmz", "missions/unmiss/pledges/abcd"):
        assert complete_name(asked.client, name) == name
    assert asked.listings == 0


def test_a_bare_start_is_looked_for_among_incidents_and_imagery() -> None:
    asked = Asked()
    assert complete_name(asked.client, "missions/unmiss/9b7083ea") == IMAGERY
    assert complete_name(asked.client, f"missions/unmiss/{IMAGERY[-24:]}") == IMAGERY
    assert complete_name(asked.client, "missions/unmiss/18fde36") == FIRST
    behind = complete_name(asked.client, "missions/unmiss/9b70/products/kmz")
    assert behind == f"{IMAGERY}/products/kmz"
    with pytest.raises(InvalidInputError, match="2 incidents or imagery"):
        complete_name(asked.client, "missions/unmiss/18fde3")
    with pytest.raises(NotFoundError, match="no name of incidents or imagery"):
        complete_name(asked.client, "missions/unmiss/abcdef")


@pytest.mark.parametrize(
    ("start", "error", "told"),
    [
        ("18fde3", InvalidInputError, "2 incidents"),
        ("18f", InvalidInputError, "too short"),
        ("fde364", NotFoundError, "no name of incidents"),
    ],
)
def test_what_does_not_name_one_is_refused(start: str, error: type[Exception], told: str) -> None:
    with pytest.raises(error, match=told):
        incident_name(Asked().client, "missions/unmiss", start)


def test_all_products_are_saved_side_by_side_within_the_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "new" / "folder"
    _get_all(Asked().client, IMAGERY, folder, json_output=True)
    saved = json.loads(capsys.readouterr().out)["products"]
    assert {item["product"]["name"]: Path(item["path"]).read_bytes() for item in saved} == BYTES
    assert {path.name for path in folder.iterdir()} == {"same.bin", "evidence-same.bin"}
    assert [path.name for path in tmp_path.iterdir()] == ["new"]


def test_a_product_that_arrives_damaged_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(ChecksumMismatchError):
        _get_all(Asked("evidence").client, IMAGERY, tmp_path, json_output=False)
    assert [path.name for path in tmp_path.iterdir()] == ["same.bin"]


def test_all_products_do_not_fit_standard_output() -> None:
    with pytest.raises(InvalidInputError, match="name one"):
        _get_all(Asked().client, IMAGERY, Path("-"), json_output=False)
