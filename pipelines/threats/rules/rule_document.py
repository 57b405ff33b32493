"""Rules as documents that people write, read, version and compare: TOML or JSON."""

from __future__ import annotations

import difflib
import json
import tomllib
import types
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields
from datetime import time
from enum import StrEnum
from typing import Any, get_args, get_origin, get_type_hints

from models.errors import InvalidInputError
from pipelines.threats.rules.requirements import Day, Requirement
from pipelines.threats.rules.rule import DEFAULT_MIN_CONFIDENCE, REQUIREMENTS, Rule, rule_faults

MAX_DOCUMENT = 65_536
"""Characters of a document at most."""

# The two fields that people know by shorter names.
_KEYS = {"rule_id": "name", "position_ids": "positions"}
_FIELDS = {key: field for field, key in _KEYS.items()}
# What has no default, and what holds its place while the rest is looked at.
_STAND_INS: dict[str, Any] = {
    "rule_id": "unread",
    "categories": frozenset({"person", "vehicle"}),
    "radius_m": 500.0,
}
# Below this likeness a name is another one: "colour" is not "hours".
_NEAR = 0.8
# In the order in which a person would say it.
_ORDER = (
    "rule_id",
    "description",
    "enabled",
    "categories",
    "position_kinds",
    "position_ids",
    "radius_m",
    "perimeter_m",
    "min_confidence",
    "possible_probability",
    "alert_probability",
    "min_sightings",
    "severity_at_least",
    "severity_at_most",
)


class RuleDocumentError(InvalidInputError):
    """A document is not that of a valid rule; message and field are those of its first fault.

    Attributes:
        faults: everything that is wrong with it, as (key, message).
    """

    def __init__(self, faults: Sequence[tuple[str, str]]) -> None:
        field, message = faults[0]
        super().__init__(message, field=field)
        self.faults = tuple(faults)


def rule_document(rule: Rule) -> dict[str, Any]:
    """A rule as plain values, in a fixed order and with every figure; without its revision.

    What it does not ask for is left out, and so are days and hours that are not limited.
    """
    document = {_KEYS.get(name, name): _plain(getattr(rule, name)) for name in _ORDER}
    for name in REQUIREMENTS:
        asked = getattr(rule, name)
        if asked is not None:
            document[name] = {
                field.name: _plain(value)
                for field in fields(asked)
                if (value := getattr(asked, field.name)) not in (None, frozenset())
            }
    return document


def rule_value(document: Mapping[str, Any]) -> Rule:
    """The rule that a document describes, with revision 0.

    Args:
        document: as `rule_document` gives it; what has a default may be left out.

    Raises:
        RuleDocumentError: naming every key at fault; a key that is not known is one.
    """
    values, faults = _values(document)
    known = {field for field, _ in faults}
    # What is wrong with the rest is told in the same go, as if the faulty keys were good ones.
    rule = Rule(**_STAND_INS | values)
    for name, message in rule_faults(rule):
        field = _KEYS.get(name, name)
        if field not in known:
            faults.append((field, message))
    if faults:
        raise RuleDocumentError(faults)
    return rule


def stored_rule(document: Mapping[str, Any]) -> Rule:
    """The same of a document that was valid when it was stored.

    What is refused today, such as a zone that this machine does not know, must not keep the rules
    of a mission from being read.

    Raises:
        RuleDocumentError: it is not the document of a rule at all.
    """
    values, faults = _values(document)
    if faults:
        raise RuleDocumentError(faults)
    return Rule(**values)


def _values(document: Mapping[str, Any]) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """What a document gives the fields of a rule, and what is wrong with it, by key."""
    faults: list[tuple[str, str]] = []
    values: dict[str, Any] = {
        "revision": 0,
        "position_kinds": frozenset(),
        "min_confidence": DEFAULT_MIN_CONFIDENCE,
    }
    kinds = _kinds(Rule)
    known = {*(_KEYS.get(name, name) for name in _ORDER), *REQUIREMENTS}
    for key, value in document.items():
        name = _FIELDS.get(key, key)
        try:
            _require_known(key, known, key)
            if name in REQUIREMENTS:
                values[name] = _requirement(name, value)
            else:
                values[name] = _read(kinds[name], value, key)
        except RuleDocumentError as error:
            faults += error.faults
        except InvalidInputError as error:
            faults.append((error.field, str(error)))
    # A key that is misspelt is told as such, and not a second time as missing.
    told = {*document, *(_nearest(str(key), known) for key in document if key not in known)}
    for name in _STAND_INS:
        key = _KEYS.get(name, name)
        if key not in told:
            faults.append((key, "must be given"))
    return values, faults


