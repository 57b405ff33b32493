"""A pose that is stated after the photograph was sent is not lost: it is looked at again."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from vedette.v1 import detection_pb2, ground_pb2, imagery_pb2, pledge_pb2, product_pb2

from service.client import Client
from service.remote_error import RemoteError

if TYPE_CHECKING:
    from tests.acceptance.conftest import Service

# The camera's own place by its EXIF, looking straight down.
POSE = {
    "latitude_deg": 46.6557,
    "longitude_deg": 6.6108,
    "height_m": 150.0,
    "height_reference": "above_ground",
    "yaw_deg": 0.0,
    "pitch_deg": -90.0,
}


def test_a_photograph_without_attitude_is_placed_by_a_pose_that_comes_later(
    service: Service, data_dir: Path, add_pledge: Callable[[Client, str], str]
) -> None:
    photograph = data_dir / "photos" / "sensefly" / "IMG_0505.jpg"
    with service.client() as client:
        pledge = add_pledge(client, "later")
        first = client.submit(photograph, pledge=pledge, sortie="s")
        *_, blind = client.watch_imagery(first.imagery.name)
        assert blind.outcome != ground_pb2.OUTCOME_LOCATED
        poses = [json.dumps(POSE | {"longitude_deg": lon}) for lon in (6.6108, 6.7)]
        # The last is what was stated first: it is a statement again.
        for pose in (*poses, poses[0]):
            sent = client.submit(photograph, pledge=pledge, sortie="s", pose_json=pose)
            assert (sent.duplicate, sent.looked_at_again) == (True, True)
            assert sent.imagery.name == first.imagery.name
            *_, seen = client.watch_imagery(sent.imagery.name)
            assert seen.state == imagery_pb2.IMAGERY_STATE_PROCESSED, seen.failure
            assert seen.outcome == ground_pb2.OUTCOME_LOCATED
            found = client.call(
                client.detections.ListDetections,
                detection_pb2.ListDetectionsRequest(parent="missions/later", page_size=1000),
            ).detections
            assert len(found) == seen.detection_count > 0
            # Within the frame, some hundred metres around its middle.
            away = {
                abs(it.ground.longitude_deg - json.loads(pose)["longitude_deg"]) for it in found
            }
            assert max(away) < 0.01
            products = client.call(
                client.products.ListProducts, product_pb2.ListProductsRequest(parent=seen.name)
            ).products
            assert len({product.name for product in products}) == len(products) > 0
        again = client.submit(photograph, pledge=pledge, sortie="s", pose_json=poses[0])
        assert (again.duplicate, again.looked_at_again) == (True, False)
        listed = client.call(
            client.imagery.ListImagery, imagery_pb2.ListImageryRequest(parent="missions/later")
        ).imagery
        assert [item.name for item in listed] == [first.imagery.name]
        client.call(
            client.pledges.CreatePledge,
            pledge_pb2.CreatePledgeRequest(
                parent="missions/later",
                pledge_id="strict-1",
                pledge=pledge_pb2.Pledge(
                    contributor="SWE", marking=pledge_pb2.MARKING_STRICTLY_CONFIDENTIAL
                ),
            ),
        )
        with pytest.raises(RemoteError, match="under pledge 'swe-1'") as refused:
            client.submit(photograph, pledge="missions/later/pledges/strict-1", sortie="s")
        assert (refused.value.reason, refused.value.field) == ("ALREADY_EXISTS", "header.pledge")
