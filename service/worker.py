"""A worker: takes one job after the other from the ledger and assesses its imagery."""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import NamedTemporaryFile

from models.detector import DetectionParameters
from models.errors import EngineGoneError, UnreadableImageError, VedetteError
from pipelines.assessment import Assessment, AssessmentRequest, Product, Provenance
from pipelines.threats.rules.default_rules import DEFAULT_RULES
from service.clock import utc_now
from service.errors import LeaseLostError, NotFoundError, UnavailableError
from service.ledger.records import ImageryRecord, Lease, PledgeRecord, ProductRecord
from service.ledger.store import Ledger
from service.objects import ObjectStore, original_key, product_key
from service.position_register import PositionRegister
from service.turns import Turn, Turns

_LOG = logging.getLogger("vedette.worker")
LARGE_BYTES = 32 << 20
"""A larger original is read from a local copy, window by window where it is a raster."""

_PART_MISSING = timedelta(seconds=5)


class Worker:
    """Leases jobs and ends them; any number of workers share one ledger.

    Args:
        ledger: where the jobs are.
        objects: where originals and products lie.
        assess: the assessment; the same request gives the same answer.
        worker_id: written beside the jobs it holds.
        software_version: written into the evidence.
        parameters: thresholds and tiling of detection.
        clock: the time now.
        scratch: folder for local copies of originals that are too large to be held in memory;
            without one all are held.
        turns: shared by the workers of one process, so that frames of a sortie end in their order.
        lease_seconds: after so long without a heartbeat another worker takes the job.
        poll_seconds: how often an idle worker looks for a job.
    """

    def __init__(
        self,
        ledger: Ledger,
        objects: ObjectStore,
        assess: Callable[[AssessmentRequest], Assessment],
        worker_id: str,
        software_version: str,
        parameters: DetectionParameters,
        *,
        clock: Callable[[], datetime] = utc_now,
        scratch: Path | None = None,
        turns: Turns | None = None,
        lease_seconds: float = 30.0,
        poll_seconds: float = 0.2,
    ) -> None:
        self._ledger = ledger
        self._positions = PositionRegister(ledger)
        self._objects = objects
        self._assess = assess
        self._worker_id = worker_id
        self._software_version = software_version
        self._parameters = parameters
        self._clock = clock
        self._scratch = scratch
        self._turns = Turns() if turns is None else turns
        self._lease_seconds = lease_seconds
        self._poll_seconds = poll_seconds

    def run(self, stop: threading.Event) -> None:
        """Work until told to stop; a job in hand is brought to its end.

        Raises:
            EngineGoneError: the detection engine hangs or is broken; only another process can work.
        """
        while not stop.is_set():
            try:
                worked = self.run_once(stop)
            except UnavailableError as error:
                _LOG.warning("waiting: %s", error)
                worked = False
            if not worked:
                stop.wait(self._poll_seconds)

    def run_once(self, stop: threading.Event) -> bool:
        """Take one job and bring it to its end; False where there is none.

        Raises:
            UnavailableError: the ledger or the object store does not answer; a job in hand is
                taken up again later, however long it lasts.
            EngineGoneError: the detection engine hangs or is broken; the job in hand is taken up
                again, by another process.
        """
        lease, turn = self._turns.begin(
            lambda: self._ledger.lease_job(self._worker_id, self._clock(), self._lease_seconds)
        )
        with turn:
            if lease is None:
                return False
            if stop.is_set():
                self._ledger.release_job(lease, self._clock())
                return True
            self._run_job(lease, turn)
        return True

    def _run_job(self, lease: Lease, turn: Turn) -> None:
        started = time.monotonic()
        try:
            with self._heartbeat(lease) as is_held:
                self._process(lease, turn, is_held)
        except LeaseLostError:
            _LOG.warning("job %s: another worker has it; nothing was written", lease.job_id)
        else:
            _LOG.info(
                "job %s: attempt %d took %.2f s",
                lease.job_id,
                lease.attempt,
                time.monotonic() - started,
            )

    def _process(self, lease: Lease, turn: Turn, is_held: Callable[[], bool]) -> None:
        try:
            image = self._ledger.get_imagery(lease.mission_id, lease.imagery_id)
            turn.name((image.mission_id, image.sortie_id))
            pledge = self._ledger.get_pledge(lease.mission_id, image.pledge_id)
            with self.original(image) as (data, path):
                request = self._request(image, pledge, data, path)
                assessment = self._assess(request)
                rules = request.rules
                del request  # with the bytes of the image
            if not is_held():
                # The fence would refuse the end of it; storing products first would be for nothing.
                _LOG.warning("job %s: another worker has it; nothing was written", lease.job_id)
                return
            records = [self._store(image, product) for product in assessment.products]
            # A recorded product survives a power cut, like its record.
            self._objects.settle()
            turn.wait()
            events = self._ledger.finish_job(
                lease,
                assessment,
                records,
                now=self._clock(),
                positions=assessment.positions,
                rules=rules,
            )
        except LeaseLostError:
            raise
        except UnreadableImageError as error:
            self._fail(lease, str(error), retry=False)
        except UnavailableError:
            # No fault of the image, which shall not be given up because a part was away for long.
            self._ledger.release_job(lease, self._clock(), after=_PART_MISSING)
            raise
        except NotFoundError as error:
            self._fail(lease, f"its bytes are not to be had: {error}", retry=True)
        except EngineGoneError as error:
            # This process can look at nothing any more; the next one takes the job up again.
            self._fail(lease, str(error), retry=True)
            raise
        except VedetteError as error:
            self._fail(lease, str(error), retry=True)
        except Exception as error:  # noqa: BLE001 - logged, and noted as the failure of the job
            # A defect met by one image shall not end the worker that all others wait for.
            _LOG.exception("job %s: unexpected failure", lease.job_id)
            self._fail(lease, f"unexpected failure ({type(error).__name__})", retry=True)
        else:
            _LOG.info(
                "job %s: %d detections, %d incident events",
                lease.job_id,
                len(assessment.detections),
                len(events),
            )

    def _fail(self, lease: Lease, reason: str, *, retry: bool) -> None:
        _LOG.warning("job %s: attempt %d failed: %s", lease.job_id, lease.attempt, reason)
        self._ledger.fail_job(lease, reason, now=self._clock(), retry=retry)

    @contextmanager
    def original(self, image: ImageryRecord) -> Iterator[tuple[bytes, Path | None]]:
        """Its bytes, or for a large one no bytes and a local copy that is gone afterwards.

        Raises:
            NotFoundError: the object store does not have them.
            UnavailableError: the store or the scratch folder does not take or give them.
        """
        key = original_key(image.mission_id, image.sha256)
        if self._scratch is None or image.size_bytes <= LARGE_BYTES:
            data = self._objects.get(key)
            _check(hashlib.sha256(data).hexdigest(), image)
            yield data, None
            return
        with ExitStack() as stack:
            try:
                # By a name of its own: another worker may still be at it whose lease has run out.
                copy = stack.enter_context(NamedTemporaryFile(dir=self._scratch))
                digest = hashlib.sha256()
                for block in self._objects.stream(key):
                    digest.update(block)
                    copy.write(block)
                copy.flush()
            except OSError as error:
                raise UnavailableError(
                    f"{image.size_bytes >> 20} MiB cannot be kept in {self._scratch}: "
                    f"{error.strerror}"
                ) from error
            _check(digest.hexdigest(), image)
            yield b"", Path(copy.name)

    def _request(
        self, image: ImageryRecord, pledge: PledgeRecord, data: bytes, path: Path | None
    ) -> AssessmentRequest:
        return AssessmentRequest(
            provenance=Provenance(
                mission_id=image.mission_id,
                pledge_id=image.pledge_id,
                contributor=pledge.contributor,
                sortie_id=image.sortie_id,
                imagery_id=image.imagery_id,
                file_name=image.file_name,
                sha256=image.sha256,
                marking=image.marking.value,
            ),
            data=data,
            path=path,
            stated_pose=image.stated_pose,
            stated_captured_at=image.stated_captured_at,
            positions=(),
            position_source=self._positions.of(image.mission_id),
            rules=self._ledger.rules_in_force(image.mission_id) or DEFAULT_RULES,
            parameters=self._parameters,
            software_version=self._software_version,
        )

    def _store(self, image: ImageryRecord, product: Product) -> ProductRecord:
        sha256 = hashlib.sha256(product.data).hexdigest()
        key = product_key(image.mission_id, image.imagery_id, product.kind, sha256)
        self._objects.put_verified(
            key, product.data, sha256=sha256, content_type=product.media_type
        )
        return ProductRecord(
            mission_id=image.mission_id,
            imagery_id=image.imagery_id,
            kind=product.kind,
            media_type=product.media_type,
            file_name=product.file_name,
            object_key=key,
            size_bytes=len(product.data),
            sha256=sha256,
            created_at=self._clock(),
            marking=image.marking,
        )

    @contextmanager
    def _heartbeat(self, lease: Lease) -> Iterator[Callable[[], bool]]:
        """Keep a lease while inside; gives a function that tells whether it is still held."""
        ended, lost = threading.Event(), threading.Event()

        def beat() -> None:
            while not ended.wait(self._lease_seconds / 3):
                try:
                    self._ledger.heartbeat(lease, self._clock(), self._lease_seconds)
                except LeaseLostError:
                    # Also when the job has just ended; the fence decides, this only saves work.
                    lost.set()
                    return
                except UnavailableError as error:
                    _LOG.warning("job %s: no heartbeat: %s", lease.job_id, error)

        thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
        thread.start()
        try:
            yield lambda: not lost.is_set()
        finally:
            ended.set()
            thread.join()


def _check(sha256: str, image: ImageryRecord) -> None:
    if sha256 != image.sha256:
        raise UnavailableError("the object store gave back other bytes than it took")
