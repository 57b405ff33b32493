"""Outcomes and terrains in the words that people read on pictures and maps."""

from __future__ import annotations

from pipelines.outcome import Outcome

OUTCOME_WORDS = {
    Outcome.LOCATED: "located",
    Outcome.ABOVE_HORIZON: "above the horizon",
    Outcome.NO_INTERSECTION: "no ground within reach of the ray",
    Outcome.DEM_GAP: "a gap in the elevation model",
    Outcome.NO_ATTITUDE: "no attitude in the metadata",
    Outcome.NO_POSITION: "no camera position in the metadata",
    Outcome.NO_HEIGHT: "no height above the ground can be derived",
    Outcome.NO_INTRINSICS: "the focal length of the camera is not known",
    Outcome.POSE_REJECTED: "the metadata contradict themselves",
    Outcome.OUTSIDE_IMAGE: "the pixel lies outside the image",
}


def outcome_sentence(outcome: Outcome) -> str:
    """What a reader is told, for example "cannot be located: no attitude in the metadata"."""
    words = OUTCOME_WORDS[outcome]
    return words if outcome is Outcome.LOCATED else f"cannot be located: {words}"


def terrain_words(label: str) -> str:
    """What a terrain label means, for example "elevation model rome.tif"."""
    kind, _, name = label.partition(":")
    if kind == "dem":
        return f"elevation model {name}"
    if kind == "flat":
        return f"assumed flat, from {name.replace('_', ' ')}"
    return "the raster's own placement" if kind == "raster" else label
