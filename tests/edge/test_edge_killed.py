"""Whoever tells the edges is killed in the middle of it: nothing that is to go stays."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from edges import FRONTS, TOKEN, Front, marked
from origin import Origin, ask

from afresh import Cache, tag
from afresh.core.tags import hashed
from afresh.edge.keys import Keys
from afresh.testing.servers.process import wait_until
from sizes import seed, size

pytestmark = [pytest.mark.servers, pytest.mark.slow]

PAGES = size(20, 60)
KILLS = size(1, 20)


class Site:
    """Pages, each made of one thing that changes, and the edges that keep them."""

    def __init__(self, cache: Cache, origin: Origin, fronts: list[Front]) -> None:
        self.cache = cache
        self.now = [0] * PAGES
        self._fronts = fronts
        for number in range(PAGES):
            names = Keys().carried([hashed(next(tag("thing", number).marked()))])
            origin.pages[f"/{number}"] = self._view(number, names)

    def _view(self, number: int, names: str) -> Callable[[Any], Any]:
        return lambda _: (200, marked(600, names, stamp=self._stamp()), b"%d" % self.now[number])

    def _stamp(self) -> int:
        return self.cache._engine.ledger.position()

    def change(self, number: int) -> None:
        self.now[number] += 1
        self.cache.invalidate(tag("thing", number))

    def texts(self) -> list[list[bytes]]:
        return [[ask(front.port, f"/{number}").body for number in range(PAGES)] for front in self._fronts]

    def right(self) -> bool:
        return all(texts == [b"%d" % each for each in self.now] for texts in self.texts())


@contextmanager
def following(folder: Path, fronts: list[Front]) -> Iterator[subprocess.Popen[bytes]]:
    """`afresh edge follow`, which works."""
    environment = os.environ | {"AFRESH_DIR": str(folder / "own"), "AFRESH_VARNISH_TOKEN": TOKEN}
    program = [sys.executable, "-c", "from afresh.cli import main; main()", "edge", "follow"]
    where = ["--varnish", fronts[0].server.purge_url, "--nginx", str(fronts[1].server.folder / "pages")]
    log = folder / "log"
    log.write_bytes(b"")
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*program, "--cache", f"sqlite:///{folder}/cache", *where],
            env=environment,
            stdout=output,
            stderr=output,
        )
    try:
        wait_until(lambda: log.read_text().count("purges taken") >= len(fronts), "a follower")
        yield process
    finally:
        process.kill()
        process.wait()


def test_a_follower_that_is_killed_while_it_tells_leaves_nothing_out(tmp_path: Path) -> None:
    chance = random.Random(seed())
    (tmp_path / "own").mkdir(mode=0o700)
    with (
        Origin() as origin,
        Cache(f"sqlite:///{tmp_path}/cache") as cache,
        FRONTS["varnish"](tmp_path, origin.port) as one,
        FRONTS["nginx"](tmp_path, origin.port) as two,
    ):
        fronts = [one, two]
        site = Site(cache, origin, fronts)
        for _ in range(KILLS):
            with following(tmp_path, fronts) as process:
                wait_until(site.right, "pages as they are now")
                dies_at = chance.randrange(PAGES)
                for number in range(PAGES):
                    if number == dies_at:
                        process.send_signal(signal.SIGKILL)
                    site.change(number)
        with following(tmp_path, fronts):
            wait_until(site.right, "pages as they are now")
