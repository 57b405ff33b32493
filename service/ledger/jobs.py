"""Jobs: imagery waiting for a worker, leased with a heartbeat and a fencing token."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, bindparam, or_, select, update

from models.wording import counted
from service.errors import LeaseLostError
from service.ledger.database import Database
from service.ledger.records import ImageryState, Lease
from service.ledger.tables import imagery, jobs

MAX_ATTEMPTS = 3
# Before each further attempt, so that a part that is restarting has time to come back.
_RETRY_DELAYS = (timedelta(seconds=2), timedelta(seconds=10))

_CHANGE_HELD = update(jobs).where(
    jobs.c.mission_id == bindparam("of_mission"),
    jobs.c.imagery_id == bindparam("of_imagery"),
    jobs.c.fence == bindparam("of_fence"),
    jobs.c.state == "leased",
)


class Jobs(Database):
    """One job for each imagery; at most one worker at a time can end it."""

    def lease_job(self, worker_id: str, now: datetime, lease_seconds: float) -> Lease | None:
        """The oldest job that waits or whose worker is gone; None where there is none.

        A job that was tried three times is given up on the way, and its imagery has failed.
        """
        # Most calls find nothing to do; they shall not queue for the write lock.
        with self._reading() as connection:
            if (
                connection.execute(select(jobs.c.imagery_id).where(_free(now)).limit(1)).first()
                is None
            ):
                return None
        with self._writing() as connection:
            while True:
                row = connection.execute(
                    select(jobs)
                    .where(_free(now))
                    .order_by(jobs.c.created_at, jobs.c.imagery_id)
                    .limit(1)
                    .with_for_update(skip_locked=True)
                ).first()
                if row is None:
                    return None
                if row.attempt < MAX_ATTEMPTS:
                    return _take(connection, row, worker_id, now, lease_seconds)
                reason = row.reason or "its worker ended without a word"
                _give_up(
                    connection,
                    row.mission_id,
                    row.imagery_id,
                    f"given up after {counted(row.attempt, 'attempt')}: {reason}",
                )

    def heartbeat(self, lease: Lease, now: datetime, lease_seconds: float) -> Lease:
        """Keep a lease for longer.

        Raises:
            LeaseLostError: another worker has the job, or it has ended.
        """
        expires_at = now + timedelta(seconds=lease_seconds)
        with self._writing() as connection:
            _change_held(connection, lease, {"expires_at": expires_at})
        return replace(lease, expires_at=expires_at)

    def release_job(self, lease: Lease, now: datetime, *, after: timedelta = timedelta(0)) -> None:
        """Give a job back without counting the attempt, to be taken up again after a while.

        As a worker does that is told to end, or that misses a part which every job needs.

        Raises:
            LeaseLostError: another worker has the job, or it has ended.
        """
        with self._writing() as connection:
            _change_held(
                connection,
                lease,
                {
                    "state": "queued",
                    "attempt": lease.attempt - 1,
                    "not_before": now + after,
                    "expires_at": None,
                },
            )
            _set_imagery(connection, lease.mission_id, lease.imagery_id, ImageryState.QUEUED)

    def release_jobs_of(self, workers: str, now: datetime) -> int:
        """Give back every job of workers that are known to be gone; returns how many.

        For the start of a service whose last run was killed: its jobs need not wait for the end of
        their leases, and the kill does not count as a failure of theirs.

        Args:
            workers: what the identifiers of the workers begin with.
            now: the time now.
        """
        with self._writing() as connection:
            rows = connection.execute(
                select(jobs.c.mission_id, jobs.c.imagery_id)
                .where(
                    jobs.c.state == "leased", jobs.c.worker_id.startswith(workers, autoescape=True)
                )
                .with_for_update()
            ).all()
            for row in rows:
                connection.execute(
                    update(jobs)
                    .where(jobs.c.mission_id == row.mission_id, jobs.c.imagery_id == row.imagery_id)
                    .values(
                        state="queued",
                        attempt=jobs.c.attempt - 1,
                        not_before=now,
                        expires_at=None,
                    )
                )
                _set_imagery(connection, row.mission_id, row.imagery_id, ImageryState.QUEUED)
        return len(rows)

    def fail_job(self, lease: Lease, reason: str, *, now: datetime, retry: bool) -> None:
        """Note that an attempt failed; without `retry`, or after the last one, for good.

        Raises:
            LeaseLostError: another worker has the job, or it has ended.
        """
        with self._writing() as connection:
            again = retry and lease.attempt < MAX_ATTEMPTS
            values: dict[str, Any] = {"reason": reason, "expires_at": None}
            if again:
                delay = _RETRY_DELAYS[min(lease.attempt, len(_RETRY_DELAYS)) - 1]
                values |= {"state": "queued", "not_before": now + delay}
            _change_held(connection, lease, values)
            if again:
                _set_imagery(connection, lease.mission_id, lease.imagery_id, ImageryState.QUEUED)
                return
            told = (
                f"given up after {counted(lease.attempt, 'attempt')}: {reason}" if retry else reason
            )
            _give_up(connection, lease.mission_id, lease.imagery_id, told)


def end_job(connection: Connection, lease: Lease) -> None:
    """End a job within the transaction that writes its results.

    Raises:
        LeaseLostError: another worker has the job, or it has ended; roll back.
    """
    _change_held(connection, lease, {"state": "done", "expires_at": None})


def _free(now: datetime) -> ColumnElement[bool]:
    return or_(
        and_(jobs.c.state == "queued", jobs.c.not_before <= now),
        and_(jobs.c.state == "leased", jobs.c.expires_at <= now),
    )


def _take(
    connection: Connection, row: Row[Any], worker_id: str, now: datetime, lease_seconds: float
) -> Lease:
    lease = Lease(
        job_id=f"{row.mission_id}/{row.imagery_id}",
        mission_id=row.mission_id,
        imagery_id=row.imagery_id,
        fence=row.fence + 1,
        attempt=row.attempt + 1,
        expires_at=now + timedelta(seconds=lease_seconds),
    )
    connection.execute(
        update(jobs)
        .where(jobs.c.mission_id == row.mission_id, jobs.c.imagery_id == row.imagery_id)
        .values(
            state="leased",
            fence=lease.fence,
            attempt=lease.attempt,
            worker_id=worker_id,
            expires_at=lease.expires_at,
        )
    )
    _set_imagery(connection, row.mission_id, row.imagery_id, ImageryState.PROCESSING)
    return lease


def _change_held(connection: Connection, lease: Lease, values: dict[str, Any]) -> None:
    asked = {
        "of_mission": lease.mission_id,
        "of_imagery": lease.imagery_id,
        "of_fence": lease.fence,
    }
    changed = connection.execute(_CHANGE_HELD, asked | values).rowcount
    if changed != 1:
        raise LeaseLostError(f"the job of imagery {lease.imagery_id!r} is no longer held")


def _give_up(connection: Connection, mission_id: str, imagery_id: str, reason: str) -> None:
    connection.execute(
        update(jobs)
        .where(jobs.c.mission_id == mission_id, jobs.c.imagery_id == imagery_id)
        .values(state="failed", reason=reason, expires_at=None)
    )
    _set_imagery(connection, mission_id, imagery_id, ImageryState.FAILED, reason)


def _set_imagery(
    connection: Connection,
    mission_id: str,
    imagery_id: str,
    state: ImageryState,
    failure: str = "",
) -> None:
    connection.execute(
        update(imagery)
        .where(imagery.c.mission_id == mission_id, imagery.c.imagery_id == imagery_id)
        .values(state=state.value, failure=failure)
    )
