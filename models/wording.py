"""Counts in words: "1 image", "3 images", "2 people"."""

from __future__ import annotations

_IRREGULAR = {"person": "people", "vertex": "vertices"}


def counted(count: int, noun: str) -> str:
    """A number and its noun, for example "1 detection" or "1,204 detections".

    Args:
        count: how many.
        noun: in the singular; of several words the last one is put into the plural.
    """
    return f"{count:,} {noun if count == 1 else plural(noun)}"


def plural(noun: str) -> str:
    """The plural of a noun, for example "people" or "entries"."""
    before, space, last = noun.rpartition(" ")
    return f"{before}{space}{_plural_word(last)}"


def _plural_word(word: str) -> str:
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if word.endswith(("s", "x", "z", "ch", "sh")):
        return f"{word}es"
    if word.endswith("y") and word[-2:-1] not in tuple("aeiou"):
        return f"{word[:-1]}ies"
    return f"{word}s"
