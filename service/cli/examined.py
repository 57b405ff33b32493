"""Images after a look at their metadata: what can be placed and what not, in words and as JSON."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.markup import escape

from models.errors import UnreadableImageError
from models.wording import counted
from pipelines.capture import Capture
from pipelines.imagery.media import read_header
from pipelines.metadata.capture_reader import read_capture
from pipelines.outcome import Finding, Outcome, Severity
from pipelines.products.outcome_words import OUTCOME_WORDS, outcome_sentence
from service.cli.output import console, plain

_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: "cyan"}
_UNREADABLE = "unreadable"


@dataclass(frozen=True, kw_only=True, slots=True)
class Examined:
    """One file after a look.

    Attributes:
        path: as the user named it, or found below a folder.
        capture: None where the file is no image Vedette reads.
        georeferenced: a raster that says where its pixels lie: it needs no pose.
        refusal: why it is not read; empty where it is.
    """

    path: Path
    capture: Capture | None
    georeferenced: bool = False
    refusal: str = ""

    @property
    def located(self) -> bool:
        """Whether pixels of this file can be placed."""
        if self.capture is None:
            return False
        return self.georeferenced or self.capture.outcome is Outcome.LOCATED

    @property
    def outcome(self) -> str:
        """The outcome as a word for programs."""
        return _UNREADABLE if self.capture is None else self.capture.outcome.value

    @property
    def verdict(self) -> str:
        """The outcome as a sentence."""
        if self.capture is None:
            return f"cannot be read: {self.refusal}"
        if self.georeferenced and self.capture.outcome is not Outcome.LOCATED:
            return "georeferenced raster: its pixels carry their place"
        if self.located:
            return "can be located"
        return outcome_sentence(self.capture.outcome)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is worth telling; a georeferenced raster has no pose and needs none."""
        if self.capture is None:
            return ()
        return tuple(
            finding
            for finding in self.capture.findings
            if not (self.georeferenced and finding.severity is Severity.ERROR)
        )


def examine(path: Path, pose: str | None) -> Examined:
    """Read one file's metadata, together with the text of a pose file where there is one.

    Raises:
        InvalidInputError: the pose file is not valid, or is of an image of another shape.
    """
    try:
        data = path.read_bytes()
        capture = read_capture(data, stated_pose=pose)
        return Examined(path=path, capture=capture, georeferenced=read_header(data).georeferenced)
    except UnreadableImageError as error:
        return Examined(path=path, capture=None, refusal=str(error))
    except OSError as error:
        return Examined(path=path, capture=None, refusal=error.strerror or str(error))


def tell_summary(examined: Sequence[Examined]) -> None:
    """How many can be placed; the others by reason with what to do, then what else to know."""
    out = console()
    located = sum(one.located for one in examined)
    out.print(f"[bold]{_located_words(located, len(examined))}[/bold]")
    failed = [one for one in examined if not one.located]
    for outcome, count in Counter(one.outcome for one in failed).most_common():
        words = "not an image that can be read" if outcome == _UNREADABLE else ""
        out.print(f"  [red]{count:>4}[/red]  {words or OUTCOME_WORDS[Outcome(outcome)]}")
        remedies = Counter(
            finding.code
            for one in failed
            if one.outcome == outcome
            for finding in one.findings
            if finding.severity is Severity.ERROR
        )
        for code, _ in remedies.most_common():
            out.print(f"        {code}: {escape(_example(failed, code, Severity.ERROR))}")
    told = Counter(
        finding.code
        for one in examined
        for finding in one.findings
        if finding.severity is Severity.WARNING
    )
    if told:
        out.print("Warnings")
    for code, count in told.most_common():
        message = escape(_example(examined, code, Severity.WARNING))
        out.print(f"  [yellow]{count:>4}[/yellow]  {code}: {message}")
    out.print()


def _located_words(located: int, total: int) -> str:
    images = counted(total, "image")
    if located == total:
        return f"{images}: all can be located."
    return f"{images}: {located} can be located, {total - located} cannot."


def _example(examined: Sequence[Examined], code: str, severity: Severity) -> str:
    """What the first file that has it says of it."""
    return next(
        plain(finding.message)
        for one in examined
        for finding in one.findings
        if finding.code == code and finding.severity is severity
    )


def tell_line(one: Examined) -> None:
    """One file among many: its verdict, and of what there is more to read."""
    colour = "green" if one.located else "red"
    codes = [finding.code for finding in one.findings if finding.severity is not Severity.NOTE]
    more = f"  ({', '.join(codes)})" if codes else ""
    console().print(
        f"{escape(plain(str(one.path)))}  [{colour}]{escape(plain(one.verdict))}[/{colour}]{more}"
    )


