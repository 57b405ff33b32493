"""Photographs with planted metadata, for every test of how they are read."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def shots() -> ModuleType:
    """The module beside this folder that builds JPEG files with Pillow and by hand."""
    path = Path(__file__).resolve().parents[1] / "photographs.py"
    spec = importlib.util.spec_from_file_location("planted_photographs", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
