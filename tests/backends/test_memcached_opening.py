"""A cache on memcached as a whole: processes, both worlds, servers that come and go."""

# ruff: noqa: F811 - fixtures are imported

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from memcached_room import PATIENT, Place, empty, place  # noqa: F401  fixtures

from afresh import Cache, Pool, tag
from afresh.errors import BackendError
from afresh.testing.servers import MemcachedServer
from afresh.testing.servers.process import wait_until

pytestmark = [pytest.mark.servers, pytest.mark.slow]

Opened = Callable[..., Cache]


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path.chmod(0o700)
    monkeypatch.setenv("AFRESH_DIR", str(tmp_path / "afresh"))


@pytest.fixture
def opened() -> Iterator[Opened]:
    """Opens caches, and closes them."""
    caches: list[Cache] = []

    def make(place: Place, **settings: object) -> Cache:
        caches.append(Cache(f"{place.url}{PATIENT}", **settings))  # type: ignore[arg-type]
        return caches[-1]

    yield make
    for cache in caches:
        cache.close()


def test_a_cache_on_memcached_does_what_a_cache_does(empty: Place, opened: Opened) -> None:
    cache = opened(empty)
    loads: list[int] = []

    @cache.cached(prefix="dish", tags=lambda number: [tag("menu")])
    def dish(number: int) -> int:
        loads.append(number)
        return number * 2

    assert [dish(1), dish(1), dish(2), dish(1)] == [2, 2, 4, 2]
    assert loads == [1, 2]
    cache.invalidate(tag("menu"))
    assert dish(1) == 2
    assert loads == [1, 2, 1]
    cache.set("k", {"a": [1, 2]})
    assert cache.get("k") == {"a": [1, 2]}
    assert [cache.incr("count") for _ in range(3)] == [1, 2, 3]
    assert cache.get_many(["k", "count", "none"]) == {"k": {"a": [1, 2]}, "count": 3}
    assert cache.delete("k")
    assert cache.get("k") is None
    cache.clear()
    assert cache.get("count") is None


def test_and_so_it_does_on_an_event_loop(empty: Place, opened: Opened) -> None:
    cache = opened(empty)
    loads: list[int] = []

    @cache.cached(prefix="dish", tags=[tag("menu")])
    async def dish(number: int) -> int:
        loads.append(number)
        await asyncio.sleep(0)
        return number * 2

    async def main() -> None:
        assert await asyncio.gather(*(dish(1) for _ in range(20))) == [2] * 20
        assert loads == [1]
        await cache.aio.invalidate(tag("menu"))
        assert await dish(1) == 2
        assert loads == [1, 1]
        await cache.aio.set("k", 5)
        assert await cache.aio.incr("k") == 6

    async def again() -> None:
        assert await cache.aio.get("k") == 6

    asyncio.run(main())
    assert cache.get("k") == 6
    asyncio.run(again())  # another loop, the same client


READER = """
import sys
from afresh import Cache, tag
cache = Cache(sys.argv[1])
state = {"loads": 0}
@cache.cached(prefix="page", tags=[tag("page")])
def page():
    state["loads"] += 1
    return open(sys.argv[2]).read()
for line in sys.stdin:
    if line == "read\\n":
        print(page(), state["loads"], flush=True)
    else:
        cache.invalidate(tag("page"))
        print("done", flush=True)
cache.close()
"""


class Process:
    """Another process with the same cache, and a folder of its machine's."""

    def __init__(self, url: str, source: Path, folder: Path) -> None:
        folder.mkdir(mode=0o700, exist_ok=True)
        self._process = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", READER, url, str(source)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={"AFRESH_DIR": str(folder), "PATH": "", "PYTHONPATH": ":".join(sys.path)},
        )

    def ask(self, line: str) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        return self._process.stdout.readline().strip()

    def close(self) -> None:
        self._process.communicate()


@pytest.mark.parametrize("machines", [1, 2])
def test_what_one_process_invalidates_is_gone_from_the_others_memory(
    empty: Place, tmp_path: Path, machines: int
) -> None:
    source = tmp_path / "source"
    folders = [tmp_path / "a", tmp_path / ("a" if machines == 1 else "b")]
    processes = [Process(f"{empty.url}{PATIENT}", source, folder) for folder in folders]
    try:
        source.write_text("v0")
        assert processes[0].ask("read") == "v0 1"
        assert processes[1].ask("read").split()[0] == "v0"
        slowest = 0.0
        for number in range(1, 20):
            writer, other = processes[number % 2], processes[1 - number % 2]
            source.write_text(f"v{number}")
            assert writer.ask("invalidate") == "done"
            began = time.monotonic()
            while other.ask("read").split()[0] != f"v{number}":
                pass
            slowest = max(slowest, time.monotonic() - began)
            assert writer.ask("read").split()[0] == f"v{number}"
        assert slowest < 1.0, "the bound"
    finally:
        for each in processes:
            each.close()


