"""Resource names: `missions/{mission}/pledges/{pledge}` and the like."""

from __future__ import annotations

import re
from collections.abc import Iterable

from models.errors import InvalidInputError

_ID = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_SORTIE = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._-]{1,63}")
# Identifiers that the service makes itself; looser, so that they may change their form.
_MADE = re.compile(r"[A-Za-z0-9_-]{1,128}")

_LONGEST_CATEGORY = 64
_MOST_CATEGORIES = 100

_MADE_COLLECTIONS = frozenset({"imagery", "incidents", "negatives", "products"})


def identifier(value: str, field: str) -> str:
    """An identifier that a client chose.

    Raises:
        InvalidInputError: it is not 1 to 63 letters, digits and hyphens.
    """
    if not _ID.fullmatch(value):
        raise InvalidInputError(
            f"{value[:80]!r} is not 1 to 63 letters, digits and inner hyphens", field=field
        )
    return value


def sortie(value: str, field: str) -> str:
    """The name of a sortie.

    Raises:
        InvalidInputError: it is not 1 to 63 letters, digits, hyphens, underscores and dots.
    """
    if not _SORTIE.fullmatch(value):
        raise InvalidInputError(
            f"{value[:80]!r} is not 1 to 63 letters, digits, hyphens, underscores and dots",
            field=field,
        )
    return value


def categories(values: Iterable[str], field: str) -> tuple[str, ...]:
    """Categories that a client names; whether a model has them is another question.

    Raises:
        InvalidInputError: there are more than 100, or one is not 1 to 64 printable characters.
    """
    named = tuple(values)
    if len(named) > _MOST_CATEGORIES or any(
        not 1 <= len(each) <= _LONGEST_CATEGORY or not each.isprintable() for each in named
    ):
        raise InvalidInputError(
            f"must be at most {_MOST_CATEGORIES} categories of 1 to {_LONGEST_CATEGORY} printable "
            "characters",
            field=field,
        )
    return named


def parse(name: str, pattern: str, field: str) -> tuple[str, ...]:
    """The identifiers in a resource name.

    Args:
        name: for example "missions/m/pledges/p".
        pattern: for example "missions/*/pledges/*".
        field: the request's field that holds the name.

    Raises:
        InvalidInputError: the name does not fit the pattern.
    """
    parts, wanted = name.split("/"), pattern.split("/")
    if len(parts) == len(wanted):
        found = []
        for index, (part, want) in enumerate(zip(parts, wanted, strict=True)):
            if want != "*":
                if part != want:
                    break
                continue
            grammar = _MADE if wanted[index - 1] in _MADE_COLLECTIONS else _ID
            if not grammar.fullmatch(part):
                break
            found.append(part)
        else:
            return tuple(found)
    raise InvalidInputError(f"{name[:80]!r} does not have the form {pattern}", field=field)


def mission(name: str, field: str = "parent") -> str:
    """The mission in "missions/{mission}"."""
    return parse(name, "missions/*", field)[0]


def pledge_name(mission_id: str, pledge_id: str) -> str:
    """The name of a pledge."""
    return f"missions/{mission_id}/pledges/{pledge_id}"


def imagery_name(mission_id: str, imagery_id: str) -> str:
    """The name of an imagery."""
    return f"missions/{mission_id}/imagery/{imagery_id}"


def position_name(mission_id: str, position_id: str) -> str:
    """The name of a position."""
    return f"missions/{mission_id}/positions/{position_id}"


def rule_name(mission_id: str, rule_id: str) -> str:
    """The name of a rule."""
    return f"missions/{mission_id}/rules/{rule_id}"


def incident_name(mission_id: str, incident_id: str) -> str:
    """The name of an incident."""
    return f"missions/{mission_id}/incidents/{incident_id}"


def track_name(mission_id: str, track_id: str) -> str:
    """The resource name of a track."""
    return f"missions/{mission_id}/tracks/{track_id}"
