"""The synchronous client of `vedette.v1` that the command line uses; base dependencies only."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar, cast

import grpc
from google.protobuf.timestamp_pb2 import Timestamp
from vedette.v1 import (
    access_pb2_grpc,
    audit_pb2_grpc,
    detection_pb2_grpc,
    imagery_pb2,
    imagery_pb2_grpc,
    incident_pb2,
    incident_pb2_grpc,
    model_pb2_grpc,
    negative_pb2_grpc,
    pledge_pb2_grpc,
    position_pb2_grpc,
    product_pb2,
    product_pb2_grpc,
    rule_pb2_grpc,
)

from models.errors import InvalidInputError
from service.endpoint import Endpoint, EndpointError
from service.patience import Backoff, Waits
from service.remote_error import RemoteError, remote_error

Response = TypeVar("Response")

# A message arrives whole or not at all: small enough to lose little on a slow link.
CHUNK_BYTES = 16 * 1024
CALL_TIMEOUT_S = 30.0
_RETRIED = frozenset({grpc.StatusCode.UNAVAILABLE})
# A submission is idempotent under its request id, so more may be tried again there.
_RESUMED = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.UNKNOWN,
    }
)
_REQUEST_IDS = uuid.UUID("6f2c7b1e-3d35-4f0a-9f54-6b1c8ad1a5d7")

# Satellite links have 600 ms round trips and drop: pings find a dead link, and are rare.
CHANNEL_OPTIONS = (
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.max_receive_message_length", 8 * 1024 * 1024),
    ("grpc.initial_reconnect_backoff_ms", 250),
    # The time that one attempt has, TLS included: less than some round trips never ends.
    ("grpc.min_reconnect_backoff_ms", 20_000),
    ("grpc.max_reconnect_backoff_ms", 5_000),
    ("grpc.enable_retries", 0),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Submitted:
    """What became of one file.

    Attributes:
        imagery: the imagery it is.
        duplicate: the mission had these bytes before.
        looked_at_again: it looks at them again, with the pose or time that is now stated.
        resumed_from: byte at which the last try went on; 0 when nothing was cut.
    """

    imagery: imagery_pb2.Imagery
    duplicate: bool
    looked_at_again: bool = False
    resumed_from: int


class Client:
    """One connection to a service.

    Args:
        endpoint: where it is.
        backoff: how patient to be.
        find: asked before each further try where the service is now: one that was started again
            may have another port.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        backoff: Backoff | None = None,
        find: Callable[[], Endpoint] | None = None,
    ) -> None:
        self._endpoint = endpoint
        self._find = find
        self._backoff = backoff or Backoff()
        self.channel = _channel(endpoint)
        self.access = cast(
            "access_pb2_grpc.AccessServiceStub", _Current(self, access_pb2_grpc.AccessServiceStub)
        )
        self.audit = cast(
            "audit_pb2_grpc.AuditServiceStub", _Current(self, audit_pb2_grpc.AuditServiceStub)
        )
        self.detections = cast(
            "detection_pb2_grpc.DetectionServiceStub",
            _Current(self, detection_pb2_grpc.DetectionServiceStub),
        )
        self.imagery = cast(
            "imagery_pb2_grpc.ImageryServiceStub",
            _Current(self, imagery_pb2_grpc.ImageryServiceStub),
        )
        self.incidents = cast(
            "incident_pb2_grpc.IncidentServiceStub",
            _Current(self, incident_pb2_grpc.IncidentServiceStub),
        )
        self.models = cast(
            "model_pb2_grpc.ModelServiceStub", _Current(self, model_pb2_grpc.ModelServiceStub)
        )
        self.negatives = cast(
            "negative_pb2_grpc.HardNegativeServiceStub",
            _Current(self, negative_pb2_grpc.HardNegativeServiceStub),
        )
        self.pledges = cast(
            "pledge_pb2_grpc.PledgeServiceStub", _Current(self, pledge_pb2_grpc.PledgeServiceStub)
        )
        self.positions = cast(
            "position_pb2_grpc.PositionServiceStub",
            _Current(self, position_pb2_grpc.PositionServiceStub),
        )
        self.products = cast(
            "product_pb2_grpc.ProductServiceStub",
            _Current(self, product_pb2_grpc.ProductServiceStub),
        )
        self.rules = cast(
            "rule_pb2_grpc.RuleServiceStub", _Current(self, rule_pb2_grpc.RuleServiceStub)
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.channel.close()

    @property
    def _address(self) -> str:
        return self._endpoint.address

    def _patience(self) -> Waits:
        return Waits(self._backoff, self._look_again)

    def _look_again(self) -> None:
        """Go where the service is now."""
        if self._find is None:
            return
        try:
            endpoint = self._find()
            if endpoint == self._endpoint:
                return
            channel = _channel(endpoint)
        except EndpointError:
            # It is not back yet.
            return
        self.channel.close()
        self.channel, self._endpoint = channel, endpoint

    def call(
        self, method: Callable[..., Response], request: object, *, retry: bool = True
    ) -> Response:
        """One unary call, tried again while the service cannot be reached.

        Args:
            method: a stub's method.
            request: its request.
            retry: the call may be made twice without harm.

        Raises:
            RemoteError: the service refused, or did not answer for the time of the backoff.
        """
        waits = self._patience()
        while True:
            try:
                return method(request, timeout=CALL_TIMEOUT_S)
            except grpc.RpcError as error:
                if not (retry and error.code() in _RETRIED and waits.pause()):
                    raise remote_error(error, self._address) from error

    def pages(self, method: Callable[..., Response], request: Any) -> Iterator[Response]:
        """Every page of a listing; the request's page_token is moved on."""
        while True:
            response: Any = self.call(method, request)
            yield response
            if not response.next_page_token:
                return
            request.page_token = response.next_page_token

    def submit(
        self,
        path: Path,
        *,
        pledge: str,
        sortie: str,
        pose_json: str = "",
        captured_at: datetime | None = None,
        progress: Callable[[int, int], None] = lambda _done, _size: None,
    ) -> Submitted:
        """Submit one file; a cut is resumed where the service has it, also by a later run.

        The request id is made from the content, where it goes and what is stated of it, so that the
        same command given again takes up what an earlier one left.

        Args:
            path: the file.
            pledge: "missions/{mission}/pledges/{pledge}".
            sortie: the sortie.
            pose_json: a pose file's text.
            captured_at: aware time.
            progress: called with the bytes sent and the size.

        Raises:
            InvalidInputError: the file cannot be read, or changes while it is sent.
            RemoteError: the service refused it, or could not be reached for too long.
        """
        size, sha256 = fingerprint(path)
        request_id = _request_id(pledge, sortie, f"{size}\n{sha256}", pose_json, captured_at)
        header = imagery_pb2.SubmissionHeader(
            pledge=pledge,
            sortie=sortie,
            file_name=path.name,
            size_bytes=size,
            sha256=sha256,
            request_id=request_id,
            pose_json=pose_json,
        )
        if captured_at is not None:
            stamp = Timestamp()
            stamp.FromDatetime(captured_at.astimezone(UTC))
            header.capture_time.CopyFrom(stamp)
        mission = "/".join(pledge.split("/")[:2])
        waits, best = self._patience(), -1
        while True:
            offset, finished = self._committed(mission, request_id)
            waits.reached()
            if finished:
                imagery = self.call(
                    self.imagery.GetImagery, imagery_pb2.GetImageryRequest(name=finished)
                )
                progress(size, size)
                # Finished within this call means the answer alone was lost: it is not known before.
                return Submitted(imagery=imagery, duplicate=best < 0, resumed_from=max(offset, 0))
            if offset > best:
                waits, best = self._patience(), offset
            header.offset = offset
            try:
                answer = self.imagery.SubmitImagery(
                    _parts(path, header, progress), timeout=_transfer_timeout(size)
                )
            except grpc.RpcError as error:
                if error.code() not in _RESUMED or not waits.pause():
                    raise remote_error(error, self._address) from error
            else:
                return Submitted(
                    imagery=answer.imagery,
                    duplicate=answer.duplicate,
                    looked_at_again=answer.looked_at_again,
                    resumed_from=offset,
                )

    def _committed(self, mission: str, request_id: str) -> tuple[int, str]:
        request = imagery_pb2.GetSubmissionRequest(parent=mission, request_id=request_id)
        try:
            submission = self.call(self.imagery.GetSubmission, request)
        except RemoteError as error:
            if error.code is grpc.StatusCode.NOT_FOUND:
                return 0, ""
            raise
        return submission.committed_bytes, submission.imagery

    def watch_imagery(self, name: str) -> Iterator[imagery_pb2.Imagery]:
        """The imagery now and at each change, until it is processed or has failed."""
        ended = (imagery_pb2.IMAGERY_STATE_PROCESSED, imagery_pb2.IMAGERY_STATE_FAILED)
        waits = self._patience()
        while True:
            stream = self.imagery.WatchImagery(imagery_pb2.WatchImageryRequest(name=name))
            waits.streaming()
            try:
                for imagery in stream:
                    waits = self._patience()
                    waits.streaming()
                    yield imagery
                    if imagery.state in ended:
                        return
            except grpc.RpcError as error:
                if error.code() not in _RETRIED or not waits.pause():
                    raise remote_error(error, self._address) from error
            finally:
                stream.cancel()

    def subscribe(
        self,
        mission: str,
        *,
        since: int = 0,
        replay_only: bool = False,
        detail: incident_pb2.IncidentDetail = incident_pb2.INCIDENT_DETAIL_FULL,
        chips_from: incident_pb2.IncidentSeverity = incident_pb2.INCIDENT_SEVERITY_UNSPECIFIED,
        events_per_hour: int = 0,
    ) -> Generator[incident_pb2.IncidentEvent, None, None]:
        """Events of a mission's incidents after a sequence number, each exactly once.

        A cut stream is taken up after the last event that was handed out. Where events overtake
        each other, those that come again are left out; `resume_after` of the last one handed out
        is where another client would go on.

        Args:
            mission: "missions/{mission}".
            since: sequence of the last event already known; 0 for all.
            replay_only: end after the events there are.
            detail: how much each event carries.
            chips_from: severity from which chips follow by themselves.
            events_per_hour: most events that come one by one; 0 for all.

        Raises:
            RemoteError: the service refused, or could not be reached for too long.
        """
        waits = self._patience()
        # Sequences beyond `since` that were handed out, and chips with them.
        known: set[tuple[int, str]] = set()
        while True:
            stream = self.incidents.SubscribeIncidents(
                incident_pb2.SubscribeIncidentsRequest(
                    parent=mission,
                    since=since,
                    replay_only=replay_only,
                    detail=detail,
                    chips_from=chips_from,
                    events_per_hour=events_per_hour,
                )
            )
            waits.streaming()
            try:
                for event in stream:
                    waits = self._patience()
                    waits.streaming()
                    since = max(since, event.resume_after or event.sequence)
                    place = event.sequence, _part_of(event)
                    if place in known:
                        continue
                    known = {each for each in known if each[0] > since} | {place}
                    yield event
                if replay_only:
                    return
                # The service drains: it ended the stream in good order and may be back soon.
                if not waits.pause():
                    raise RemoteError(
                        f"the service at {self._address} ended the stream",
                        reason="UNAVAILABLE",
                        code=grpc.StatusCode.UNAVAILABLE,
                    )
            except grpc.RpcError as error:
                if error.code() not in _RETRIED or not waits.pause():
                    raise remote_error(error, self._address) from error
            finally:
                stream.cancel()

    def download(
        self, name: str, *, progress: Callable[[int], None] = lambda _done: None
    ) -> Iterator[bytes]:
        """The bytes of a product, taken up after a cut at the byte where it happened."""
        offset, waits = 0, self._patience()
        while True:
            stream = self.products.DownloadProduct(
                product_pb2.DownloadProductRequest(name=name, offset=offset)
            )
            try:
                for answer in stream:
                    waits = self._patience()
                    offset += len(answer.chunk)
                    progress(offset)
                    yield answer.chunk
            except grpc.RpcError as error:
                if error.code() not in _RETRIED or not waits.pause():
                    raise remote_error(error, self._address) from error
            else:
                return
            finally:
                stream.cancel()


def _channel(endpoint: Endpoint) -> grpc.Channel:
    """A channel to an endpoint, with its token.

    Raises:
        EndpointError: the token or the CA cannot be read.
    """
    # Local call credentials would travel only over TLS; so does this channel.
    credentials = grpc.composite_channel_credentials(
        grpc.ssl_channel_credentials(endpoint.ca()),
        grpc.access_token_call_credentials(endpoint.token()),
    )
    return grpc.secure_channel(endpoint.address, credentials, CHANNEL_OPTIONS)


class _Current:
    """A stub whose methods call over the channel that the client has at that moment."""

    def __init__(self, client: Client, stub: Callable[[grpc.Channel], Any]) -> None:
        self._client = client
        self._stub = stub

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            return getattr(self._stub(self._client.channel), name)(*arguments, **options)

        return call


def _part_of(event: incident_pb2.IncidentEvent) -> str:
    """Which part of what happened an event carries."""
    return next((part for part in ("chip", "summary") if event.HasField(part)), "incident")


def fingerprint(path: Path) -> tuple[int, str]:
    """Size in bytes and lower-case hexadecimal SHA-256 of a file.

    Raises:
        InvalidInputError: it cannot be read.
    """
    try:
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
            return stream.tell(), digest
    except OSError as error:
        raise InvalidInputError(f"cannot read {path}: {error.strerror}", field="path") from error


def _request_id(
    pledge: str, sortie: str, content: str, pose_json: str, captured_at: datetime | None
) -> str:
    parts = [pledge, sortie, content]
    if pose_json:
        parts.append(f"pose {pose_json}")
    if captured_at is not None:
        parts.append(f"captured {captured_at.astimezone(UTC).isoformat()}")
    return str(uuid.uuid5(_REQUEST_IDS, "\n".join(parts)))


def _transfer_timeout(size: int) -> float:
    # The slowest link planned for, 256 kbit/s, with half of it lost, and a minute for the start.
    return 60.0 + size / 16_000


def _parts(
    path: Path, header: imagery_pb2.SubmissionHeader, progress: Callable[[int, int], None]
) -> Iterator[imagery_pb2.SubmitImageryRequest]:
    yield imagery_pb2.SubmitImageryRequest(header=header)
    sent = header.offset
    with path.open("rb") as stream:
        stream.seek(sent)
        while chunk := stream.read(CHUNK_BYTES):
            yield imagery_pb2.SubmitImageryRequest(chunk=chunk)
            sent += len(chunk)
            progress(sent, header.size_bytes)
