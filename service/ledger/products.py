"""The stored outputs of imagery."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select

from pipelines.assessment import ProductKind
from service.errors import NotFoundError
from service.ledger.database import Database
from service.ledger.records import ImageryRecord, Marking, ProductRecord
from service.ledger.tables import products


class Products(Database):
    """Products of every imagery."""

    def list_products(self, mission_id: str, imagery_id: str) -> tuple[ProductRecord, ...]:
        """The products of one imagery by kind; empty before it is processed."""
        with self._reading() as connection:
            rows = connection.execute(
                select(products)
                .where(products.c.mission_id == mission_id, products.c.imagery_id == imagery_id)
                .order_by(products.c.kind)
            )
            return tuple(_product(row) for row in rows)

    def get_product(self, mission_id: str, imagery_id: str, kind: ProductKind) -> ProductRecord:
        """One product.

        Raises:
            NotFoundError: the imagery has none of that kind.
        """
        with self._reading() as connection:
            row = connection.execute(
                select(products).where(
                    products.c.mission_id == mission_id,
                    products.c.imagery_id == imagery_id,
                    products.c.kind == kind.value,
                )
            ).one_or_none()
        if row is None:
            raise NotFoundError(
                f"imagery {imagery_id!r} has no product {kind.value!r}", field="name"
            )
        return _product(row)


def delete_products(connection: Connection, image: ImageryRecord) -> None:
    """Forget the products of one imagery within a transaction."""
    connection.execute(
        delete(products).where(
            products.c.mission_id == image.mission_id, products.c.imagery_id == image.imagery_id
        )
    )


def insert_products(connection: Connection, records: Sequence[ProductRecord]) -> None:
    """Write the products of one imagery within a transaction."""
    for record in records:
        connection.execute(
            insert(products).values(
                mission_id=record.mission_id,
                imagery_id=record.imagery_id,
                kind=record.kind.value,
                media_type=record.media_type,
                file_name=record.file_name,
                object_key=record.object_key,
                size_bytes=record.size_bytes,
                sha256=record.sha256,
                created_at=record.created_at,
                marking=record.marking.value,
            )
        )


def _product(row: Row[Any]) -> ProductRecord:
    return ProductRecord(
        mission_id=row.mission_id,
        imagery_id=row.imagery_id,
        kind=ProductKind(row.kind),
        media_type=row.media_type,
        file_name=row.file_name,
        object_key=row.object_key,
        size_bytes=row.size_bytes,
        sha256=row.sha256,
        created_at=row.created_at,
        marking=Marking(row.marking),
    )
