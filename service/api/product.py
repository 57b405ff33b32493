"""Stored outputs, served."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

from pyproj import Geod
from vedette.v1 import product_pb2, product_pb2_grpc

from models.errors import InvalidInputError
from pipelines.assessment import ProductKind
from pipelines.products.incident_products import IncidentSheet, incident_geojson, incident_kmz
from pipelines.threats.positions.position import Position, PositionKind
from service.access import Sight
from service.api import names
from service.api.convert.pledge import MARKINGS
from service.api.convert.product import PRODUCT_KINDS, product_message
from service.api.convert.values import timestamp
from service.api.interceptor import caller_sight
from service.errors import NotFoundError
from service.ledger.pledge_states import Caveat
from service.ledger.records import IncidentRecord, ProductRecord
from service.ledger.store import Ledger
from service.objects import ObjectStore
from service.released import NOT_NEAR, as_seen

CHUNK_BYTES = 256 * 1024
_GEOD = Geod(ellps="WGS84")
_MEDIA_TYPES = {
    ProductKind.GEOJSON: ("application/geo+json", "geojson"),
    ProductKind.KMZ: ("application/vnd.google-earth.kmz", "kmz"),
}
_INCIDENT_KINDS = tuple(_MEDIA_TYPES)
# All others draw, measure from or name the positions near by.
_WITHOUT_POSITIONS = frozenset({ProductKind.OVERLAY})


@dataclass(frozen=True, kw_only=True, slots=True)
class _Rendered:
    """A product of an incident: made from the ledger when asked for, never stored."""

    message: product_pb2.Product
    data: bytes


class ProductService(product_pb2_grpc.ProductServiceServicer):
    """`vedette.v1.ProductService`."""

    def __init__(self, ledger: Ledger, objects: ObjectStore) -> None:
        self._ledger = ledger
        self._objects = objects

    async def ListProducts(  # noqa: N802 - the contract's name
        self, request: product_pb2.ListProductsRequest, context: Any
    ) -> product_pb2.ListProductsResponse:
        """The products of an imagery or an incident."""
        del context
        return product_pb2.ListProductsResponse(
            products=await asyncio.to_thread(self._list, request.parent, caller_sight())
        )

    async def GetProduct(  # noqa: N802 - the contract's name
        self, request: product_pb2.GetProductRequest, context: Any
    ) -> product_pb2.Product:
        """One product."""
        del context
        message, _ = await asyncio.to_thread(self._find, request.name, caller_sight())
        return message

    async def DownloadProduct(  # noqa: N802 - the contract's name
        self, request: product_pb2.DownloadProductRequest, context: Any
    ) -> AsyncIterator[product_pb2.DownloadProductResponse]:
        """The bytes of a product from an offset."""
        del context
        message, source = await asyncio.to_thread(self._find, request.name, caller_sight())
        if not 0 <= request.offset <= message.size_bytes:
            raise InvalidInputError(f"must be from 0 to {message.size_bytes}", field="offset")
        if request.offset == message.size_bytes:
            return
        if isinstance(source, bytes):
            pieces: Iterator[bytes] = iter((source[request.offset :],))
        else:
            pieces = await asyncio.to_thread(self._objects.stream, source, request.offset)
        while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
            for start in range(0, len(piece), CHUNK_BYTES):
                yield product_pb2.DownloadProductResponse(chunk=piece[start : start + CHUNK_BYTES])

    def _list(self, parent: str, sight: Sight) -> list[product_pb2.Product]:
        if "/incidents/" in parent:
            mission_id, incident_id = names.parse(parent, "missions/*/incidents/*", "parent")
            record = self._incident(mission_id, incident_id, sight)
            return [self._render(record, kind, sight).message for kind in _INCIDENT_KINDS]
        mission_id, imagery_id = names.parse(parent, "missions/*/imagery/*", "parent")
        self._ledger.get_imagery(mission_id, imagery_id, sight=sight)
        return [
            product_message(record)
            for record in self._ledger.list_products(mission_id, imagery_id)
            if _shown(record, sight)
        ]

    def _find(self, name: str, sight: Sight) -> tuple[product_pb2.Product, str | bytes]:
        """The product and where its bytes are: the key of an object, or the bytes."""
        if "/incidents/" in name:
            mission_id, incident_id, kind_id = names.parse(
                name, "missions/*/incidents/*/products/*", "name"
            )
            record = self._incident(mission_id, incident_id, sight)
            rendered = self._render(record, _kind(kind_id, _INCIDENT_KINDS), sight)
            return rendered.message, rendered.data
        mission_id, imagery_id, kind_id = names.parse(
            name, "missions/*/imagery/*/products/*", "name"
        )
        kind = _kind(kind_id, tuple(ProductKind))
        self._ledger.get_imagery(mission_id, imagery_id, sight=sight)
        stored = self._ledger.get_product(mission_id, imagery_id, kind)
        if not _shown(stored, sight):
            raise NotFoundError(f"imagery {imagery_id!r} has no product {kind_id!r}", field="name")
        return product_message(stored), stored.object_key

    def _incident(self, mission_id: str, incident_id: str, sight: Sight) -> IncidentRecord:
        """The incident as a reader may see it.

        Raises:
            NotFoundError: there is none that the reader may see, or no position to draw it from.
        """
        record = as_seen(self._ledger.get_incident(mission_id, incident_id, sight=sight), sight)
        if not record.incident.best.position_id:
            raise NotFoundError(f"{NOT_NEAR} It has no products", field="name")
        return record

    def _render(self, record: IncidentRecord, kind: ProductKind, sight: Sight) -> _Rendered:
        mission_id, incident = record.mission_id, record.incident
        sheet = IncidentSheet(
            mission_id=mission_id,
            marking=record.marking.value,
            incident=incident,
            position=self._position_of(record),
            raised_at=record.raised_at,
            reason=record.decision.reason if record.decision else "",
            near_names=record.near_display_names,
        )
        if kind is ProductKind.GEOJSON:
            data = incident_geojson(sheet)
        else:
            # Whom it was released to gets no picture where a pledge keeps its pictures inside.
            shows = sight.recipient is None or Caveat.NO_IMAGERY not in record.caveats
            frame = self._frame_kmz(mission_id, incident.imagery_id) if shows else None
            data = incident_kmz(sheet, frame)
        media_type, suffix = _MEDIA_TYPES[kind]
        parent = names.incident_name(mission_id, incident.incident_id)
        message = product_pb2.Product(
            name=f"{parent}/products/{kind.value}",
            kind=PRODUCT_KINDS[kind],
            media_type=media_type,
            file_name=f"incident-{incident.incident_id}.{suffix}",
            size_bytes=len(data),
            sha256=hashlib.sha256(data).hexdigest(),
            create_time=timestamp(record.raised_at),
            marking=MARKINGS[record.marking],
        )
        return _Rendered(message=message, data=data)

    def _frame_kmz(self, mission_id: str, imagery_id: str) -> bytes | None:
        try:
            stored = self._ledger.get_product(mission_id, imagery_id, ProductKind.KMZ)
            return self._objects.get(stored.object_key)
        except NotFoundError:
            return None

    def _position_of(self, record: IncidentRecord) -> Position:
        best = record.incident.best
        try:
            # A patrol where it was, not where it is by now.
            return self._ledger.position_at(
                record.mission_id, best.position_id, record.incident.last_seen_at
            )
        except NotFoundError:
            # Removed since: it was where the range and the bearing still say.
            longitude_deg, latitude_deg, _ = _GEOD.fwd(
                best.ground.longitude_deg,
                best.ground.latitude_deg,
                best.bearing_deg + 180.0,
                best.range_m,
            )
            return Position(
                position_id=best.position_id,
                display_name=record.position_display_name or best.position_id,
                kind=PositionKind.POST,
                latitude_deg=latitude_deg,
                longitude_deg=longitude_deg,
            )


def _shown(record: ProductRecord, sight: Sight) -> bool:
    """Whether a reader may see a product of imagery that it may see."""
    if sight.contributor is not None and record.kind not in _WITHOUT_POSITIONS:
        return False
    return record.marking in sight.markings


def _kind(kind_id: str, allowed: tuple[ProductKind, ...]) -> ProductKind:
    for kind in allowed:
        if kind.value == kind_id:
            return kind
    raise NotFoundError(
        f"no such product; there may be {', '.join(kind.value for kind in allowed)}", field="name"
    )
