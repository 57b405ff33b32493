"""JSON whose bytes depend on nothing but the values: what is hashed and compared later."""

from __future__ import annotations

import json
from typing import Any


def canonical_json(value: Any) -> bytes:
    """UTF-8 JSON with sorted keys, no spaces and one newline at the end.

    Raises:
        ValueError: a number is not finite; JSON has no word for it.
    """
    text = json.dumps(
        value, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":")
    )
    return text.encode() + b"\n"
