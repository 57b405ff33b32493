"""A model card as a file: TOML that names every field, and refuses every other.

A field that is not known is refused rather than skipped: a misspelt "threshold" would otherwise
leave a model at the default without a word.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from models.catalogue.model_card import NAME, VERSION, Accuracy, Modality, ModelCard, SizeAccuracy
from models.errors import ModelRefusedError
from models.taxonomy import GROUPS, ClassMap, group_of

CARD_FILE = "card.toml"

_SHA256 = re.compile(r"[0-9a-f]{64}")
_REQUIRED = (
    "name",
    "version",
    "license",
    "network",
    "modality",
    "input_px",
    "training_scale",
    "training_data",
    "weaknesses",
    "classes",
    "sha256",
)
_OPTIONAL = (
    "object_px",
    "car_px",
    "accuracy",
    "thresholds",
    "thresholds_chosen",
    "trained_on",
    "notes",
)
_LARGEST_TILE_PX = 4096
_MOST_BYTES = 1 << 20
"""A larger card is none."""

Value = TypeVar("Value")


def read_card(folder: Path) -> ModelCard:
    """The card in a model's folder.

    Raises:
        ModelRefusedError: there is none, or it does not say what it must.
    """
    path = folder / CARD_FILE
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelRefusedError(
            f"{folder.name}: no model without its card: {CARD_FILE}: {error.strerror}"
        ) from error
    try:
        return parse_card(data)
    except ModelRefusedError as error:
        raise ModelRefusedError(f"{folder.name}: {error}", field=error.field) from error


def parse_card(data: bytes) -> ModelCard:
    """The card that TOML text in UTF-8 states.

    Raises:
        ModelRefusedError: naming the field and what is wrong with it.
    """
    return card_of(read_table(data))


def card_of(table: Mapping[str, Any]) -> ModelCard:
    """The card that a table states.

    Raises:
        ModelRefusedError: naming the field and what is wrong with it.
    """
    _check_keys("", table, _REQUIRED, _OPTIONAL)
    named = _classes(table["classes"])
    categories = set(named.categories)
    accuracy = _list("accuracy", table.get("accuracy", []), _accuracy)
    return ModelCard(
        name=_word("name", table["name"], NAME),
        version=_word("version", table["version"], VERSION),
        license=_text("license", table["license"]),
        network=_text("network", table["network"]),
        modality=_modality(table["modality"]),
        input_px=_whole("input_px", table["input_px"], 32, _LARGEST_TILE_PX),
        object_px=_span("object_px", table["object_px"]) if "object_px" in table else None,
        car_px=_span("car_px", table["car_px"]) if "car_px" in table else None,
        training_scale=_text("training_scale", table["training_scale"]),
        training_data=_list("training_data", table["training_data"], _text),
        accuracy=accuracy,
        weaknesses=_list("weaknesses", table["weaknesses"], _text),
        class_map=named,
        sha256=_hashes(table["sha256"]),
        thresholds=_by_subject("thresholds", table.get("thresholds", {}), _share, categories),
        thresholds_chosen=_text(
            "thresholds_chosen", table.get("thresholds_chosen", ""), empty=True
        ),
        trained_on=_text("trained_on", table.get("trained_on", ""), empty=True),
        notes=_list("notes", table.get("notes", []), _text),
    )


def read_table(data: bytes) -> dict[str, Any]:
    """The bare table of a card, whole or not.

    Raises:
        ModelRefusedError: the bytes are no TOML.
    """
    if len(data) > _MOST_BYTES:
        raise ModelRefusedError(f"{CARD_FILE}: {len(data)} bytes are no card")
    try:
        return tomllib.loads(data.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ModelRefusedError(f"{CARD_FILE} is not TOML: {error}") from error


def _wrong(name: str, why: str) -> ModelRefusedError:
    return ModelRefusedError(f"{CARD_FILE}: {name}: {why}", field=name)


def _check_keys(
    name: str, table: object, required: tuple[str, ...], optional: tuple[str, ...] = ()
) -> None:
    if not isinstance(table, dict):
        raise _wrong(name, f"must be a table, not {table!r}")
    prefix = f"{name}." if name else ""
    for key in table:
        if key not in required and key not in optional:
            known = ", ".join((*required, *optional))
            raise _wrong(f"{prefix}{key}", f"is not known; known are {known}")
    for key in required:
        if key not in table:
            raise ModelRefusedError(
                f"{CARD_FILE} does not say {prefix}{key}", field=f"{prefix}{key}"
            )


def _text(name: str, value: object, *, empty: bool = False) -> str:
    if not isinstance(value, str) or not (empty or value.strip()):
        raise _wrong(name, f"must be text, not {value!r}")
    return value


def _word(name: str, value: object, pattern: re.Pattern[str]) -> str:
    text = _text(name, value)
    if not pattern.fullmatch(text):
        raise _wrong(name, f"{text!r} is not of the form {pattern.pattern}")
    return text


def _modality(value: object) -> Modality:
    try:
        return Modality(_text("modality", value))
    except ValueError:
        known = ", ".join(Modality)
        raise _wrong("modality", f"{value!r} is none of {known}") from None


def _whole(name: str, value: object, least: int, most: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise _wrong(name, f"must be a whole number from {least} to {most}, not {value!r}")
    return value


def _count(name: str, value: object) -> int:
    return _whole(name, value, 0, 1 << 40)


def _number(name: str, value: object, most: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
        raise _wrong(name, f"must be a number from 0 to {most:g}, not {value!r}")
    return float(value)


def _share(name: str, value: object) -> float:
    return _number(name, value, 1.0)


def _rate(name: str, value: object) -> float:
    return _number(name, value, 1e12)


def _span(name: str, value: object) -> tuple[int, int]:
    _check_keys(name, value, ("smallest", "largest"))
    table: Mapping[str, object] = value  # type: ignore[assignment]  # checked above
    smallest = _whole(f"{name}.smallest", table["smallest"], 1, 1 << 20)
    return smallest, _whole(f"{name}.largest", table["largest"], smallest, 1 << 20)


def _list(name: str, value: object, read: Callable[[str, object], Value]) -> tuple[Value, ...]:
    if not isinstance(value, list):
        raise _wrong(name, f"must be a list, not {value!r}")
    return tuple(read(f"{name}[{place}]", item) for place, item in enumerate(value))


def _classes(value: object) -> ClassMap:
    def pair(name: str, row: object) -> tuple[str, str]:
        _check_keys(name, row, ("name", "category"))
        table: Mapping[str, object] = row  # type: ignore[assignment]  # checked above
        category = _text(f"{name}.category", table["category"])
        try:
            group_of(category)
        except ValueError as error:
            raise _wrong(f"{name}.category", str(error)) from None
        return _text(f"{name}.name", table["name"]), category

    try:
        return ClassMap.of(_list("classes", value, pair))
    except ValueError as error:
        raise _wrong("classes", str(error)) from None


def _hashes(value: object) -> dict[str, str]:
    if not isinstance(value, dict) or not value:
        raise _wrong("sha256", "must name the SHA-256 of at least one file")
    return {
        _text("sha256", name): _word(f"sha256.{name}", str(digest).lower(), _SHA256)
        for name, digest in value.items()
    }


def _by_subject(
    name: str, value: object, read: Callable[[str, object], Value], known: set[str] | None = None
) -> dict[str, Value]:
    """A value for each of some groups or categories."""
    if not isinstance(value, dict):
        raise _wrong(name, f"must be a table, not {value!r}")
    for subject in value:
        if known is None and subject not in GROUPS:
            try:
                group_of(subject)
            except ValueError as error:
                raise _wrong(f"{name}.{subject}", str(error)) from None
        if known is not None and subject not in known:
            told = ", ".join(sorted(known))
            raise _wrong(f"{name}.{subject}", f"is no category of this model, which has {told}")
    return {subject: read(f"{name}.{subject}", item) for subject, item in value.items()}


def _size(name: str, value: object) -> SizeAccuracy:
    _check_keys(name, value, ("objects",), ("ap50", "recall"))
    table: Mapping[str, object] = value  # type: ignore[assignment]  # checked above
    return SizeAccuracy(
        objects=_count(f"{name}.objects", table["objects"]),
        ap50=_share(f"{name}.ap50", table["ap50"]) if "ap50" in table else None,
        recall=_share(f"{name}.recall", table["recall"]) if "recall" in table else None,
    )


def _sizes(name: str, value: object) -> dict[str, SizeAccuracy]:
    if not isinstance(value, dict):
        raise _wrong(name, f"must be a table, not {value!r}")
    return {size: _size(f"{name}.{size}", row) for size, row in value.items()}


def _accuracy(name: str, value: object) -> Accuracy:
    _check_keys(
        name,
        value,
        ("data", "ap50"),
        (
            "images",
            "objects",
            "recall",
            "precision",
            "false_alarms_per_km2",
            "ap50_int8",
            "sizes_px",
            "sizes_m",
        ),
    )
    table: Mapping[str, object] = value  # type: ignore[assignment]  # checked above
    return Accuracy(
        data=_text(f"{name}.data", table["data"]),
        images=_count(f"{name}.images", table["images"]) if "images" in table else None,
        ap50=_by_subject(f"{name}.ap50", table["ap50"], _share),
        objects=_by_subject(f"{name}.objects", table.get("objects", {}), _count),
        recall=_by_subject(f"{name}.recall", table.get("recall", {}), _share),
        precision=_by_subject(f"{name}.precision", table.get("precision", {}), _share),
        false_alarms_per_km2=_by_subject(
            f"{name}.false_alarms_per_km2", table.get("false_alarms_per_km2", {}), _rate
        ),
        ap50_int8=_by_subject(f"{name}.ap50_int8", table.get("ap50_int8", {}), _share),
        sizes_px=_by_subject(f"{name}.sizes_px", table.get("sizes_px", {}), _sizes),
        sizes_m=_by_subject(f"{name}.sizes_m", table.get("sizes_m", {}), _sizes),
    )


def card_text(card: ModelCard) -> str:
    """A card as TOML; `parse_card` gives the same card back."""
    return "\n".join(_lines(card)) + "\n"


def _lines(card: ModelCard) -> Iterator[str]:
    yield "# Model card. The catalogue refuses any file whose SHA-256 is not the one below."
    for key in ("name", "version", "license", "network"):
        yield f"{key} = {_quoted(getattr(card, key))}"
    yield f"modality = {_quoted(card.modality.value)}"
    yield f"input_px = {card.input_px}"
    for key, span, comment in (
        ("object_px", card.object_px, "an object, pixels of the image as the network sees it"),
        ("car_px", card.car_px, "a car between which it is left at its scale"),
    ):
        if span is not None:
            yield f"# The longer side of {comment}."
            yield f"{key} = {_span_text(span)}"
    yield from _told_lines(card)
    for row in card.accuracy:
        yield from _accuracy_lines(row)
    yield "\n# The network's classes in the order of their numbers, and the category of each here."
    numbers = card.class_map.index.tolist()
    for name, number in zip(card.class_map.classes, numbers, strict=True):
        yield "[[classes]]"
        yield f"name = {_quoted(name)}"
        yield f"category = {_quoted(card.categories[number])}\n"
    yield "[sha256]"
    for name in sorted(card.sha256):
        yield f"{_quoted(name)} = {_quoted(card.sha256[name])}"


def _told_lines(card: ModelCard) -> Iterator[str]:
    """What people wrote of it, and the thresholds."""
    yield f"training_scale = {_quoted(card.training_scale)}"
    yield from _list_text("training_data", card.training_data)
    if card.trained_on:
        yield f"trained_on = {_quoted(card.trained_on)}"
    yield from _list_text("weaknesses", card.weaknesses)
    if card.notes:
        yield from _list_text("notes", card.notes)
    if card.thresholds_chosen:
        yield f"thresholds_chosen = {_quoted(card.thresholds_chosen)}"
    if card.thresholds:
        yield "\n# Confidence from which a detection counts, by category."
        yield "[thresholds]"
        yield from _pairs(card.thresholds)


def _accuracy_lines(row: Accuracy) -> Iterator[str]:
    yield "\n[[accuracy]]"
    yield f"data = {_quoted(row.data)}"
    if row.images is not None:
        yield f"images = {row.images}"
    for key in (
        "objects",
        "ap50",
        "ap50_int8",
        "recall",
        "precision",
        "false_alarms_per_km2",
    ):
        values: Mapping[str, float] = getattr(row, key)
        if values or key == "ap50":
            yield f"{key} = {{ {', '.join(_pairs(values))} }}"
    for key in ("sizes_px", "sizes_m"):
        by_subject: Mapping[str, Mapping[str, SizeAccuracy]] = getattr(row, key)
        for subject, sizes in by_subject.items():
            yield f"[accuracy.{key}.{_key(subject)}]"
            for size, score in sizes.items():
                told: dict[str, float] = {"objects": score.objects}
                if score.ap50 is not None:
                    told["ap50"] = score.ap50
                if score.recall is not None:
                    told["recall"] = score.recall
                yield f"{_key(size)} = {{ {', '.join(_pairs(told))} }}"


def _pairs(values: Mapping[str, float]) -> list[str]:
    return [f"{_key(name)} = {value!r}" for name, value in values.items()]


def _quoted(text: str) -> str:
    """A basic string of TOML, whose escapes are those of JSON but for DEL."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _quoted(name)


def _span_text(span: tuple[int, int]) -> str:
    return f"{{ smallest = {span[0]}, largest = {span[1]} }}"


def _list_text(key: str, values: tuple[str, ...]) -> list[str]:
    return [f"{key} = [", *(f"    {_quoted(value)}," for value in values), "]"]
