"""One incident for a map: the object, its error, the position and the range between them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType

from defusedxml import ElementTree as SafeElementTree

from models.wording import counted
from pipelines.products import kml
from pipelines.products.geojson import (
    ellipse_feature,
    feature,
    feature_collection,
    ground_properties,
    point_geometry,
    sighting_properties,
    utc_text,
)
from pipelines.products.kmz import OVERLAY_ENTRY, ellipse, packed, place_lines, sighting_line
from pipelines.products.position_drawing import position_element, position_geometry
from pipelines.threats.incidents.incident import Incident
from pipelines.threats.positions.position import Position
from pipelines.threats.positions.shapes import Line
from pipelines.threats.tracks.fusion import place_seen_from

_TAG = f"{{{kml.NAMESPACE}}}"


@dataclass(frozen=True, kw_only=True, slots=True)
class IncidentSheet:
    """What an incident's products say.

    Attributes:
        mission_id: the mission.
        marking: the banner they bear.
        incident: the incident as it stands.
        position: the position where it is gravest, as it stood when it was weighed.
        raised_at: when it was raised.
        reason: what a person gave as the reason of a decision; empty without one.
        near_names: what people call the other positions that it is near, by identifier.
    """

    mission_id: str
    marking: str
    incident: Incident
    position: Position
    raised_at: datetime
    reason: str = ""
    near_names: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def name_of(self, position_id: str) -> str:
        """What people call one of the other positions."""
        return self.near_names.get(position_id, position_id)


def incident_geojson(sheet: IncidentSheet) -> bytes:
    """Four features told apart by `kind`: object, error_ellipse, position, range."""
    incident, position = sheet.incident, sheet.position
    sighting, ground = incident.best, incident.best.ground
    name = f"incidents/{incident.incident_id}"
    marked = {"incident_id": incident.incident_id, "marking": sheet.marking}
    place = line = None
    if ground.latitude_deg is not None and ground.longitude_deg is not None:
        place = point_geometry(ground.latitude_deg, ground.longitude_deg, ground.hae_m)
        start_lat, start_lon = _seen_from(sheet)
        start = point_geometry(start_lat, start_lon)["coordinates"]
        line = {"type": "LineString", "coordinates": [start, place["coordinates"][:2]]}
    seen = {
        "kind": "object",
        "mission_id": sheet.mission_id,
        "state": incident.state.value,
        "revision": incident.revision,
        "reason": sheet.reason or None,
        "category": sighting.category,
        "confidence": round(sighting.confidence, 4),
        "imagery_id": incident.imagery_id,
        "sightings": incident.sighting_count,
        "raised_at": utc_text(sheet.raised_at),
        "first_seen_at": utc_text(incident.first_seen_at),
        "last_seen_at": utc_text(incident.last_seen_at),
        # One thing on the map, whichever positions it is near.
        "also_near": [
            sighting_properties(it.sighting, sheet.name_of(it.sighting.position_id))
            | {"severity": it.severity.value}
            for it in incident.near
        ],
        "more_near": incident.more_near,
    }
    near = sighting_properties(sighting, position.display_name)
    stands = {
        "kind": "position",
        "position_id": position.position_id,
        "position": position.display_name,
        "position_kind": position.kind.value,
        "sigma_m": position.sigma_m,
        "reported_at": utc_text(position.reported_at),
    }
    if isinstance(position.shape, Line):
        stands["buffer_m"] = position.shape.buffer_m
    return feature_collection(
        [
            feature(f"{name}/object", place, marked | seen | near | ground_properties(ground)),
            ellipse_feature(f"{name}/error-ellipse", ground, marked),
            feature(
                f"{name}/position",
                position_geometry(position),
                marked | stands,
            ),
            feature(f"{name}/range", line, marked | {"kind": "range"} | near),
        ]
    )


def incident_kmz(sheet: IncidentSheet, frame_kmz: bytes | None = None) -> bytes:
    """The incident as KMZ, over the frame it was last seen in where that is given.

    Args:
        sheet: what it says.
        frame_kmz: this program's own KMZ of that frame; its overlay is taken over.

    Raises:
        zipfile.BadZipFile: the frame's KMZ is damaged.
        ValueError: its overlay has no box.
    """
    incident, position = sheet.incident, sheet.position
    # What comes from the ledger does not bear the position, whose last report may be told.
    sighting, ground = replace(incident.best, position=position), incident.best.ground
    style = sighting.level.value
    features: list[kml.Element] = []
    files: dict[str, bytes] = {}
    if frame_kmz is not None:
        laid = _overlay_of(frame_kmz)
        if laid is not None:
            element, files[OVERLAY_ENTRY] = laid
            features.append(element)
    title = f"{style.upper()} · {sighting.category} {sighting.confidence:.2f}"
    words = [
        sighting_line(sighting, position.display_name),
        *_also_near(sheet),
        *place_lines(ground),
        f"State {incident.state.value}" + (f": {sheet.reason}" if sheet.reason else ""),
    ]
    here_lat, here_lon = _seen_from(sheet)
    if ground.latitude_deg is not None and ground.longitude_deg is not None:
        features += [
            kml.placemark(
                title,
                kml.point(ground.latitude_deg, ground.longitude_deg),
                style=style,
                description="\n".join(words),
                time=incident.last_seen_at,
            ),
        ]
        if not sighting.position_unknown:
            way = kml.line([(here_lon, here_lat), (ground.longitude_deg, ground.latitude_deg)])
            features.append(kml.placemark(f"{sighting.range_m:.0f} m", way, style=style))
    around = ellipse(ground, "90 % error ellipse", style)
    if around is not None:
        features.append(around)
    features.append(
        kml.placemark(position.display_name, position_element(position), style="position")
    )
    document = kml.document(
        f"{sheet.marking} · incident {incident.incident_id}",
        "\n".join([sheet.marking, f"Mission {sheet.mission_id}", *words]),
        features,
    )
    return packed(document, files)


def _also_near(sheet: IncidentSheet) -> list[str]:
    """The other positions that it is near in words, a line each."""
    lines = []
    for near in sheet.incident.near:
        seen = near.sighting
        words = sighting_line(seen, sheet.name_of(seen.position_id))
        lines.append(f"Also {seen.level.value}, {near.severity.value}: {words}")
    if sheet.incident.more_near:
        lines.append(f"and near {counted(sheet.incident.more_near, 'position')} more")
    return lines


def _seen_from(sheet: IncidentSheet) -> tuple[float, float]:
    """Latitude and longitude of the point that the range is measured from."""
    position, best = sheet.position, sheet.incident.best
    if position.shape is None or best.inside:
        return position.latitude_deg, position.longitude_deg
    # The nearest point of the shape: where range and bearing of the sighting put it.
    return place_seen_from(best)


def _overlay_of(frame_kmz: bytes) -> tuple[kml.Element, bytes] | None:
    """The overlay element and picture of a frame's KMZ; None where it has none."""
    with zipfile.ZipFile(io.BytesIO(frame_kmz)) as archive:
        if OVERLAY_ENTRY not in archive.namelist():
            return None
        picture = archive.read(OVERLAY_ENTRY)
        root = SafeElementTree.fromstring(archive.read("doc.kml"))
    found = root.find(f".//{_TAG}GroundOverlay")
    if found is None:
        return None
    sides = {
        side: float(found.findtext(f"{_TAG}LatLonBox/{_TAG}{side}", ""))
        for side in ("west", "south", "east", "north")
    }
    element = kml.ground_overlay(
        found.findtext(f"{_TAG}name", ""),
        OVERLAY_ENTRY,
        west_deg=sides["west"],
        south_deg=sides["south"],
        east_deg=sides["east"],
        north_deg=sides["north"],
    )
    return element, picture
