"""Products as messages."""

from __future__ import annotations

from vedette.v1 import product_pb2

from pipelines.assessment import ProductKind
from service.api import names
from service.api.convert.pledge import MARKINGS
from service.api.convert.values import numbers, timestamp
from service.ledger.records import ProductRecord

PRODUCT_KINDS = numbers(product_pb2.ProductKind, "PRODUCT_KIND", ProductKind)


def product_message(record: ProductRecord) -> product_pb2.Product:
    """A stored product of an imagery."""
    imagery = names.imagery_name(record.mission_id, record.imagery_id)
    return product_pb2.Product(
        name=f"{imagery}/products/{record.kind.value}",
        kind=PRODUCT_KINDS[record.kind],
        media_type=record.media_type,
        file_name=record.file_name,
        size_bytes=record.size_bytes,
        sha256=record.sha256,
        create_time=timestamp(record.created_at),
        marking=MARKINGS[record.marking],
    )
