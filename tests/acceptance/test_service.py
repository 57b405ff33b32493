from __future__ import annotations

import hashlib
import json
import random
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from vedette.v1 import (
    ground_pb2,
    imagery_pb2,
    incident_pb2,
    pledge_pb2,
    position_pb2,
    product_pb2,
    rule_pb2,
)

from service.client import Client, fingerprint
from service.remote_error import RemoteError

if TYPE_CHECKING:
    from tests.acceptance.conftest import Service


def channel(service: Service) -> grpc.Channel:
    credentials = grpc.ssl_channel_credentials(service.endpoint.ca())
    return grpc.secure_channel(service.endpoint.address, credentials)


def test_health_needs_no_token_and_everything_else_does(service: Service) -> None:
    with channel(service) as stranger:
        health: Any = health_pb2_grpc.HealthStub(stranger)
        answer = health.Check(health_pb2.HealthCheckRequest(), timeout=10)
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
        mirror: Any = reflection_pb2_grpc.ServerReflectionStub(stranger)
        asked = iter([reflection_pb2.ServerReflectionRequest(list_services="")])
        with pytest.raises(grpc.RpcError) as refused:
            list(mirror.ServerReflectionInfo(asked, timeout=10))
        assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED
        for method in ("/vedette.v1.PledgeService/ListPledges", "/no.such.Service/Method"):
            call: Any = stranger.unary_unary(method)
            with pytest.raises(grpc.RpcError) as refused:
                call(b"", metadata=(("authorization", "Bearer wrong"),), timeout=10)
            assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED


BUILT_IN_RULES = (
    "default",
    "route-new",
    "route-crowd",
    "protected-site",
    "protected-convoy",
    "ceasefire-line",
    "buffer-zone",
)


def test_reflection_with_a_token_lists_every_service(service: Service) -> None:
    with channel(service) as known:
        mirror: Any = reflection_pb2_grpc.ServerReflectionStub(known)
        asked = iter([reflection_pb2.ServerReflectionRequest(list_services="")])
        token = (("authorization", f"Bearer {service.endpoint.token()}"),)
        (answer,) = mirror.ServerReflectionInfo(asked, metadata=token, timeout=10)
        found = {item.name for item in answer.list_services_response.service}
    assert "grpc.health.v1.Health" in found
    assert sum(name.startswith("vedette.v1.") for name in found) == 11


def test_secrets_are_for_their_owner_and_never_printed(service: Service) -> None:
    folder = service.folder / "identity"
    assert folder.stat().st_mode & 0o777 == 0o700
    for file in folder.iterdir():
        assert file.stat().st_mode & 0o777 == 0o600, file
    assert service.endpoint.token() not in service.log
    assert str(service.endpoint.token_file) in service.log


def test_errors_name_reason_and_field(
    service: Service, add_pledge: Callable[[Client, str], str]
) -> None:
    with service.client() as client:
        add_pledge(client, "errors")
        with pytest.raises(RemoteError) as refused:
            client.call(
                client.pledges.GetPledge,
                pledge_pb2.GetPledgeRequest(name="missions/errors/pledges/none"),
            )
        assert (refused.value.code, refused.value.reason) == (
            grpc.StatusCode.NOT_FOUND,
            "NOT_FOUND",
        )
        with pytest.raises(RemoteError) as refused:
            client.call(
                client.positions.CreatePosition,
                position_pb2.CreatePositionRequest(
                    parent="missions/errors",
                    position_id="p",
                    position=position_pb2.Position(
                        kind=position_pb2.POSITION_KIND_POST, latitude_deg=91, longitude_deg=0
                    ),
                ),
            )
        assert refused.value.reason == "INVALID_INPUT"
        assert refused.value.field == "position.latitude_deg"
        rules = client.call(
            client.rules.ListRules, rule_pb2.ListRulesRequest(parent="missions/errors")
        ).rules
        # Revision 0 is built in.
        assert {rule.name: rule.revision for rule in rules} == {
            f"missions/errors/rules/{name}": 0 for name in BUILT_IN_RULES
        }


