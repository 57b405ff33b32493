"""What was seen in a frame as KMZ: the frame laid over the map, and a placemark for each find.

A KMZ is a ZIP with one `doc.kml`. Entries bear a fixed time, so that the same frame gives the same
bytes.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence

from pipelines.assessment import Assessment, Provenance
from pipelines.geometry.error_ellipse import ellipse_ring
from pipelines.ground import GroundPoint
from pipelines.products import kml
from pipelines.products.geojson import utc_text
from pipelines.products.grid_reference import mgrs
from pipelines.products.outcome_words import outcome_sentence, terrain_words
from pipelines.products.overlay import Overlay, overlay_png
from pipelines.products.plates import likeliest_of_each
from pipelines.threats.positions.position import Position
from pipelines.threats.proximity.weighing import Level, Sighting
from pipelines.threats.rules.sentence import unknown_place

MEDIA_TYPE = kml.MEDIA_TYPE
OVERLAY_ENTRY = "files/overlay.png"
_DOCUMENT_ENTRY = "doc.kml"
# The earliest time a ZIP entry can bear.
_EPOCH = (1980, 1, 1, 0, 0, 0)


def frame_kmz(
    provenance: Provenance,
    assessment: Assessment,
    positions: Sequence[Position],
    overlay: Overlay | None,
) -> bytes:
    """The KMZ of one frame.

    Args:
        provenance: where the frame comes from.
        assessment: what is known of it; products in it are ignored.
        positions: the positions that sightings name.
        overlay: the frame on the map; None where it cannot be laid out.
    """
    names = {position.position_id: position.display_name for position in positions}
    folders: list[kml.Element] = []
    files: dict[str, bytes] = {}
    if overlay is not None:
        files[OVERLAY_ENTRY] = overlay_png(overlay)
        folders.append(
            kml.ground_overlay(
                provenance.file_name,
                OVERLAY_ENTRY,
                west_deg=overlay.west_deg,
                south_deg=overlay.south_deg,
                east_deg=overlay.east_deg,
                north_deg=overlay.north_deg,
            )
        )
    if assessment.footprint_lonlat is not None:
        outline = kml.polygon(assessment.footprint_lonlat)
        folders.append(kml.placemark("Footprint", outline, style="footprint"))
    placemarks, ellipses = _detections(assessment, names)
    folders.append(kml.folder("Detections", placemarks))
    if ellipses:
        folders.append(kml.folder("90 % error ellipses", ellipses))
    document = kml.document(
        f"{provenance.marking} · {provenance.file_name}",
        _description(provenance, assessment),
        folders,
    )
    return packed(document, files)


def packed(document: bytes, files: Mapping[str, bytes]) -> bytes:
    """A KMZ of a KML document and the files it refers to, by name within the archive."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        _store(archive, _DOCUMENT_ENTRY, document, zipfile.ZIP_DEFLATED)
        for name in sorted(files):
            _store(archive, name, files[name], zipfile.ZIP_STORED)
    return stream.getvalue()


def ellipse(ground: GroundPoint, name: str, style: str) -> kml.Element | None:
    """The 90 % error ellipse of a place; None where it has none."""
    if (
        ground.covariance_enu_m2 is None
        or ground.latitude_deg is None
        or ground.longitude_deg is None
    ):
        return None
    ring = ellipse_ring(ground.latitude_deg, ground.longitude_deg, ground.covariance_enu_m2)
    return kml.placemark(name, kml.polygon(ring), style=style)


def place_lines(ground: GroundPoint) -> list[str]:
    """Place and error of a point in words, a line each."""
    if ground.latitude_deg is None or ground.longitude_deg is None:
        return [outcome_sentence(ground.outcome)]
    lines = [
        f"{ground.latitude_deg:.5f}, {ground.longitude_deg:.5f} (WGS 84)",
        f"MGRS {mgrs(ground.latitude_deg, ground.longitude_deg)}",
    ]
    if ground.ce90_m is not None:
        lines.append(f"CE90 {ground.ce90_m:.1f} m")
    if ground.hae_m is not None:
        error = "" if ground.le90_m is None else f", LE90 {ground.le90_m:.1f} m"
        lines.append(f"Height above the ellipsoid {ground.hae_m:.1f} m{error}")
    if ground.terrain:
        lines.append(f"Ground: {terrain_words(ground.terrain)}")
    if ground.occlusion_risk:
        lines.append("Close to hidden ground: it may stand further away")
    return lines


def sighting_line(sighting: Sighting, position_name: str) -> str:
    """Range, bearing and probability of a sighting in words."""
    if sighting.position_unknown:
        return f"perhaps near {position_name}: {unknown_place(sighting)}"
    if sighting.inside:
        return (
            f"inside {position_name} (up to {sighting.range_high_m:.0f} m outside); within "
            f"{sighting.radius_m:.0f} m with probability {sighting.probability:.2f}"
        )
    return (
        f"{sighting.range_m:.0f} m ({sighting.range_low_m:.0f} to {sighting.range_high_m:.0f}) "
        f"at {round(sighting.bearing_deg) % 360:03d}° from {position_name}; "
        f"within {sighting.radius_m:.0f} m with probability {sighting.probability:.2f}"
    )


def _detections(
    assessment: Assessment, names: Mapping[str, str]
) -> tuple[list[kml.Element], list[kml.Element]]:
    placemarks: list[kml.Element] = []
    ellipses: list[kml.Element] = []
    for index, ground in enumerate(assessment.ground):
        sightings = [s for s in assessment.sightings if s.detection_index == index]
        style = _style(sightings)
        title = f"{assessment.categories[index]} {assessment.detections.confidence[index]:.2f}"
        lines = place_lines(ground) + [
            sighting_line(s, names.get(s.position_id, s.position_id))
            for s in likeliest_of_each(sightings)
        ]
        geometry = None
        if ground.latitude_deg is not None and ground.longitude_deg is not None:
            geometry = kml.point(ground.latitude_deg, ground.longitude_deg)
        placemarks.append(
            kml.placemark(
                title if style == "detection" else f"{style.upper()} · {title}",
                geometry,
                style=style,
                description="\n".join(lines),
                time=assessment.capture.captured_at,
                facts={"detection": index, "outcome": ground.outcome.value},
            )
        )
        around = ellipse(ground, f"{title}, 90 %", style)
        if around is not None:
            ellipses.append(around)
    return placemarks, ellipses


def _style(sightings: Sequence[Sighting]) -> str:
    if not sightings:
        return "detection"
    alert = any(sighting.level is Level.ALERT for sighting in sightings)
    return "alert" if alert else "possible"


def _description(provenance: Provenance, assessment: Assessment) -> str:
    capture = assessment.capture
    return "\n".join(
        [
            provenance.marking,
            (
                f"Mission {provenance.mission_id}, sortie {provenance.sortie_id}, "
                f"imagery {provenance.imagery_id}"
            ),
            f"From {provenance.contributor}, pledge {provenance.pledge_id}",
            f"Taken {utc_text(capture.captured_at) or 'at an unknown time'}",
            f"Frame {outcome_sentence(capture.outcome)}",
            (
                f"Model {assessment.detector.label}, {assessment.detector.engine}; "
                "machine detections, not confirmed by a person"
            ),
        ]
    )


def _store(archive: zipfile.ZipFile, name: str, data: bytes, method: int) -> None:
    entry = zipfile.ZipInfo(name, date_time=_EPOCH)
    entry.compress_type = method
    entry.create_system = 3
    entry.external_attr = 0o644 << 16
    archive.writestr(entry, data)
