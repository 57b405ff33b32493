"""Taking files in: synced spool, verified object, ledger row and job, and only then the yes.

Killed between any two of these steps, nothing acknowledged is lost and nothing is done twice: the
spool can be resumed, the object lies under its own hash, and the ledger knows each request.
"""

from __future__ import annotations

import hashlib
import logging
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from models.errors import InvalidInputError
from pipelines.imagery.media import sniff
from service.errors import (
    AlreadyExistsError,
    ChecksumMismatchError,
    LimitExceededError,
    NotFoundError,
)
from service.ledger.imagery import require_pledge
from service.ledger.pledge_states import require_delivering
from service.ledger.records import Acceptance, ImageryRecord, ImageryState
from service.ledger.store import Ledger
from service.objects import ObjectStore, original_key
from service.reconcile import reconcile
from service.settings import MIN_FREE_BYTES
from service.spool import Spool, SpoolFile
from service.submission import SubmissionHeader, check_request_id, spool_key

__all__ = [
    "Ingest",
    "IngestLimits",
    "OpenSubmission",
    "SubmissionHeader",
    "SubmissionStatus",
    "imagery_identifier",
    "unknown_submission",
]

_LOG = logging.getLogger("vedette.ingest")
# What `pipelines.imagery.media.sniff` wants to see.
_MAGIC_BYTES = 16
# How long acknowledged bytes gather before one sync makes all of them durable in the object store.
_SETTLE_SECONDS = 2.0


@dataclass(frozen=True, kw_only=True, slots=True)
class IngestLimits:
    """What one installation takes.

    Attributes:
        max_bytes: largest file.
        max_open_submissions: unfinished submissions at one time.
        min_free_bytes: disk space that a submission must leave free.
        stale_after: an unfinished submission that nobody has added to for so long is forgotten.
    """

    max_bytes: int = 512 << 20
    max_open_submissions: int = 64
    min_free_bytes: int = MIN_FREE_BYTES
    stale_after: timedelta = timedelta(hours=24)


@dataclass(frozen=True, kw_only=True, slots=True)
class SubmissionStatus:
    """How far a submission has got; `imagery_id` is None until it is finished."""

    request_id: str
    pledge_id: str
    committed_bytes: int
    size_bytes: int
    imagery_id: str | None


class OpenSubmission:
    """One stream's hold on a submission.

    Attributes:
        header: what its client said.
        finished: the imagery where an earlier stream has finished it; its chunks are then ignored.
        committed_bytes: bytes that are safe on disk.
    """

    def __init__(
        self, header: SubmissionHeader, file: SpoolFile | None, finished: ImageryRecord | None
    ) -> None:
        self.header = header
        self.finished = finished
        self.committed_bytes = header.size_bytes if file is None else file.size
        self._file = file
        self._first = b""

    @property
    def file(self) -> SpoolFile:
        """Its bytes; there are none where it is finished."""
        if self._file is None:
            raise NotFoundError("this submission is finished", field="header.request_id")
        return self._file

    def is_known_kind(self, chunk: bytes) -> bool:
        """Whether enough bytes have come to tell the kind of file; it is refused at once.

        Raises:
            UnreadableImageError: none of the kinds that Vedette reads.
        """
        if len(self._first) < _MAGIC_BYTES:
            self._first = (self._first + chunk)[:_MAGIC_BYTES]
        if len(self._first) < min(_MAGIC_BYTES, self.header.size_bytes):
            return False
        sniff(self._first)
        return True


def imagery_identifier(mission_id: str, sha256: str) -> str:
    """The identifier of imagery: one for the same bytes in the same mission."""
    return hashlib.sha256(f"{mission_id}\n{sha256}".encode()).hexdigest()[:24]


def unknown_submission(request_id: str) -> NotFoundError:
    """What is answered of a submission that the mission does not have."""
    return NotFoundError(
        f"this mission has no unfinished submission {request_id!r}", field="request_id"
    )


