"""Pages of long lists, resumed by opaque tokens that stay right while rows are added."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from sqlalchemy import Column, ColumnElement, Connection, Row, Select, and_, false, or_

from models.errors import InvalidInputError

DEFAULT_PAGE_SIZE = 100
MAX_PAGE_SIZE = 1000

Item = TypeVar("Item")


@dataclass(frozen=True, kw_only=True, slots=True)
class Page(Generic[Item]):
    """Some items of a list.

    Attributes:
        items: in the order of the list.
        next_page_token: asks for what follows; empty on the last page.
    """

    items: tuple[Item, ...]
    next_page_token: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """One column by which a list is ordered."""

    column: Column[Any]
    descending: bool = False

    def after(self, value: Any) -> ColumnElement[bool]:
        """Rows that follow `value` by this column alone."""
        following: ColumnElement[bool] = (
            self.column < value if self.descending else self.column > value
        )
        return following


def read_page(
    connection: Connection,
    statement: Select[Any],
    orders: Sequence[Order],
    *,
    scope: Sequence[object],
    page_size: int,
    page_token: str,
    to_item: Callable[[Row[Any]], Item],
) -> Page[Item]:
    """One page of a statement ordered by columns that together are unique.

    Args:
        connection: an open transaction.
        statement: what to list, not yet ordered or limited; selects every ordering column.
        orders: the order; the columns are not NULL.
        scope: everything else that the list depends on; a token of another scope is refused.
        page_size: 0 for 100; at most 1000 are given.
        page_token: empty for the first page.
        to_item: turns a row into an item.

    Raises:
        InvalidInputError: a negative page size, or a token that this list did not give.
    """
    if page_size < 0:
        raise InvalidInputError("page_size is negative", field="page_size")
    size = min(page_size or DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE)
    seal = hashlib.sha256(repr(tuple(scope)).encode()).hexdigest()[:16]
    if page_token:
        statement = statement.where(_following(orders, _decode(page_token, seal, orders)))
    ordered = statement.order_by(
        *(order.column.desc() if order.descending else order.column.asc() for order in orders)
    )
    rows = connection.execute(ordered.limit(size + 1)).all()
    token = ""
    if len(rows) > size:
        last = rows[size - 1]
        token = _encode(seal, [last._mapping[order.column] for order in orders])  # noqa: SLF001 - SQLAlchemy's public name
    return Page(items=tuple(to_item(row) for row in rows[:size]), next_page_token=token)


def _following(orders: Sequence[Order], values: Sequence[Any]) -> ColumnElement[bool]:
    """Rows after the one with these values: lexicographic order, each column its own way."""
    alternatives: list[ColumnElement[bool]] = [false()]
    for index, order in enumerate(orders):
        equal = [
            before.column == value
            for before, value in zip(orders[:index], values[:index], strict=True)
        ]
        alternatives.append(and_(*equal, order.after(values[index])))
    return or_(*alternatives)


def _encode(seal: str, values: Sequence[Any]) -> str:
    plain = [value.isoformat() if isinstance(value, datetime) else value for value in values]
    return base64.urlsafe_b64encode(json.dumps([seal, *plain]).encode()).decode().rstrip("=")


def _decode(token: str, seal: str, orders: Sequence[Order]) -> list[Any]:
    wrong = InvalidInputError("page_token was not given by this list", field="page_token")
    try:
        document = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    except (ValueError, binascii.Error) as error:
        raise wrong from error
    if not isinstance(document, list) or len(document) != len(orders) + 1 or document[0] != seal:
        raise wrong
    values: list[Any] = []
    for order, value in zip(orders, document[1:], strict=True):
        kind = order.column.type.python_type
        try:
            restored = datetime.fromisoformat(value) if kind is datetime else value
        except (TypeError, ValueError) as error:
            raise wrong from error
        if not isinstance(restored, kind):
            raise wrong
        values.append(restored)
    return values
