"""Which models look at imagery, and where their files lie."""

from __future__ import annotations

MODELS_FOLDER = "models"
"""In the data folder: the models that were added to this installation."""
