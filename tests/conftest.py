"""What every test may ask for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real imagery and truth: VEDETTE_DATA, else beside the clone."""
    named = os.environ.get("VEDETTE_DATA")
    folder = Path(named) if named else Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no real imagery at {folder}; set VEDETTE_DATA to its folder")
    return folder