def _require_same_statement(header: SubmissionHeader, known: ImageryRecord) -> None:
    """Refuse a finished request that now states something else, which would be lost in silence."""
    for name, said, kept in (
        ("pledge", header.pledge_id, known.pledge_id),
        ("pose_json", header.stated_pose, known.stated_pose),
        ("capture_time", header.stated_captured_at, known.stated_captured_at),
    ):
        if said is not None and said != kept:
            raise InvalidInputError(
                f"header.{name} differs from what this request_id began with",
                field=f"header.{name}",
            )


class Ingest:
    """Takes submissions of every mission.

    Methods block on disk, database and network and may be called from any thread; one submission is
    used by one thread at a time.
    """

    def __init__(
        self, ledger: Ledger, objects: ObjectStore, spool: Spool, limits: IngestLimits
    ) -> None:
        self._ledger = ledger
        self._objects = objects
        self._spool = spool
        self._limits = limits
        self._lock = threading.Lock()
        self._live: dict[str, OpenSubmission] = {}
        self._turns: dict[str, tuple[threading.Lock, int]] = {}
        # Finished in this run and not yet durable; those of earlier runs are the reconciler's.
        self._finished: set[str] = set()
        self._reconciled = False
        self._settler: threading.Thread | None = None
        self._closing = threading.Event()

    def open(self, header: SubmissionHeader, now: datetime) -> OpenSubmission:
        """Begin a submission, or go on with it where its last stream was cut.

        A stream that still holds the submission loses it: its client is the one that came back.

        Raises:
            InvalidInputError: a field is wrong, differs from what the request began with, or the
                offset is not the committed byte (`status` tells it).
            NotFoundError: no such pledge.
            AlreadyExistsError: the mission has these bytes under another pledge.
            LimitExceededError: too many unfinished submissions, or too little disk.
            NotAllowedNowError: the pledge is suspended, withdrawn or not valid now.
            UnavailableError: the disk or the ledger does not answer.
        """
        header.validate(max_bytes=self._limits.max_bytes)
        try:
            pledge = self._ledger.get_pledge(header.mission_id, header.pledge_id)
        except NotFoundError as error:
            raise NotFoundError(str(error), field="header.pledge") from error
        with self._turn(header.key):
            known = self._ledger.imagery_of_request(header.mission_id, header.request_id)
            if known is not None:
                if known.sha256 != header.sha256:
                    raise InvalidInputError(
                        "header.sha256 differs from what this request_id began with",
                        field="header.sha256",
                    )
                _require_same_statement(header, known)
                return OpenSubmission(header, None, known)
            # Before its bytes cross a slow link for nothing.
            kept = self._ledger.imagery_of_bytes(header.mission_id, header.sha256)
            if kept is not None:
                require_pledge(kept, header.pledge_id)
            self._take_over(header.key)
            if self._begun(header):
                # What was begun while the pledge delivered is brought to its end.
                return self._resume(header)
            require_delivering(pledge.state, pledge.valid_from, pledge.valid_until, now)
            return self._begin(header, now)

    def append(self, submission: OpenSubmission, chunk: bytes) -> None:
        """Add bytes; they are safe after the next `commit`.

        Raises:
            InvalidInputError: more bytes than announced.
            UnreadableImageError: no kind of file that Vedette reads; the submission is forgotten.
            UnavailableError: another stream has taken over, or the disk is full.
        """
        if submission.finished is not None:
            return
        file, header = submission.file, submission.header
        if file.size + len(chunk) > header.size_bytes:
            self._forget(submission)
            raise InvalidInputError(
                f"chunk goes beyond the {header.size_bytes} bytes announced", field="chunk"
            )
        try:
            submission.is_known_kind(chunk)
        except InvalidInputError:
            self._forget(submission)
            raise
        file.append(chunk)

    def commit(self, submission: OpenSubmission) -> int:
        """Make what was added safe; returns the bytes that are.

        Raises:
            UnavailableError: another stream has taken over, or the disk is full.
        """
        if submission.finished is None:
            submission.committed_bytes = submission.file.sync()
        return submission.committed_bytes

    def suspend(self, submission: OpenSubmission) -> None:
        """Keep what came of a stream that was cut."""
        if submission.finished is not None:
            return
        submission.file.close()
        submission.committed_bytes = submission.file.size
        with self._lock:
            if self._live.get(submission.header.key) is submission:
                del self._live[submission.header.key]

    def finish(self, submission: OpenSubmission, now: datetime) -> tuple[ImageryRecord, Acceptance]:
        """Verify, store and record a file whose bytes have all come; then it may be acknowledged.

        Returns:
            The imagery, and what it was to the mission.

        Raises:
            AlreadyExistsError: the mission has these bytes under another pledge; the submission is
                forgotten.
            InvalidInputError: bytes are missing; what came is kept.
            ChecksumMismatchError: the bytes are not those announced; the submission is forgotten.
            UnavailableError: a part does not answer; finish it later with a new stream.
        """
        if submission.finished is not None:
            return submission.finished, Acceptance.KNOWN
        header, file = submission.header, submission.file
        with self._turn(header.key):
            self.commit(submission)
            if file.size < header.size_bytes:
                self.suspend(submission)
                raise InvalidInputError(
                    f"chunk: {file.size} of {header.size_bytes} bytes came", field="chunk"
                )
            if file.sha256() != header.sha256:
                self._forget(submission)
                raise ChecksumMismatchError(
                    f"header.sha256 is {header.sha256}, that of the bytes is {file.sha256()}",
                    field="header.sha256",
                )
            try:
                # The same bytes at the same time lie under one name: the second finds them there.
                with self._turn(original_key(header.mission_id, header.sha256)):
                    record, acceptance = self._store(header, file, now)
            except AlreadyExistsError:
                self._forget(submission)
                raise
            finally:
                self.suspend(submission)
            self._spool.keep(header.key)
        self._settle_soon(header.key)
        _LOG.info(
            "imagery %s of mission %s: %d bytes, %s",
            record.imagery_id,
            record.mission_id,
            record.size_bytes,
            acceptance.value.replace("_", " "),
        )
        return record, acceptance

    def status(self, mission_id: str, request_id: str) -> SubmissionStatus:
        """How far a submission has got.

        Raises:
            InvalidInputError: not a request id.
            NotFoundError: the mission knows none of that request.
        """
        check_request_id(request_id, "request_id")
        key = spool_key(mission_id, request_id)
        with self._lock:
            live = self._live.get(key)
        known = self._ledger.imagery_of_request(mission_id, request_id)
        if known is not None:
            return SubmissionStatus(
                request_id=request_id,
                pledge_id=known.pledge_id,
                committed_bytes=known.size_bytes,
                size_bytes=known.size_bytes,
                imagery_id=known.imagery_id,
            )
        begun = self._spool.header(key)
        if begun is None:
            raise unknown_submission(request_id)
        header = SubmissionHeader.from_json(begun)
        return SubmissionStatus(
            request_id=request_id,
            pledge_id=header.pledge_id,
            committed_bytes=self._spool.size(key) if live is None else live.committed_bytes,
            size_bytes=header.size_bytes,
            imagery_id=None,
        )

    def tidy(self, now: datetime) -> None:
        """Make what was stored durable, and forget its copies and what nobody came back for.

        The first call closes the gaps of an earlier run.

        Raises:
            UnavailableError: the object store or the ledger does not answer.
        """
        self._settle()
        if not self._reconciled:
            reconcile(
                self._ledger,
                self._objects,
                self._spool,
                now,
                stale_after=self._limits.stale_after,
            )
            self._reconciled = True
        if swept := self._spool.sweep(now - self._limits.stale_after):
            _LOG.info("%d unfinished submissions were given up", swept)

    def close(self) -> None:
        """Suspend every stream and wait until finished bytes are durable."""
        self._closing.set()
        with self._lock:
            live, settler = list(self._live.values()), self._settler
        for submission in live:
            self.suspend(submission)
        if settler is not None:
            settler.join()
        self._settle()

    def _begun(self, header: SubmissionHeader) -> bool:
        begun = self._spool.header(header.key)
        if begun is None:
            return False
        header.require_same(SubmissionHeader.from_json(begun))
        return True

    def _begin(self, header: SubmissionHeader, now: datetime) -> OpenSubmission:
        if header.offset != 0:
            raise InvalidInputError(
                "header.offset is not 0, but nothing of this request_id is here",
                field="header.offset",
            )
        self._spool.sweep(now - self._limits.stale_after)
        free = shutil.disk_usage(self._spool.folder).free
        # Spool and object store may share the disk.
        if free < self._limits.min_free_bytes + 2 * header.size_bytes:
            raise LimitExceededError(
                "the disk is too full for this file", field="header.size_bytes"
            )
        self._spool.begin(header.key, header.to_json())
        return self._hold(OpenSubmission(header, self._spool.open(header.key), None))

    def _resume(self, header: SubmissionHeader) -> OpenSubmission:
        file = self._spool.open(header.key)
        if header.offset != file.size:
            committed = file.size
            file.close()
            raise InvalidInputError(
                f"header.offset is {header.offset}, but {committed} bytes are here",
                field="header.offset",
            )
        submission = OpenSubmission(header, file, None)
        submission.is_known_kind(file.first(_MAGIC_BYTES))
        return self._hold(submission)

    def _store(
        self, header: SubmissionHeader, file: SpoolFile, now: datetime
    ) -> tuple[ImageryRecord, Acceptance]:
        kind = sniff(file.first(_MAGIC_BYTES))
        pledge = self._ledger.get_pledge(header.mission_id, header.pledge_id)
        self._objects.put_verified(
            original_key(header.mission_id, header.sha256),
            file.path,
            sha256=header.sha256,
            content_type=f"image/{kind.value}",
        )
        record = ImageryRecord(
            mission_id=header.mission_id,
            imagery_id=imagery_identifier(header.mission_id, header.sha256),
            pledge_id=header.pledge_id,
            sortie_id=header.sortie_id,
            file_name=header.file_name,
            size_bytes=header.size_bytes,
            sha256=header.sha256,
            media_kind=kind,
            state=ImageryState.QUEUED,
            failure="",
            received_at=now,
            stated_pose=header.stated_pose,
            stated_captured_at=header.stated_captured_at,
            captured_at=None,
            width_px=0,
            height_px=0,
            outcome=None,
            findings=(),
            detection_count=0,
            model_name="",
            marking=pledge.marking,
        )
        return self._ledger.accept_imagery(record, header.request_id, now)

    def _hold(self, submission: OpenSubmission) -> OpenSubmission:
        with self._lock:
            self._live[submission.header.key] = submission
        return submission

    def _take_over(self, key: str) -> None:
        with self._lock:
            holder = self._live.get(key)
        if holder is not None:
            self.suspend(holder)

    def _forget(self, submission: OpenSubmission) -> None:
        self.suspend(submission)
        self._spool.remove(submission.header.key)

    @contextmanager
    def _turn(self, key: str) -> Iterator[None]:
        """Opening and finishing of one submission take turns."""
        with self._lock:
            lock, users = self._turns.get(key, (threading.Lock(), 0))
            self._turns[key] = (lock, users + 1)
        try:
            with lock:
                yield
        finally:
            with self._lock:
                lock, users = self._turns[key]
                if users == 1:
                    del self._turns[key]
                else:
                    self._turns[key] = (lock, users - 1)

    def _settle_soon(self, key: str) -> None:
        with self._lock:
            self._finished.add(key)
            if self._settler is None:
                self._settler = threading.Thread(
                    target=self._settle_later, name="settle", daemon=True
                )
                self._settler.start()

    def _settle_later(self) -> None:
        while True:
            self._closing.wait(_SETTLE_SECONDS)
            self._settle()
            with self._lock:
                if not self._finished:
                    self._settler = None
                    return

    def _settle(self) -> None:
        with self._lock:
            finished, self._finished = self._finished, set()
        if finished:
            self._objects.settle()
        for key in finished:
            self._spool.remove(key)