def read_rule(text: str) -> Rule:
    """The rule of a TOML document, or of a JSON one, which begins with a brace.

    Raises:
        InvalidInputError: it is neither.
        RuleDocumentError: it is not a valid rule; names every key at fault.
    """
    if len(text) > MAX_DOCUMENT:
        raise InvalidInputError(f"longer than {MAX_DOCUMENT} characters", field="document")
    try:
        found = json.loads(text) if text.lstrip().startswith("{") else tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInputError(f"neither TOML nor JSON: {error}", field="document") from error
    if not isinstance(found, dict):
        raise InvalidInputError("not a table of keys", field="document")
    return rule_value(found)


def rule_toml(rule: Rule) -> str:
    """A rule as TOML, with one line a key, so that two revisions can be compared by line."""
    plain = rule_document(rule)
    tables = {key: plain.pop(key) for key in REQUIREMENTS if key in plain}
    lines = [f"{key} = {_toml(value)}" for key, value in plain.items()]
    for name, table in tables.items():
        lines += ["", f"[{name}]", *(f"{key} = {_toml(value)}" for key, value in table.items())]
    return "\n".join(lines) + "\n"


def _requirement(name: str, value: object) -> Requirement:
    kind = REQUIREMENTS[name]
    if not isinstance(value, Mapping):
        raise InvalidInputError(f"a table of keys is needed, such as [{name}] in TOML", field=name)
    kinds = _kinds(kind)
    values = {}
    faults: list[tuple[str, str]] = []
    for key, inner in value.items():
        try:
            _require_known(key, set(kinds), f"{name}.{key}")
            values[key] = _read(kinds[key], inner, f"{name}.{key}")
        except InvalidInputError as error:
            faults.append((error.field, str(error)))
    faults += [
        (f"{name}.{field.name}", "must be given")
        for field in fields(kind)
        if field.name not in value and field.default is MISSING
    ]
    if faults:
        raise RuleDocumentError(faults)
    return kind(**values)


def _require_known(key: str, known: set[str], path: str) -> None:
    if key in known:
        return
    near = _nearest(str(key), known)
    hint = f"did you mean {near}?" if near else f"known are {', '.join(sorted(known))}"
    raise InvalidInputError(f"no such key; {hint}", field=path[:80])


def _nearest(key: str, known: set[str]) -> str | None:
    with_unit = [name for name in known if name.startswith(f"{key}_")]
    if len(with_unit) == 1:
        return with_unit[0]
    near = difflib.get_close_matches(key, sorted(known), n=1, cutoff=_NEAR)
    return near[0] if near else None


def _kinds(of: Any) -> dict[str, Any]:
    return get_type_hints(of)


def _read(kind: Any, value: object, path: str) -> Any:
    """A value of a document as the field's own type."""
    if get_origin(kind) is types.UnionType:
        kind = next(part for part in get_args(kind) if part is not types.NoneType)
    if get_origin(kind) is frozenset:
        (item,) = get_args(kind)
        if not isinstance(value, list):
            raise InvalidInputError("a list is needed", field=path)
        return frozenset(_read(item, each, path) for each in value)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return _word(kind, value, path)
    if kind is time:
        return _clock(value, path)
    # TOML and JSON tell truth from numbers, Python does not.
    if isinstance(value, bool) is not (kind is bool):
        value = None
    if kind is float and isinstance(value, int):
        # JSON has whole numbers of any size; no figure of a rule is near this one.
        value = float(value) if abs(value) < 10**15 else float("inf")
    if not isinstance(value, kind):
        wanted = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}
        raise InvalidInputError(f"{wanted[kind]} is needed", field=path)
    return value


def _word(kind: type[StrEnum], value: object, path: str) -> StrEnum:
    try:
        return kind(str(value))
    except ValueError as error:
        words = ", ".join(member.value for member in kind)
        raise InvalidInputError(f"{str(value)[:40]!r} is none of {words}", field=path) from error


def _clock(value: object, path: str) -> time:
    # TOML has times of its own; JSON has only texts.
    if isinstance(value, time):
        return value
    try:
        return time.fromisoformat(value if isinstance(value, str) else "")
    except ValueError as error:
        raise InvalidInputError(
            f'{str(value)[:40]!r} is no time of day such as "18:30"', field=path
        ) from error


def _plain(value: Any) -> Any:
    if isinstance(value, frozenset):
        # Sets have no order, and the same rule has to give the same document; days have one.
        return [str(item) for item in sorted(value, key=_rank)]
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, time):
        return value.isoformat("auto" if value.second or value.microsecond else "minutes")
    return value


def _rank(item: str) -> tuple[int, str]:
    return (list(Day).index(item), "") if isinstance(item, Day) else (0, str(item))


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list):
        return f"[{', '.join(_toml(item) for item in value)}]"
    # Basic strings of TOML escape as JSON does, but for DEL, which no valid rule holds.
    return json.dumps(value, ensure_ascii=False)
