"""`python -m bench.edge_freshness [--quick] [--json FILE]`: from a write to every cache that stands in front.

Four workers with pages in memory, one that keeps them on Redis only, Varnish, nginx, and a page published to
memcached that nginx serves. One row of PostgreSQL changes: by plain SQL of another program, which `afresh watch`
sees, or by the application. From the moment at which COMMIT has returned: how long until a place is fresh, so that
whoever asks from then on gets what was written? And how long until the first of them has it: that is the time in
which the view runs once more, too. The first two rows say where the change is on its way.
"""

from __future__ import annotations

import os
import re
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path

from bench import measure
from bench.edge_freshness.legs import NAMES
from bench.edge_freshness.stage import Stage, started

GOAL = measure.Goal("fresh p99", 50)
Times = tuple[float, float]
_TOO_LONG = 5.0  # seconds
_PAUSE = 0.002  # between two looks at one place
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_OWN = {"Varnish": b"varnish; hit", "nginx": b"nginx; hit", "published page": b"detail=published"}


class Place:
    """Where the page is asked for, over one connection, by few bytes: who measures takes processor time from all."""

    def __init__(self, name: str, port: int) -> None:
        self.name = name
        self._socket = socket.create_connection(("127.0.0.1", port), _TOO_LONG)
        self._request = b"GET / HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % port

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def said(self) -> tuple[bytes, bytes]:
        """The head of the page now, and its text."""
        self._socket.sendall(self._request)
        answer = b""
        while True:
            answer += self._socket.recv(65_536)
            head, end, text = answer.partition(b"\r\n\r\n")
            length = _LENGTH.search(head)
            if end and length is not None and len(text) >= int(length[1]):
                return head.lower(), text

    def wait_for(self, text: bytes, since: float) -> tuple[float, float]:
        """Ask until it is the new one; when whoever got it first asked, and had it, in milliseconds since then.

        Raises:
            TimeoutError: It doesn't come.
        """
        while True:
            asked = time.perf_counter()
            if self.said()[1] == text:
                return (asked - since) * 1000, (time.perf_counter() - since) * 1000
            if asked - since > _TOO_LONG:
                raise TimeoutError(f"{self.name} has not noticed within {_TOO_LONG:g} s")
            time.sleep(_PAUSE)

    def keeps(self, text: bytes) -> bool:
        """Whether it answers with that from its own cache: what keeps nothing has nothing to forget."""
        head, page = self.said()
        return page == text and _OWN.get(self.name, b"; hit") in head


def main() -> int:
    """Measure, print, judge."""
    options = measure.parser(__doc__).parse_args()
    rounds = 30 if options.quick else 150
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        stage = started(Path(folder), stack)
        places = [stack.enter_context(closing(Place(name, port))) for name, port in stage.ports.items()]
        times: dict[str, list[list[Times]]] = {who: [] for who in stage.writers}
        text = b"none"
        for number in range(rounds):
            for who, write in stage.writers.items():
                before, text = text, f"text {number} of {who}".encode()
                times[who].append(_round(stage, places, write, before, text))
    names = [*NAMES, *(place.name for place in places)]
    tables = [_table(who, names, found) for who, found in times.items()]
    return measure.finish("edge_freshness", tables, options.json)


def _table(who: str, names: list[str], times: list[list[Times]]) -> measure.Table:
    table = measure.Table(f"From a COMMIT of {who} to the new page, in milliseconds")
    for name, found in zip(names, zip(*times, strict=True), strict=True):
        table.add(name, _figures(list(found)))
    latest = [(max(fresh for fresh, _ in each), max(had for _, had in each)) for each in times]
    table.add("all of them", _figures(latest), GOAL)
    load = f"processes that wanted to run meanwhile: {os.getloadavg()[0]:.0f}, processors: {os.cpu_count()}"
    table.remarks.append(load)
    return table


def _figures(times: list[Times]) -> dict[str, float]:
    columns = {"fresh": [fresh for fresh, _ in times], "answered": [had for _, had in times]}
    return {
        f"{name} {label}": measure.percentile(found, part)
        for name, found in columns.items()
        for label, part in (("p50", 0.5), ("p99", 0.99), ("most", 1.0))
    }


def _round(
    stage: Stage, places: list[Place], write: Callable[[str], object], before: bytes, text: bytes
) -> list[Times]:
    """Have all keep the page, change it, and wait for each."""
    deadline = time.monotonic() + _TOO_LONG
    while not all(place.keeps(before) for place in places):
        if time.monotonic() > deadline:
            raise TimeoutError(f"not all keep the page: {[place.said() for place in places]}")
        time.sleep(10 * _PAUSE)  # Varnish doesn't keep for a second what was overtaken on its way there
    legs = stage.legs.waiting()
    write(text.decode())
    since = time.perf_counter()
    found: list[Times] = [(0.0, 0.0)] * len(places)

    def wait(index: int) -> None:
        found[index] = places[index].wait_for(text, since)

    threads = [threading.Thread(target=wait, args=(index,)) for index in range(len(places))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if not all(had for _, had in found):
        raise SystemExit("not all places have noticed")
    return [*((each, each) for each in legs(since)), *found]


if __name__ == "__main__":
    sys.exit(main())