def tell_whole(one: Examined) -> None:
    """Everything about one file."""
    out = console()
    colour = "green" if one.located else "red"
    out.print(f"[bold]{escape(plain(str(one.path)))}[/bold]")
    out.print(f"  [{colour}]{escape(plain(one.verdict))}[/{colour}]")
    if one.capture is not None:
        for name, value in _facts(one.capture):
            out.print(f"  {name:<9} {escape(plain(value))}")
    for finding in one.findings:
        shade = _COLOURS[finding.severity]
        out.print(
            f"  [{shade}]{finding.severity.value}[/{shade}] {finding.code}: "
            f"{escape(plain(finding.message))}"
        )
    out.print()


def _facts(capture: Capture) -> Iterator[tuple[str, str]]:
    """What is known, in words, as rows of name and value."""
    yield "camera", f"{capture.make or 'unknown maker'} {capture.model or ''}".strip()
    yield "pixels", f"{capture.width_px} x {capture.height_px}"
    taken = capture.captured_at
    yield "taken", f"{taken:%Y-%m-%d %H:%M:%S} UTC" if taken else "not known"
    pose, sigmas = capture.pose, capture.sigmas
    if pose is not None:
        place = f"{pose.latitude_deg:.6f}, {pose.longitude_deg:.6f}"
        yield "position", f"{place} (1 sigma {sigmas.horizontal_m:.3g} m)"
        height = f"{pose.height_m:.1f} m {pose.height_reference.value.replace('_', ' ')}"
        yield "height", f"{height} (1 sigma {sigmas.vertical_m:.3g} m)"
        angles = f"yaw {pose.yaw_deg % 360:.1f}, pitch {pose.pitch_deg:.1f}"
        errors = f"{sigmas.yaw_deg:.3g}, {sigmas.pitch_deg:.3g}, {sigmas.roll_deg:.3g}"
        yield "looks", f"{angles}, roll {pose.roll_deg:.1f} degrees (1 sigma {errors})"
    if capture.absolute_height_m is not None and capture.absolute_height_reference is not None:
        altitude = f"{capture.absolute_height_m:.1f} m {capture.absolute_height_reference.value}"
        yield "altitude", f"{altitude} (1 sigma {capture.absolute_height_sigma_m:.3g} m)"
    inner = capture.intrinsics
    if inner is not None:
        view = 2 * math.degrees(math.atan2(inner.width_px / 2, inner.fx_px))
        focal = f"focal length {inner.fx_px:.1f} pixels, {view:.1f} degrees wide"
        yield "lens", f"{focal} (a pixel is good to {sigmas.pixel_px:.1f})"


def summary_document(examined: Sequence[Examined]) -> dict[str, Any]:
    """The counts for programs: located, not located, and the latter by outcome."""
    reasons = Counter(one.outcome for one in examined if not one.located)
    failed = sum(reasons.values())
    return {
        "located": len(examined) - failed,
        "not_located": failed,
        "reasons": [
            {"outcome": outcome, "count": count} for outcome, count in reasons.most_common()
        ],
    }


def image_document(one: Examined) -> dict[str, Any]:
    """Everything about one file for programs."""
    capture = one.capture
    document: dict[str, Any] = {
        "file_name": str(one.path),
        "located": one.located,
        "outcome": one.outcome,
        "verdict": one.verdict,
    }
    if capture is None:
        return document
    pose, inner = capture.pose, capture.intrinsics
    return document | {
        "georeferenced": one.georeferenced,
        "width_px": capture.width_px,
        "height_px": capture.height_px,
        "make": capture.make,
        "model": capture.model,
        "captured_at": capture.captured_at.isoformat() if capture.captured_at else None,
        "pose": None
        if pose is None
        else {
            "latitude_deg": pose.latitude_deg,
            "longitude_deg": pose.longitude_deg,
            "height_m": pose.height_m,
            "height_reference": pose.height_reference.value,
            "yaw_deg": pose.yaw_deg,
            "pitch_deg": pose.pitch_deg,
            "roll_deg": pose.roll_deg,
        },
        "relative_height_m": capture.relative_height_m,
        "absolute_height_m": capture.absolute_height_m,
        "absolute_height_reference": capture.absolute_height_reference,
        "absolute_height_sigma_m": capture.absolute_height_sigma_m,
        "camera": None
        if inner is None
        else {
            "width_px": inner.width_px,
            "height_px": inner.height_px,
            "fx_px": inner.fx_px,
            "fy_px": inner.fy_px,
            "cx_px": inner.cx_px,
            "cy_px": inner.cy_px,
            "distortion": _values(inner.distortion),
        },
        "sigmas": _values(capture.sigmas),
        "findings": [_values(finding) for finding in capture.findings],
    }


def _values(record: Any) -> dict[str, Any]:
    return {name: getattr(record, name) for name in record.__slots__}