def test_strict_sees_at_once_what_another_machine_invalidated(empty: Place, tmp_path: Path) -> None:
    caches = []
    value = {"v": 0}
    for name in ("a", "b"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("AFRESH_DIR", str(tmp_path / name))
            caches.append(Cache(f"{empty.url}{PATIENT}", consistency="strict"))

    def reading(cache: Cache) -> Callable[[], int]:
        return lambda: cache.get_or_load("v", lambda: value["v"], tags=[tag("v")])

    reads = [reading(cache) for cache in caches]
    for number in range(30):
        value["v"] = number
        caches[number % 2].invalidate(tag("v"))
        assert [read() for read in reads] == [number, number]
    for cache in caches:
        cache.close()


LOADING = """
import sys, threading, time
from afresh import Cache
cache = Cache(sys.argv[1])
@cache.cached(ttl=60)
def slow():
    with open(sys.argv[2], "a") as file:
        file.write("x")
    time.sleep(0.3)
    return 7
print("ready", flush=True)
sys.stdin.readline()
results = []
threads = [threading.Thread(target=lambda: results.append(slow())) for _ in range(25)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(results == [7] * 25, flush=True)
cache.close()
"""


def test_four_processes_and_25_misses_in_each_are_one_load(empty: Place, tmp_path: Path) -> None:
    loads, script = tmp_path / "loads", tmp_path / "loading.py"
    loads.touch()
    script.write_text(LOADING)
    command = [sys.executable, str(script), f"{empty.url}{PATIENT}", str(loads)]
    processes = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(4)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    threads = [threading.Thread(target=process.communicate, args=("go\n",)) for process in processes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [process.returncode for process in processes] == [0] * 4
    assert loads.read_text() == "x"


def test_a_mode_is_followed_by_the_others(empty: Place, opened: Opened) -> None:
    one, other = opened(empty), opened(empty)
    elsewhere = opened(empty, namespace="elsewhere")
    one.mode = "off"

    def looked() -> str:
        other.get("anything")  # keeps its housekeeping awake
        return str(other.mode)

    wait_until(lambda: looked() == "off", "the mode")
    assert str(elsewhere.mode) == "on"
    assert str(opened(empty).mode) == "off"


def test_a_pool_has_servers_of_its_own_and_no_log_there(tmp_path: Path, opened: Opened) -> None:
    with MemcachedServer(tmp_path / "main") as main, MemcachedServer(tmp_path / "pool") as second:
        pages = Pool(prefix="page:", url=f"{second.url}{PATIENT}")
        cache = opened(Place([main]), pools={"pages": pages})
        cache.set("page:1", "a page")
        cache.set("other", "a value")
        assert b"EN" in second.ask(b"mg afresh:log:ledger:epoch v\r\n")
        assert b"VA" in main.ask(b"mg afresh:log:ledger:epoch v\r\n")
        assert cache.get_many(["page:1", "other"]) == {"page:1": "a page", "other": "a value"}
        cache.close()


def test_a_server_that_is_down_costs_loads_and_nothing_else(tmp_path: Path) -> None:
    server = MemcachedServer(tmp_path / "server").start()
    server.stop()
    with Cache(server.url) as cache:
        loads: list[int] = []

        @cache.cached(prefix="read")
        def read() -> int:
            loads.append(1)
            return len(loads)

        assert [read(), read()] == [1, 2]
        server.start()
        try:
            wait_until(lambda: read() == read(), "the cache's coming back", 10.0)
        finally:
            server.kill()


def test_one_of_three_is_killed_and_comes_back(tmp_path: Path) -> None:
    servers = [MemcachedServer(tmp_path / str(number)).start() for number in range(3)]
    try:
        with Cache(Place(servers).url) as cache:
            value = {"v": 0}

            def reads() -> list[int]:
                return [
                    cache.get_or_load(f"k{key}", lambda: value["v"], tags=[tag("v")]) for key in range(30)
                ]

            def change() -> None:
                value["v"] += 1
                cache.invalidate(tag("v"))

            change()
            assert reads() == [1] * 30
            for server in servers:  # one of them has the log
                server.kill()
                for _ in range(3):
                    change()
                    assert reads() == [value["v"]] * 30
                server.start()
                for _ in range(20):
                    change()
                    assert reads() == [value["v"]] * 30
    finally:
        for server in servers:
            server.kill()


def test_doctor_sees_each_server_and_the_ledger(tmp_path: Path) -> None:
    servers = [MemcachedServer(tmp_path / str(number)).start() for number in range(2)]
    try:
        with Cache(Place(servers).url + PATIENT) as cache:
            cache.set("k", 1)
            found = cache._engine.backend.inspect()
            assert found["findings"] == []
            assert found["ledger_server"] in {server.address for server in servers}
            assert found["ledger_on_server"]
            told = found["servers"]
            assert isinstance(told, dict)
            assert all(each["version"].startswith("1.") for each in told.values())
            servers[0].kill()
            findings = cache._engine.backend.inspect()["findings"]
            assert isinstance(findings, list)
            assert [finding.severity for finding in findings] == ["error"]
            with pytest.raises(BackendError):  # some belong to that server
                cache.set_many({str(number): 1 for number in range(50)})
    finally:
        for server in servers:
            server.kill()
