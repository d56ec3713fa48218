"""Worker processes: they answer, and none of them outlives its parent."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from afresh.demo.drive.http import Connection
from afresh.demo.drive.servers import PLAIN, WorkerDied, Workers

pytestmark = pytest.mark.slow


def _get(address: tuple[str, int], target: str) -> int:
    async def get() -> int:
        connection = Connection(address)
        status = (await connection.get(target)).status
        await connection.close()
        return status

    return asyncio.run(get())


def _gone(pid: int, patience: float = 10.0) -> bool:
    end = time.monotonic() + patience
    while time.monotonic() < end:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


def test_each_worker_answers_at_its_own_address_and_at_the_shared_one(tiny: Path) -> None:
    with Workers(tiny, PLAIN) as workers:
        assert len({*workers.addresses, workers.shared}) == 3
        for address in (*workers.addresses, workers.shared):
            assert _get(address, "/package/a") == 200
        workers.check()
    with pytest.raises(ConnectionRefusedError):
        _get(workers.shared, "/")


def test_a_worker_that_ends_by_itself_is_noticed(tiny: Path) -> None:
    with Workers(tiny, "afresh.demo.drive.worker:nothing", count=1) as workers:
        end = time.monotonic() + 60
        while not workers.ended and time.monotonic() < end:
            time.sleep(0.05)
        with pytest.raises(WorkerDied, match="status 1"):
            workers.check()


_PARENT = """
import sys, time
from pathlib import Path
from afresh.demo.drive.servers import PLAIN, Workers
with Workers(Path(sys.argv[1]), PLAIN) as workers:
    print(*(each.pid for each in workers._processes), flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_workers_end_with_their_parent(tiny: Path, how: signal.Signals) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", _PARENT, str(tiny)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert parent.stdout is not None
    pids = [int(each) for each in parent.stdout.readline().split()]
    parent.stdout.close()
    assert len(pids) == 2
    parent.send_signal(how)
    parent.wait(20)
    assert all(_gone(pid) for pid in pids)
