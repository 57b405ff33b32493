"""Names of the values that a file of positions may tell, and names that are nearly these."""

from __future__ import annotations

import difflib
import re

KEYS = (
    *("id", "name", "kind", "sigma_m", "radius_m", "buffer_m"),
    *("speed_m_s", "max_sigma_m", "max_age_s", "report_time"),
    *("valid_from", "valid_until", "use_times"),
)
"""What is read, in every format."""

_OTHER_WORDS = {
    "identifier": "id",
    "position_id": "id",
    "display_name": "name",
    "position_kind": "kind",
    "accuracy": "sigma_m",
    "accuracy_m": "sigma_m",
    "error_m": "sigma_m",
    "speed": "speed_m_s",
    "reported_at": "report_time",
    "max_age": "max_age_s",
}
# Without its unit a key is not read: metres, or feet?
_UNIT = re.compile(r"_(?:m_s|m|s)$")
_OTHER_UNIT = re.compile(
    r"_(?:m|s|km|ft|metres?|meters?|feet|seconds?|sec|min|minutes?|h|hours?|kmh|km_h|kph|mph|kn)$"
)
_WORD = re.compile(r"[^a-z0-9]+")
_NEAR = 0.84
# Of shorter words one letter makes another word, as "fid" of "id".
_SHORTEST = 5


def resembled(name: str) -> str | None:
    """The key that somebody who wrote `name` may have meant; None where it is nothing of ours.

    Args:
        name: of a property, a column or a datum that is none of `KEYS`.
    """
    plain = _WORD.sub("_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()).strip("_")
    if plain in KEYS:
        return plain
    if plain in _OTHER_WORDS:
        return _OTHER_WORDS[plain]
    bare = {_UNIT.sub("", key): key for key in KEYS}
    stem = _OTHER_UNIT.sub("", plain)
    if stem in bare and bare[stem] != stem:
        return bare[stem]
    if len(plain) < _SHORTEST:
        return None
    found = difflib.get_close_matches(plain, KEYS, n=1, cutoff=_NEAR)
    return found[0] if found else None
