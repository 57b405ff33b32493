"""How soon a person should look at an incident."""

from __future__ import annotations

from enum import StrEnum


class Severity(StrEnum):
    """Of an incident; not that of a finding about metadata."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
