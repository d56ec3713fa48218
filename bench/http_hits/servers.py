"""The servers of the table: each a process on one processor, whose processor time can be told."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from afresh.edge.configuration import Nginx, Varnish
from afresh.testing.servers import NginxServer, VarnishServer
from afresh.testing.servers.process import Server, accepts


class Python(Server):
    """One of `subjects`."""

    def __init__(self, folder: Path, name: str) -> None:
        super().__init__(folder)
        self._name = name
        os.environ.setdefault("PYTHONPATH", str(Path(__file__).parents[2]))

    def command(self) -> Sequence[str]:
        """What to run."""
        place = f"AFRESH_DIR={self.folder / 'afresh'}"
        return ["env", place, sys.executable, "-m", "bench.http_hits.subjects", self._name, str(self.port)]

    def answers(self) -> bool:
        """Whether it is ready."""
        return accepts(self.port)


def varnish(folder: Path, behind: int) -> Server:
    """Varnish with our configuration."""
    vcl = Varnish(backend=f"127.0.0.1:{behind}", token="bench").vcl()
    return VarnishServer(folder, vcl)


def nginx(folder: Path, behind: int) -> Server:
    """Nginx with our configuration, `proxy_cache`, marks not asked for: the application sends none."""

    def configuration(port: int) -> str:
        return _configuration(folder, port, behind).replace(
            "$afresh_unsafe $afresh_unmarked;", "$afresh_unsafe;"
        )

    return NginxServer(folder, configuration)


def floor(folder: Path, _: int) -> Server:
    """Nginx that returns a text of its configuration: as little as a server can do."""

    def configuration(port: int) -> str:
        whole = _configuration(folder, port, 9)
        begin = whole.index("location / {")
        return whole[:begin] + f'location / {{ return 200 "{"x" * 1024}"; }} }} }}\n'

    return NginxServer(folder, configuration)


def _configuration(folder: Path, port: int, behind: int) -> str:
    settings = Nginx(
        upstream=f"127.0.0.1:{behind}",
        names=["127.0.0.1"],
        listen=f"127.0.0.1:{port}",
        folder=str(folder / "pages"),
        temporary=str(folder),
        pid=str(folder / "pid"),
        access_log="off",
        user="root" if os.geteuid() == 0 else "",
    )
    return settings.conf().replace("worker_processes auto", "worker_processes 1")


def pin(server: Server, processor: int) -> None:
    """Keep a server, all its processes and threads, on one processor."""
    for pid in family(server.pid):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            with suppress(ProcessLookupError):  # Varnish's threads come and go
                os.sched_setaffinity(int(thread.name), {processor})


def spent(server: Server) -> float:
    """Seconds of processor time of a server's processes and threads."""
    nanoseconds = 0
    for pid in family(server.pid):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            with suppress(FileNotFoundError, ProcessLookupError):
                nanoseconds += int((thread / "schedstat").read_text().split()[0])
    return nanoseconds / 1e9


def family(pid: int) -> list[int]:
    """A process and those that it has started, and they."""
    found = [pid]
    for each in found:
        for task in Path(f"/proc/{each}/task").iterdir():
            with suppress(FileNotFoundError, ProcessLookupError):
                found += map(int, (task / "children").read_text().split())
    return found


def wrk() -> str:
    """The program that asks.

    Raises:
        RuntimeError: It isn't installed.
    """
    found = shutil.which("wrk")
    if found is None:
        raise RuntimeError("wrk is not installed. On Debian: apt-get install wrk")
    return found
