"""Whether a coroutine may suspend, whoever drives it."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys

from afresh.runtime.drive import drive
from afresh.runtime.world import suspending_loop


async def where():
    return suspending_loop()


def test_without_a_loop_it_must_block():
    assert suspending_loop() is None
    assert drive(where()) is None


def test_on_a_loop_it_may_suspend():
    async def main():
        return await where() is asyncio.get_running_loop()

    assert asyncio.run(main())


def test_driven_on_the_thread_of_a_loop_it_must_block():
    async def main():
        driven = drive(where())
        return driven, await where() is asyncio.get_running_loop()

    assert asyncio.run(main()) == (None, True)


def test_a_loop_that_a_driven_loader_runs_may_be_suspended_on():
    async def inner():
        return await where() is asyncio.get_running_loop(), drive(where())

    async def loader():
        return asyncio.run(inner())

    assert drive(loader()) == (True, None)


def test_after_an_error_nothing_is_left_behind():
    async def fails():
        raise ValueError

    async def main():
        for coroutine in (fails(), asyncio.sleep(0)):
            with contextlib.suppress(ValueError, RuntimeError):
                drive(coroutine)
        return await where() is asyncio.get_running_loop()

    assert asyncio.run(main())


def test_asyncio_is_not_loaded_to_find_out():
    program = (
        "import sys; from afresh.runtime.world import suspending_loop; suspending_loop();"
        "print('asyncio' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"
