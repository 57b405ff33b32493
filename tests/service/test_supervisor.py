from __future__ import annotations

import asyncio
import os
import signal
import sys

import pytest

from service.supervisor import Handed, WorkerPool

HANDED = Handed(settings='{"secret": "hush"}', embedded_store=True, log_format="%(message)s")
# Says that it is ready, leaves a child behind that holds its pipes, and waits for its end.
WORKER = """
import json, os, signal, sys, time
handed = json.loads(sys.stdin.buffer.readline())
assert handed["settings"] == '{"secret": "hush"}'
assert "hush" not in " ".join(sys.argv)
if os.fork() == 0:
    time.sleep(3)
    os._exit(0)
print(json.dumps({"ready": {"model": "m", "engine": "e"}}), flush=True)
signal.pause()
"""


async def until_live(pool: WorkerPool, count: int) -> None:
    async with asyncio.timeout(20):
        while pool.live != count:  # noqa: ASYNC110 - processes have no event
            await asyncio.sleep(0.02)


async def test_a_killed_worker_is_started_again_and_the_end_does_not_wait_for_its_pipes() -> None:
    pool = WorkerPool(2, HANDED, command=(sys.executable, "-c", WORKER))
    pool.start()
    await until_live(pool, 2)
    assert pool.ready is not None
    assert pool.ready.engine == "e"
    first = pool.pids
    os.kill(first[0], signal.SIGKILL)
    await until_live(pool, 1)
    await until_live(pool, 2)
    assert first[0] not in pool.pids
    assert first[1] in pool.pids
    async with asyncio.timeout(2):
        await pool.stop(1.0)
    assert pool.live == 0
    assert pool.pids == ()


async def test_a_worker_that_cannot_work_says_why() -> None:
    program = 'import json, sys; print(json.dumps({"failed": "no model"})); sys.exit(78)'
    pool = WorkerPool(1, HANDED, command=(sys.executable, "-c", program))
    pool.start()
    async with asyncio.timeout(20):
        await pool.wait_told()
    assert pool.failure == "no model"
    await pool.stop(1.0)


async def test_workers_that_die_without_a_word_are_given_up_on_once_and_for_all() -> None:
    pool = WorkerPool(1, HANDED, command=(sys.executable, "-c", "import os; os.abort()"))
    pool.start()
    async with asyncio.timeout(20):
        await pool.wait_told()
    assert "3 times a worker ended" in pool.failure
    assert "signal 6" in pool.failure
    await pool.stop(1.0)


async def test_a_worker_gets_nothing_of_the_settings_in_its_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("VEDETTE_S3_SECRET_KEY", "hush")
    monkeypatch.setenv("OTHER_SETTING", "kept")
    program = """
import json, os, sys
names = [name for name in os.environ if name.startswith(("VEDETTE_", "OTHER_"))]
print(json.dumps({"failed": " ".join(names)}))
sys.exit(78)
"""
    pool = WorkerPool(1, HANDED, command=(sys.executable, "-c", program))
    pool.start()
    async with asyncio.timeout(20):
        await pool.wait_told()
    assert pool.failure == "OTHER_SETTING"
    await pool.stop(1.0)


@pytest.mark.parametrize(("told", "threads"), [(None, "1"), ("3", "3")])
async def test_a_worker_computes_on_one_thread_unless_it_is_told_otherwise(
    told: str | None, threads: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if told is None:
        monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    else:
        monkeypatch.setenv("OPENBLAS_NUM_THREADS", told)
    program = (
        "import json, os, sys; "
        'print(json.dumps({"failed": os.environ["OPENBLAS_NUM_THREADS"]})); sys.exit(78)'
    )
    pool = WorkerPool(1, HANDED, command=(sys.executable, "-c", program))
    pool.start()
    async with asyncio.timeout(20):
        await pool.wait_told()
    assert pool.failure == threads
    await pool.stop(1.0)
