"""`python -m bench.http_hits [--quick] [--json FILE]`: hits of a page of 1 KB, by server.

Each server has one processor to itself while it is asked, by wrk on another: 32 connections, kept
alive. The figure is the processor time of a request: other work on the machine disturbs it less than the
number of requests in a second.
"""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from http.client import HTTPConnection
from pathlib import Path

from afresh.testing.servers.process import Server
from bench import measure
from bench.http_hits import servers
from bench.http_hits.subjects import SUBJECTS

OTHERS: dict[str, Callable[[Path, int], Server]] = {
    "nginx, a text (floor in C)": servers.floor,
    "nginx proxy_cache": servers.nginx,
    "Varnish": servers.varnish,
}
CONNECTIONS = 32
_PACKAGES = {
    "starlette-caches": "starlette_caches",
    "fastapi-cache2": "fastapi_cache",
    "Django cache_page": "django",
}


class Subject:
    """One server that is measured."""

    def __init__(self, server: Server, seconds: float) -> None:
        self.server = server
        self.rates: list[float] = []
        self._seconds = seconds

    def cost(self) -> float:
        """Microseconds of processor time for a request."""
        before = servers.spent(self.server)
        requests = 0
        while not requests:  # on a machine that is very busy, a second may go by without any
            requests = self._asked()
        return (servers.spent(self.server) - before) / requests * 1e6

    def _asked(self) -> int:
        url = f"http://127.0.0.1:{self.server.port}/"
        asked = [servers.wrk(), "-t1", f"-c{CONNECTIONS}", f"-d{self._seconds:g}s", url]
        told = subprocess.run(
            ["taskset", "-c", "0", *asked], capture_output=True, text=True, check=True
        ).stdout
        if "Non-2xx" in told:
            raise RuntimeError(told)
        self.rates.append(float(_found(r"Requests/sec:\s+([\d.]+)", told)))
        return int(_found(r"(\d+) requests in", told))


def _found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    if match is None:
        raise RuntimeError(text)
    return match[1]


def main() -> int:
    """Measure, print, judge."""
    options = measure.parser(__doc__).parse_args()
    seconds, rounds = (1, 3) if options.quick else (3, 7)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        subjects, missing = _started(Path(folder), stack, seconds)
        samples = measure.interleave({name: each.cost for name, each in subjects.items()}, rounds, warm_up=1)
    table = measure.Table("A hit of a page of 1 KB over HTTP, 32 connections, one processor")
    for name, each in subjects.items():
        figures = {
            "CPU us": statistics.median(samples[name]),
            "x Varnish": 1 / measure.ratio(samples, name, "Varnish"),
            "x nginx": 1 / measure.ratio(samples, name, "nginx proxy_cache"),
            "x bare": measure.ratio(samples, name, "uvicorn, no cache"),
            "requests/s": statistics.median(each.rates),
        }
        table.add(name, figures, *_goals(name))
    table.remarks.append("x Varnish, x nginx: requests for the same processor time. x bare: processor time.")
    table.remarks += [f"not installed, left out: {name}" for name in missing]
    return measure.finish("http_hits", [table], options.json)


def _goals(name: str) -> list[measure.Goal]:
    if name == "afresh serve":
        return [measure.Goal("x Varnish", 2.0, at_least=True), measure.Goal("x nginx", 1.0, at_least=True)]
    return [measure.Goal("x bare", 1.15)] if name == "afresh middleware" else []


def _started(folder: Path, stack: ExitStack, seconds: float) -> tuple[dict[str, Subject], list[str]]:
    processor = max(os.sched_getaffinity(0))
    found: dict[str, Subject] = {}
    missing = [name for name, module in _PACKAGES.items() if not _installed(module)]
    for name in [name for name in SUBJECTS if name not in missing]:
        found[name] = Subject(
            stack.enter_context(servers.Python(folder / name.replace(" ", "-"), name)), seconds
        )
    behind = found["uvicorn, no cache"].server.port
    for name, make in OTHERS.items():
        found[name] = Subject(stack.enter_context(make(folder / re.sub(r"\W+", "-", name), behind)), seconds)
    for name, each in found.items():
        servers.pin(each.server, processor)
        _ask(name, each.server)
    return found, missing


def _installed(module: str) -> bool:
    import importlib.util

    return importlib.util.find_spec(module) is not None


def _ask(name: str, server: Server) -> None:
    """See to it that it answers, and has the page."""
    for _ in range(3):
        connection = HTTPConnection("127.0.0.1", server.port, timeout=10)
        connection.request("GET", "/")
        answer = connection.getresponse()
        got = answer.status, len(answer.read())
        connection.close()
        if got != (200, 1024):
            raise RuntimeError(f"{name} answers {got}:\n{server.log}")


if __name__ == "__main__":
    sys.exit(main())
