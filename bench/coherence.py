"""`python -m bench.coherence [--quick] [--json FILE]`: how soon an acknowledged write is seen by eight processes.

One process announces a change on Redis. Eight others, each with the value in its own memory, ask for it
again and again: how long after the announcement was acknowledged does the last of them stop serving the old one?
Once they share a machine (its ledger is one mapped file), once each of them plays a machine of its own.
"""

from __future__ import annotations

import mmap
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

from afresh import Cache, tag
from afresh.testing.servers import RedisServer
from bench import measure

PROCESSES = 8
GOAL = measure.Goal("p99 ms", 5.0)
_PAUSE = 0.001  # seconds between two looks: eight processes that never rest would hide what is measured
_PATIENCE = 5.0


class Version:
    """A number in a mapped file: the database."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(bytes(8))
        with path.open("r+b") as file:
            self._words = memoryview(mmap.mmap(file.fileno(), 8)).cast("Q")

    def get(self) -> int:
        """What is committed."""
        return self._words[0]

    def put(self, version: int) -> None:
        """Commit."""
        self._words[0] = version


def watch(url: str, folder: str, path: str, pipe: Connection) -> None:
    """A process that reads: for each round it is told of, when it had the new version."""
    os.environ["AFRESH_DIR"] = folder
    version = Version(Path(path))
    with Cache(url) as cache:

        @cache.cached(prefix="version", tags=[tag("version")])
        def current() -> int:
            return version.get()

        while True:
            before = current()
            pipe.send("ready")
            if pipe.recv() == "end":
                return
            give_up = time.monotonic() + _PATIENCE
            while current.peek() == before and time.monotonic() < give_up:
                time.sleep(_PAUSE)
            pipe.send(time.monotonic())


@contextmanager
def watchers(url: str, folder: Path, *, together: bool) -> Iterator[list[Connection]]:
    """Eight of them, on one machine or on eight."""
    context = multiprocessing.get_context("spawn")
    pipes, processes = [], []
    for number in range(PROCESSES):
        here, there = context.Pipe()
        place = folder / ("machine" if together else f"machine{number}")
        place.mkdir(mode=0o700, exist_ok=True)
        arguments = (url, str(place), str(folder / "version"), there)
        process = context.Process(target=watch, args=arguments, daemon=True)
        process.start()
        pipes.append(here)
        processes.append(process)
    yield pipes
    for pipe in pipes:
        pipe.recv()
        pipe.send("end")
    for process in processes:
        process.join()


def delays(url: str, folder: Path, rounds: int, *, together: bool) -> list[float]:
    """Milliseconds from the acknowledgement until each process had the new version, for all rounds."""
    version = Version(folder / "version")
    own = folder / "writer"
    own.mkdir(mode=0o700, exist_ok=True)
    os.environ["AFRESH_DIR"] = str(own)
    found: list[float] = []
    with watchers(url, folder, together=together) as pipes, Cache(url) as cache:
        for number in range(1, rounds + 1):
            for pipe in pipes:
                pipe.recv()
            for pipe in pipes:
                pipe.send("go")
            time.sleep(0.005)  # they all look by now
            version.put(number)
            cache.invalidate(tag("version"))
            acknowledged = time.monotonic()
            found += [max(pipe.recv() - acknowledged, 0.0) * 1000 for pipe in pipes]
    return found


def main() -> int:
    """Measure, print, and say whether the goal was met."""
    options = measure.parser(__doc__).parse_args()
    rounds = 30 if options.quick else 200
    made = measure.Table(f"From an acknowledged write to the memory of {PROCESSES} processes")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="afresh-bench-")))
        server = stack.enter_context(RedisServer(folder / "redis"))
        for what, together in (("on another machine, together", True), ("on eight machines", False)):
            place = folder / what.replace(" ", "-")
            place.mkdir()
            found = delays(server.url, place, rounds, together=together)
            figures = {
                "p50 ms": measure.percentile(found, 0.5),
                "p99 ms": measure.percentile(found, 0.99),
                "most ms": max(found),
            }
            made.add(what, figures, GOAL)
    made.remarks.append(f"they look every {_PAUSE * 1000:g} ms, which is a part of each figure")
    return measure.finish("coherence", [made], options.json)


if __name__ == "__main__":
    sys.exit(main())