def test_a_submission_cut_at_twenty_bytes_is_one_imagery(
    service: Service,
    tmp_path: Path,
    frame: Callable[[int, int], bytes],
    add_pledge: Callable[[Client, str], str],
) -> None:
    data = frame(7, 900)
    path = tmp_path / "cut.jpg"
    path.write_bytes(data)
    size, sha256 = fingerprint(path)
    request_id = str(uuid.uuid4())
    cuts = sorted(random.Random(7).sample(range(1, size), 20))  # noqa: S311 - no secret
    with service.client() as client:
        pledge = add_pledge(client, "cuts")
        offset = 0
        for cut in [*cuts, size]:
            header = imagery_pb2.SubmissionHeader(
                pledge=pledge,
                sortie="s",
                file_name="cut.jpg",
                size_bytes=size,
                sha256=sha256,
                request_id=request_id,
                offset=offset,
            )

            def parts(
                header: imagery_pb2.SubmissionHeader = header, begin: int = offset, end: int = cut
            ) -> Iterator[imagery_pb2.SubmitImageryRequest]:
                yield imagery_pb2.SubmitImageryRequest(header=header)
                yield imagery_pb2.SubmitImageryRequest(chunk=data[begin:end])

            if cut < size:
                # The stream ends early: what came is kept, and the refusal says what is missing.
                with pytest.raises(grpc.RpcError):
                    client.imagery.SubmitImagery(parts(), timeout=20)
                offset = client.call(
                    client.imagery.GetSubmission,
                    imagery_pb2.GetSubmissionRequest(parent="missions/cuts", request_id=request_id),
                ).committed_bytes
                assert offset == cut
            else:
                answer = client.imagery.SubmitImagery(parts(), timeout=20)
        assert answer.imagery.sha256 == hashlib.sha256(data).hexdigest()
        again = client.submit(path, pledge=pledge, sortie="s")
        assert again.duplicate
        assert again.imagery.name == answer.imagery.name
        listed = client.call(
            client.imagery.ListImagery, imagery_pb2.ListImageryRequest(parent="missions/cuts")
        ).imagery
        assert len(listed) == 1
        *_, last = client.watch_imagery(answer.imagery.name)
        assert last.state == imagery_pb2.IMAGERY_STATE_PROCESSED


def test_a_photograph_becomes_incidents_that_a_reconnect_neither_loses_nor_repeats(
    service: Service, data_dir: Path, add_pledge: Callable[[Client, str], str]
) -> None:
    photograph = data_dir / "photos" / "skydio" / "skydio-catilina.jpg"
    with service.client() as client:
        pledge = add_pledge(client, "road")
        # The camera's own place by its EXIF: everything it sees is near.
        for number in range(3):
            client.call(
                client.positions.CreatePosition,
                position_pb2.CreatePositionRequest(
                    parent="missions/road",
                    position_id=f"post-{number}",
                    position=position_pb2.Position(
                        kind=position_pb2.POSITION_KIND_POST,
                        latitude_deg=32.518936,
                        longitude_deg=-110.924547,
                    ),
                ),
            )
        sent = client.submit(photograph, pledge=pledge, sortie="s")
        *_, last = client.watch_imagery(sent.imagery.name)
        assert last.state == imagery_pb2.IMAGERY_STATE_PROCESSED, last.failure
        assert last.outcome == ground_pb2.OUTCOME_LOCATED
        events = list(client.subscribe("missions/road", replay_only=True))
        sequences = [event.sequence for event in events]
        assert len(sequences) >= 3
        assert sequences == list(range(1, len(sequences) + 1))
        assert "car" in {event.incident.category for event in events}
        live = client.subscribe("missions/road")
        assert [next(live).sequence for _ in sequences] == sequences
        incident = events[0].incident
        for revision, code in ((incident.revision, None), (incident.revision, "STALE_REVISION")):
            request = incident_pb2.DecideIncidentRequest(
                name=incident.name, verdict=incident_pb2.VERDICT_CONFIRMED, revision=revision
            )
            if code is None:
                decided = client.call(client.incidents.DecideIncident, request)
                assert decided.decision.decided_by == "administrator"
                # The open stream brings it without being asked again.
                assert next(live).incident.state == incident_pb2.INCIDENT_STATE_CONFIRMED
                continue
            with pytest.raises(RemoteError) as refused:
                client.call(client.incidents.DecideIncident, request)
            assert refused.value.reason == code
        live.close()
        products = client.call(
            client.products.ListProducts, product_pb2.ListProductsRequest(parent=incident.name)
        ).products
        assert [item.name.rpartition("/")[2] for item in products] == ["geojson", "kmz"]
        for item in products:
            data = b"".join(client.download(item.name))
            assert hashlib.sha256(data).hexdigest() == item.sha256
    for cut in range(len(sequences)):
        with service.client() as other:
            rest = list(other.subscribe("missions/road", since=sequences[cut], replay_only=True))
        assert [event.sequence for event in rest] == [*sequences[cut + 1 :], len(sequences) + 1]


