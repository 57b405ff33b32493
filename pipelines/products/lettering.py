"""Text on pictures, in the one typeface that needs no file beside the program.

Pillow carries Aileron (CC0) inside itself. It has the letters of ASCII and little more, so names
in other scripts lose their accents or show as question marks on pictures; they stand unchanged in
GeoJSON and KMZ.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

from PIL import ImageFont

_BEYOND_ASCII = frozenset("°±·…")


@lru_cache(maxsize=32)
def typeface(size_px: int) -> ImageFont.FreeTypeFont:
    """The bundled typeface at a size in pixels."""
    font = ImageFont.load_default(size_px)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise TypeError("Pillow was built without FreeType; its wheels carry it")
    return font


def printable(text: str) -> str:
    """The text in letters that the typeface has; accents fall, other scripts become "?"."""
    kept: list[str] = []
    for letter in text.replace("\n", " "):
        if letter.isascii() or letter in _BEYOND_ASCII:
            kept.append(letter if letter.isprintable() else " ")
            continue
        plain = unicodedata.normalize("NFKD", letter).encode("ascii", "ignore").decode()
        kept.append(plain or ("" if unicodedata.combining(letter) else "?"))
    return "".join(kept)


def line_height(size_px: int) -> int:
    """Distance from one baseline to the next, pixels."""
    return round(size_px * 1.28)


def shorten(text: str, size_px: int, width_px: float) -> str:
    """The text, or as much of it as fits, with an ellipsis."""
    font = typeface(size_px)
    if font.getlength(text) <= width_px:
        return text
    while text and font.getlength(text + "…") > width_px:
        text = text[:-1]
    return text.rstrip() + "…"


def wrap(text: str, size_px: int, width_px: float) -> list[str]:
    """The text in lines that fit a width, broken at spaces; a word too long is shortened."""
    font = typeface(size_px)
    lines: list[str] = []
    line = ""
    for word in text.split():
        longer = f"{line} {word}".strip()
        if font.getlength(longer) <= width_px:
            line = longer
            continue
        if line:
            lines.append(line)
        line = shorten(word, size_px, width_px)
    return [*lines, line] if line else lines
