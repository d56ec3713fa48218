"""The two worlds that every contract is run in: plain threads, and an event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, Protocol, TypeVar

import pytest

from afresh.core.ports import Runtime
from afresh.runtime.drive import drive
from afresh.runtime.loop import LoopRuntime
from afresh.runtime.threads import ThreadRuntime

T = TypeVar("T")
Job = Callable[[Runtime], Coroutine[Any, Any, Any]]

_PATIENCE = 30.0  # a contract that waits longer has failed


class DrivingWorld(Protocol):
    """Runs a backend's coroutines."""

    def __call__(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run one to its end."""

    def together(self, *jobs: Job) -> list[Any]:
        """Run `job(runtime)` of each at the same time; their results."""


class Threads:
    """Each coroutine is driven by one `send(None)`; at the same time means in threads."""

    def __init__(self) -> None:
        self.runtime = ThreadRuntime()

    def __call__(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Drive it here."""
        return drive(coroutine)

    def together(self, *jobs: Job) -> list[Any]:
        """Drive each in a thread of its own."""
        results: list[Any] = [None] * len(jobs)
        errors: list[BaseException] = []
        barrier = threading.Barrier(len(jobs))

        def run(index: int, job: Job) -> None:
            try:
                barrier.wait(_PATIENCE)
                results[index] = drive(job(self.runtime))
            except BaseException as error:
                errors.append(error)

        threads = [
            threading.Thread(target=run, args=(index, job), daemon=True) for index, job in enumerate(jobs)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(_PATIENCE)
        if errors:
            raise errors[0]
        assert not any(thread.is_alive() for thread in threads), "somebody waits for ever"
        return results


class Loop:
    """Each coroutine runs on one event loop; at the same time means as tasks."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner()

    def __call__(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run it on the loop."""
        return self._runner.run(coroutine)

    def together(self, *jobs: Job) -> list[Any]:
        """Run each as a task."""

        async def gather() -> list[Any]:
            runtime = LoopRuntime()
            return list(await asyncio.wait_for(asyncio.gather(*(job(runtime) for job in jobs)), _PATIENCE))

        return self._runner.run(gather())

    def close(self) -> None:
        """End the loop."""
        self._runner.close()


class BothWorlds:
    """Runs every test of a contract twice. A backend for one world only overrides `world`."""

    @pytest.fixture(params=["sync", "async"])
    def world(self, request: pytest.FixtureRequest) -> Iterator[DrivingWorld]:
        """What runs the backend's coroutines."""
        if request.param == "sync":
            yield Threads()
            return
        loop = Loop()
        yield loop
        loop.close()