def vedette(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "service.cli", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_a_second_service_on_the_same_folder_or_port_is_refused_in_one_sentence(
    service: Service, tmp_path: Path
) -> None:
    same_folder = vedette("serve", "--data-dir", str(service.folder))
    assert same_folder.returncode == 1
    assert "another 'vedette serve' runs on" in same_folder.stderr
    address = service.endpoint.address
    same_port = vedette("serve", "--data-dir", str(tmp_path / "other"), "--listen", address)
    assert same_port.returncode == 1
    assert "is taken" in same_port.stderr
    assert len(same_port.stderr.splitlines()) == 1


def test_the_command_line_tells_programs_and_people(
    service: Service, tmp_path: Path, frame: Callable[[int], bytes]
) -> None:
    at = ("--data-dir", str(service.folder), "--mission", "cli")
    assert (
        vedette("pledge", "add", "swe-1", "-c", "SWE", "--marking", "unclassified", *at).returncode
        == 0
    )
    listed = json.loads(vedette("pledge", "list", "--json", *at).stdout)
    assert [item["contributor"] for item in listed["pledges"]] == ["SWE"]
    assert listed["pledges"][0]["marking"] == "unclassified"
    good, bad = tmp_path / "good.jpg", tmp_path / "bad.jpg"
    good.write_bytes(frame(1))
    bad.write_bytes(b"not a picture at all" * 9)
    run = vedette("submit", str(good), str(bad), "-p", "swe-1", "-s", "s", "--wait", "--json", *at)
    told = json.loads(run.stdout)["submissions"]
    assert run.returncode == 1
    assert [item["status"] for item in told] == ["accepted", "refused"]
    assert told[0]["imagery"]["state"] == "processed"
    assert told[1]["error"]["reason"] == "UNREADABLE_IMAGE"
    again = vedette("submit", str(good), "-p", "swe-1", "-s", "s", *at)
    assert again.returncode == 0
    assert "already had these bytes" in again.stdout
    imagery = told[0]["imagery"]["name"]
    products = json.loads(vedette("product", "list", imagery, "--json", *at).stdout)["products"]
    assert {item["kind"] for item in products} >= {"annotated_image", "evidence"}
    saved = tmp_path / "out.jpg"
    fetched = vedette(
        "product", "get", f"{imagery}/products/annotated-image", "-o", str(saved), *at
    )
    assert fetched.returncode == 0, fetched.stderr
    assert saved.read_bytes()[:2] == b"\xff\xd8"
    assert vedette("watch", "--once", "--json", *at).stdout == ""
    unknown = vedette("incident", "show", "none", *at)
    assert unknown.returncode == 1
    assert "NOT_FOUND" in unknown.stderr


def test_an_unreachable_service_has_its_own_exit_status(tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    ca.write_text("")
    (tmp_path / "t").write_text("x" * 43)
    document = {"address": "127.0.0.1:1", "ca_file": "ca.pem", "token_file": "t"}
    (tmp_path / "endpoint.json").write_text(json.dumps(document))
    run = vedette("pledge", "list", "-m", "m", "--data-dir", str(tmp_path), "--patience", "0")
    assert run.returncode == 3, run.stderr
