from __future__ import annotations

import json
from typing import Any

import pytest

from pipelines.threats.position_import import PositionImportError, read_positions
from pipelines.threats.positions import Position, PositionKind


def feature(coordinates: list[Any], **properties: Any) -> dict[str, Any]:
    return {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": coordinates},
        "properties": properties,
    }


def collection(*features: Any, **members: Any) -> str:
    return json.dumps({"type": "FeatureCollection", "features": list(features)} | members)


def faults(text: str | bytes) -> list[str]:
    with pytest.raises(PositionImportError) as caught:
        read_positions(text)
    assert caught.value.field == caught.value.faults[0].path
    assert str(caught.value).count("\n") == len(caught.value.faults) - 1
    return [fault.path for fault in caught.value.faults]


def test_points_become_positions() -> None:
    text = collection(
        feature([18.55, 4.36], id="base-1", name="Camp M'Poko", kind="base", radius_m=800),
        feature([18.6, 4.4, 380.0], id="patrol-2", kind="Patrol", sigma_m=25.5, colour="blue"),
        {
            "type": "Feature",
            "id": 17,
            "properties": None,
            "geometry": {"type": "Point", "coordinates": [-180, 90]},
        },
    )
    assert read_positions(text.encode()) == (
        Position(
            position_id="base-1",
            display_name="Camp M'Poko",
            kind=PositionKind.BASE,
            latitude_deg=4.36,
            longitude_deg=18.55,
            radius_m=800.0,
        ),
        Position(
            position_id="patrol-2",
            display_name="patrol-2",
            kind=PositionKind.PATROL,
            latitude_deg=4.4,
            longitude_deg=18.6,
            sigma_m=25.5,
        ),
        Position(
            position_id="17",
            display_name="17",
            kind=PositionKind.POST,
            latitude_deg=90.0,
            longitude_deg=-180.0,
        ),
    )


def test_every_fault_is_told_at_once_with_feature_and_field() -> None:
    text = collection(
        feature([18.0, 4.0], id="a"),
        feature([4.0, 118.0], id="b", kind="castle", sigma_m="wide"),
        {
            "type": "Feature",
            "geometry": {"type": "Polygon", "coordinates": []},
            "properties": {"id": "c"},
        },
        feature([18.0, 4.0], id="a", radius_m=-5),
        feature(["x", None], name=3),
        "nonsense",
        feature([18.0, 4.0], id="d e", sigma_m=True),
    )
    assert faults(text) == [
        "features[1].properties.kind",
        "features[1].properties.sigma_m",
        "features[1].geometry.coordinates[1]",
        "features[2].geometry",
        "features[3].properties.radius_m",
        "features[3].properties.id",
        "features[4].geometry.coordinates[0]",
        "features[4].geometry.coordinates[1]",
        "features[4].properties.id",
        "features[4].properties.name",
        "features[5]",
        "features[6].properties.sigma_m",
        "features[6].properties.id",
    ]


def test_swapped_coordinates_are_explained() -> None:
    with pytest.raises(PositionImportError, match="longitude first"):
        read_positions(collection(feature([4.0, 118.0], id="b")))


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("{", ""),
        (b"\xff\xfe\x00", ""),
        ("[" * 100_000, ""),
        (collection(feature([18.0, 4.0], id="a")).replace("18.0", "NaN"), ""),
        ("[]", "type"),
        ('{"type": "Feature"}', "type"),
        ('{"type": "FeatureCollection", "features": []}', "features"),
        (
            collection(
                feature([5e5, 4e5], id="a"),
                crs={"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32633"}},
            ),
            "crs",
        ),
    ],
)
def test_a_file_that_is_not_a_collection_of_positions_says_so(text: str | bytes, path: str) -> None:
    assert faults(text) == [path]


def test_numbers_beyond_doubles_are_a_fault() -> None:
    text = collection(feature([18.0, 4.0], id="a")).replace("18.0", "1" + "0" * 400)
    assert faults(text) == ["features[0].geometry.coordinates[0]"]


def test_a_patrol_without_its_sigma_is_refused() -> None:
    assert faults(collection(feature([18.0, 4.0], id="a", kind="patrol"))) == [
        "features[0].properties.sigma_m"
    ]
