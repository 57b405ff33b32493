"""`vedette locate`: where a pixel lies on the ground, without any service."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np

from models.errors import InvalidInputError
from pipelines.capture import Capture
from pipelines.geometry.camera_height import Unlocatable
from pipelines.geometry.elevation import TerrainSource
from pipelines.geometry.georeference import georeference
from pipelines.geometry.heights import use_grid_folder
from pipelines.geometry.vertical_reference import DemDatum
from pipelines.geometry.viewpoint import find_viewpoint
from pipelines.ground import GroundPoint
from pipelines.metadata.capture_reader import read_capture
from pipelines.outcome import Finding, Outcome
from pipelines.products.grid_reference import mgrs
from pipelines.products.outcome_words import outcome_sentence
from service.cli.location_lines import answer_lines, document


@dataclass(frozen=True, kw_only=True, slots=True)
class Location:
    """What is known of one pixel of one image.

    Attributes:
        point: its place, or why it has none.
        findings: what was assumed, lacking or contradicted.
    """

    point: GroundPoint
    findings: tuple[Finding, ...]


def _pixel(_context: click.Context, _option: click.Parameter, value: str | None) -> Any:
    if value is None:
        return None
    try:
        x, y = (float(part) for part in value.split(","))
    except ValueError:
        raise click.BadParameter(
            "two numbers with a comma between them, for example 640,480"
        ) from (None)
    if not np.isfinite([x, y]).all():
        raise click.BadParameter("both numbers must be finite")
    return x, y


@click.command()
@click.argument(
    "image", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option(
    "--pixel",
    callback=_pixel,
    metavar="X,Y",
    help="The pixel, from the outer corner of the first one (whose centre is 0.5,0.5).",
)
@click.option(
    "--dem",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A folder of elevation models (GeoTIFF, SRTM .hgt, DTED), with its subfolders.",
)
@click.option(
    "--dem-datum",
    type=click.Choice([datum.value for datum in DemDatum]),
    help="What the heights of models that do not say so themselves are measured from.",
)
@click.option(
    "--geoid-grids",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A folder of more geoid grids of PROJ, for example with us_nga_egm08_25.tif.",
)
@click.option(
    "--pose",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A pose file (JSON; docs/reference.md, 'Pose format'), in place of the image's metadata.",
)
@click.option(
    "--batch",
    type=click.File("r", encoding="utf-8", errors="replace"),
    help='JSON lines {"id", "pose", "pixel", "ground_hae_m"} in place of an image; - for '
    "standard input.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs instead of text.")
def locate(
    image: Path | None,
    pixel: tuple[float, float] | None,
    dem: Path | None,
    dem_datum: str | None,
    geoid_grids: Path | None,
    pose: Path | None,
    batch: Any,
    as_json: bool,
) -> None:
    """Say where a PIXEL of an IMAGE lies on the ground, and how wrong that may be.

    Terrain comes from the elevation models; without any, the ground is taken to be flat at the
    height below the camera that metadata or pose tell. A pixel that has no place is answered
    with the reason; that is an answer, and the exit status is 0. With --batch it is 1 when any line
    could not be read.

    A pose is a JSON object of latitude_deg, longitude_deg, height_m, height_reference (hae, msl or
    above_ground), yaw_deg, pitch_deg, and where they are known roll_deg, camera (make and model, or
    width_px, height_px and fx_px), sigmas and captured_at. A batch has no image to tell the camera.

    \b
    Examples:
      vedette locate photo.jpg --pixel 640,480 --dem elevation/
      vedette locate photo.jpg --pixel 640,480 --pose photo.pose.json --json
      vedette locate --batch pixels.jsonl --json
    """  # noqa: D301 - click wants the backspace itself
    if geoid_grids is not None:
        use_grid_folder(geoid_grids)
    source = TerrainSource(dem, datum=None if dem_datum is None else DemDatum(dem_datum))
    if batch is not None:
        if image is not None or pixel is not None or pose is not None:
            raise click.UsageError("--batch takes neither an image nor --pixel nor --pose")
        sys.exit(_print_batch(batch, source, as_json=as_json))
    if image is None or pixel is None:
        raise click.UsageError("an image and --pixel are needed, or --batch")
    stated = None if pose is None else _text(pose)
    location = locate_pixel(image.read_bytes(), pixel, source, stated_pose=stated)
    if as_json:
        click.echo(json.dumps(_document(location), indent=2, ensure_ascii=False))
    else:
        click.echo(_words(location))


def locate_pixel(
    data: bytes,
    pixel: tuple[float, float],
    source: TerrainSource,
    *,
    stated_pose: str | None = None,
) -> Location:
    """Where a pixel of an image lies.

    Args:
        data: the image file's bytes.
        pixel: x, y from the outer corner of the first pixel of the file as it lies on disk.
        source: elevation models.
        stated_pose: a pose file's text, in place of the metadata.

    Raises:
        UnreadableImageError: the bytes are no image.
        InvalidInputError: the pose is not valid.
    """
    capture = read_capture(data, stated_pose=stated_pose)
    if not (0 <= pixel[0] <= capture.width_px and 0 <= pixel[1] <= capture.height_px):
        return _without(capture, Unlocatable(outcome=Outcome.OUTSIDE_IMAGE, findings=()))
    viewpoint = find_viewpoint(capture, source)
    if isinstance(viewpoint, Unlocatable):
        return _without(capture, viewpoint)
    (point,) = georeference(viewpoint, np.array([pixel]))
    return Location(point=point, findings=(*viewpoint.findings, *capture.findings))


def _without(capture: Capture, unlocatable: Unlocatable) -> Location:
    return Location(
        point=GroundPoint(outcome=unlocatable.outcome),
        findings=(*unlocatable.findings, *capture.findings),
    )


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InvalidInputError(f"{path.name} is not text in UTF-8", field="pose") from error


def _print_batch(batch: Any, source: TerrainSource, *, as_json: bool) -> int:
    """Answers to standard output; 1 when any line could not be read."""
    status = 0
    for answer in answer_lines(batch, source):
        if "error" in answer:
            status = 1
        click.echo(json.dumps(answer, ensure_ascii=False) if as_json else _line(answer))
        if not as_json:
            for finding in answer.get("findings", ()):
                click.echo(f"  {finding['severity']:10} {finding['message']}")
    return status


def _line(answer: dict[str, Any]) -> str:
    name = answer["id"] if answer["id"] is not None else "-"
    if "error" in answer:
        return f"{name}: line {answer['line']}: {answer['error']['reason']}"
    outcome = Outcome(answer["outcome"])
    if outcome is not Outcome.LOCATED:
        return f"{name}: {outcome_sentence(outcome)}"
    return (
        f"{name}: {answer['latitude_deg']:.7f} {answer['longitude_deg']:.7f}, "
        f"CE90 {answer['ce90_m']:.1f} m"
    )


def _document(location: Location) -> dict[str, Any]:
    return {
        **document(location.point),
        "mgrs": _grid(location.point),
        "findings": [asdict(finding) for finding in location.findings],
    }


def _grid(point: GroundPoint) -> str | None:
    if point.latitude_deg is None or point.longitude_deg is None:
        return None
    return mgrs(point.latitude_deg, point.longitude_deg)


def _words(location: Location) -> str:
    point = location.point
    lines = [outcome_sentence(point.outcome)]
    if point.outcome is Outcome.LOCATED:
        height = "unknown" if point.hae_m is None else f"{point.hae_m:.1f} m above the ellipsoid"
        vertical = "" if point.le90_m is None else f", LE90 {point.le90_m:.1f} m"
        lines = [
            f"{point.latitude_deg:.7f} {point.longitude_deg:.7f}   {_grid(point)}",
            f"height     {height}",
            f"error      CE90 {point.ce90_m:.1f} m{vertical}",
            f"range      {point.slant_range_m:.1f} m, {point.depression_deg:.1f} degrees down",
            f"terrain    {point.terrain}",
        ]
        if point.occlusion_risk:
            lines.append("beware     nearer ground may hide this place, or it may lie behind it")
    lines += [f"{finding.severity.value:10} {finding.message}" for finding in location.findings]
    return "\n".join(lines)
