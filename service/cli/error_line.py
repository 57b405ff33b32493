"""The line on standard error that tells what went wrong."""

from __future__ import annotations

import json


def error_line(message: str, *, reason: str, field: str | None, as_json: bool) -> str:
    """One line: `vedette: FIELD: MESSAGE [REASON]` for a person, else a JSON object.

    Args:
        message: what went wrong.
        reason: one word for programs; the reference lists them.
        field: what was given wrongly; None or empty where nothing was.
        as_json: for a program.
    """
    if as_json:
        document = {"error": {"reason": reason, "field": field or None, "message": message}}
        return json.dumps(document, ensure_ascii=False)
    where = f"{field}: " if field else ""
    return f"vedette: {where}{message} [{reason}]"
