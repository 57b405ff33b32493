"""The footer in the words an operator reads."""

from __future__ import annotations

from dataclasses import replace

from pipelines.ground import GroundPoint
from pipelines.outcome import Finding, Outcome, Severity
from pipelines.products.footer import footer_lines
from tests.pipelines.analytic_frame import seen_frame


def test_footer_says_who_when_and_what() -> None:
    seen = seen_frame()
    text = "\n".join(line.text for line in footer_lines(seen.provenance, seen.assessment))
    for words in (
        "Mission unifil",
        "sortie S-0412",
        "2026-11-24 10:02:11 UTC",
        "1 alert · 1 possible · 3 detections",
        "Ground: assumed flat, from test",
        "Imagery img-1",
        "Model vedette-n@2.1.0 · ",
        "not confirmed by a person",
    ):
        assert words in text


def test_footer_of_an_unlocated_frame_says_why_in_a_warning() -> None:
    seen = seen_frame(located=False)
    lines = footer_lines(seen.provenance, seen.assessment)
    (warning,) = [line.text for line in lines if line.weight == "warning"]
    assert warning == "This frame cannot be located: no attitude in the metadata"
    assert "time unknown" in lines[0].text


def test_footer_counts_what_has_no_place_in_a_located_frame() -> None:
    seen = seen_frame()
    sky = (GroundPoint(outcome=Outcome.ABOVE_HORIZON),) * 2
    assessment = replace(seen.assessment, ground=(seen.assessment.ground[0], *sky))
    (warning,) = [
        line.text for line in footer_lines(seen.provenance, assessment) if line.weight == "warning"
    ]
    assert "2 cannot be located: above the horizon" in warning


def test_labels_without_room_are_counted() -> None:
    seen = seen_frame()
    assert "7 labels left out" in footer_lines(seen.provenance, seen.assessment, 7)[1].text


def test_warnings_about_the_metadata_stand_on_the_picture() -> None:
    seen = seen_frame()
    doubt = Finding(code="GIMBAL_FLIPPED", severity=Severity.WARNING, message="turned round")
    capture = replace(seen.assessment.capture, findings=(doubt, *seen.assessment.capture.findings))
    lines = footer_lines(seen.provenance, replace(seen.assessment, capture=capture))
    (warning,) = [line.text for line in lines if line.weight == "warning"]
    assert warning == "Doubtful: gimbal flipped", "and the note is not among them"
