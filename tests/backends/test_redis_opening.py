"""A cache on Redis as a whole: two processes, both worlds, servers that come and go."""

# ruff: noqa: F811 - fixtures are imported

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from redis_room import another, empty, place  # noqa: F401  fixtures

from afresh import Cache, ConfigurationError, Pool, tag
from afresh.backends.redis.control import MODES
from afresh.runtime.drive import drive
from afresh.testing.servers import RedisServer
from afresh.testing.servers.process import wait_until

pytestmark = [pytest.mark.servers, pytest.mark.slow]

PATIENT = "?timeout=30&write_timeout=30&connect_timeout=30"


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path.chmod(0o700)
    monkeypatch.setenv("AFRESH_DIR", str(tmp_path / "afresh"))


@pytest.fixture
def opened() -> Iterator[Callable[..., Cache]]:
    """Opens caches, and closes them."""
    caches: list[Cache] = []

    def make(place: Any, **settings: Any) -> Cache:
        caches.append(Cache(f"{place.url}{PATIENT}", **settings))
        return caches[-1]

    yield make
    for cache in caches:
        cache.close()


def test_a_cache_on_redis_does_what_a_cache_does(empty: Any, opened: Callable[..., Cache]) -> None:
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


def test_and_so_it_does_on_an_event_loop(empty: Any, opened: Callable[..., Cache]) -> None:
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
        assert await cache.aio.get("k") == 5
        assert await cache.aio.incr("k") == 6

    asyncio.run(main())
    assert cache.get("k") == 6
    asyncio.run(main_again(cache))


async def main_again(cache: Cache) -> None:
    """Another loop, on the same connections' client."""
    assert await cache.aio.get("k") == 6


READER = """
import sys, time
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


class Reader:
    """Another process with the same cache, and a folder of its own: another machine."""

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


@pytest.mark.parametrize("machines", ["one machine", "two machines"])
def test_what_one_process_invalidates_is_gone_from_the_others_memory(
    empty: Any, tmp_path: Path, machines: str
) -> None:
    source = tmp_path / "source"
    folders = [tmp_path / "a", tmp_path / ("a" if machines == "one machine" else "b")]
    readers = [Reader(f"{empty.url}{PATIENT}", source, folder) for folder in folders]
    try:
        source.write_text("v0")
        assert [reader.ask("read") for reader in readers] == ["v0 1", "v0 0"]
        slowest = 0.0
        for number in range(1, 20):
            writer, other = readers[number % 2], readers[1 - number % 2]
            source.write_text(f"v{number}")
            assert writer.ask("invalidate") == "done"
            began = time.monotonic()
            while other.ask("read").split()[0] != f"v{number}":
                pass
            slowest = max(slowest, time.monotonic() - began)
            assert writer.ask("read").split()[0] == f"v{number}"
        assert slowest < 1.0, "the bound"
    finally:
        for reader in readers:
            reader.close()


def test_strict_sees_at_once_what_another_machine_invalidated(empty: Any, tmp_path: Path) -> None:
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
        with caches[0].scope(), caches[1].scope():
            assert [read() for read in reads] == [number, number]
    for cache in caches:
        cache.close()


def test_the_log_knows_how_far_this_machine_is(empty: Any, opened: Callable[..., Cache]) -> None:
    """So that its follower asks for no more of what the machine's processes wrote themselves."""
    cache = opened(empty)
    ledger: Any = cache._engine.ledger
    before = ledger._remote.seen()
    cache.invalidate(tag("menu"))
    assert ledger._remote.seen() == ledger.position() > before


def test_a_mode_is_followed_by_the_others(empty: Any, opened: Callable[..., Cache]) -> None:
    one, other = opened(empty), opened(empty)
    elsewhere = opened(empty, namespace="elsewhere")
    one.mode = "off"

    def looked() -> str:
        other.get("anything")  # keeps its housekeeping awake
        return str(other.mode)

    wait_until(lambda: looked() == "off", "the mode")
    assert str(elsewhere.mode) == "on"
    assert str(opened(empty).mode) == "off"
    other.mode = "on"
    one._engine.look_after()
    assert str(one.mode) == "on"


def test_a_pool_has_a_server_of_its_own_and_no_ledger_there(
    tmp_path: Path, opened: Callable[..., Cache]
) -> None:
    with RedisServer(tmp_path / "main") as main, RedisServer(tmp_path / "pool") as second:
        cache = opened(main, pools={"pages": Pool(prefix="page:", url=f"{second.url}{PATIENT}")})
        cache.set("page:1", "a page")
        cache.set("other", "a value")
        with main.client() as client, second.client() as beside:
            assert len(beside.keys("*")) == 1
            assert beside.keys("afresh{*") == []
            assert sorted(key.split(b":")[0] for key in client.keys("*") if b"page" in key) == []
        assert cache.get_many(["page:1", "other"]) == {"page:1": "a page", "other": "a value"}
        cache.close()


def test_a_pool_takes_a_client_and_makes_no_ledger_there(
    tmp_path: Path, opened: Callable[..., Cache]
) -> None:
    redis = pytest.importorskip("redis")
    with (
        RedisServer(tmp_path / "main") as main,
        RedisServer(tmp_path / "pool") as second,
        redis.Redis(port=second.port) as given,
    ):
        cache = opened(main, pools={"pages": Pool(prefix="page:", url=given)})
        cache.set("page:1", "a page")
        assert cache.get("page:1") == "a page"
        assert [key.partition(b":")[0] for key in given.keys("*")] == [b"afresh"]
        cache.close()


def test_a_client_of_redis_py_is_taken(tmp_path: Path) -> None:
    redis = pytest.importorskip("redis")
    with RedisServer(tmp_path / "server") as server:
        given = redis.Redis(port=server.port, db=3)
        with given, Cache(given) as cache:
            cache.set("k", 5)
            assert cache.get("k") == 5
            assert len(given.keys("afresh:*k*")) == 1


@pytest.mark.parametrize("url", ["redis://localhost/x", "redis+nothing://a", "unix://relative"])
def test_a_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError):
        Cache(url)


def test_a_server_that_is_down_costs_loads_and_nothing_else(tmp_path: Path) -> None:
    server = RedisServer(tmp_path / "server").start()
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


def test_the_control_key_of_a_stranger_changes_nothing(
    empty: Any, opened: Callable[..., Cache], another: Callable[[Any], Any]
) -> None:
    drive(another(empty).run("SET", MODES, "?"))
    assert str(opened(empty).mode) == "on"


def test_many_threads_and_processes_load_once(empty: Any, tmp_path: Path) -> None:
    loads = tmp_path / "loads"
    loads.touch()
    program = """
import sys, threading, time
from afresh import Cache
cache = Cache(sys.argv[1])
@cache.cached(ttl=60)
def slow():
    with open(sys.argv[2], "a") as file:
        file.write("x")
    time.sleep(0.3)
    return 7
sys.stdin.readline()
results = []
threads = [threading.Thread(target=lambda: results.append(slow())) for _ in range(25)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(results == [7] * 25)
cache.close()
"""
    script = tmp_path / "loading.py"
    script.write_text(program)
    processes = [
        subprocess.Popen(
            [sys.executable, str(script), f"{empty.url}{PATIENT}", str(loads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    answers = _at_once(processes)
    assert answers == ["True\n"] * 4
    assert loads.read_text() == "x"


def _at_once(processes: list[subprocess.Popen[str]]) -> list[str]:
    answers: list[str] = [""] * len(processes)

    def talk(index: int) -> None:
        answers[index] = processes[index].communicate("go\n")[0]

    threads = [threading.Thread(target=talk, args=(index,)) for index in range(len(processes))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


FORKING = """
import os, sys, threading, time
from afresh import Cache, tag
cache = Cache(sys.argv[1])

@cache.cached(prefix="slow", tags=lambda number: [tag("slow", number)])
def slow(number):
    open(sys.argv[2], "a").write(str(number))
    time.sleep(0.3)
    return number

def both(number):
    threads = [threading.Thread(target=slow, args=(number,)) for _ in range(3)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    assert slow(number) == number

slow(0)                                             # everything is open: connections, threads
other = Cache(sys.argv[1], l1=None)                 # it waits for leases of the first one
holder = threading.Thread(target=slow, args=(1,))
holder.start()
time.sleep(0.1)
child = os.fork()                                   # while a lease is held and kept
both(2)                                             # one of the two processes loads
if not child:
    cache.invalidate(tag("slow", 0))
    cache.set("child", 5)
    cache.close()
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
holder.join()
deadline = time.monotonic() + 60
while cache.get("child") != 5:
    assert time.monotonic() < deadline
slow(0)                                             # what the child invalidated is loaded anew
print(open(sys.argv[2]).read(), flush=True)
cache.close()
other.close()
"""


def test_a_forked_child_has_connections_and_leases_of_its_own(empty: Any, tmp_path: Path) -> None:
    loads = tmp_path / "loads"
    loads.touch()
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORKING]
    run = subprocess.run(
        [*command, f"{empty.url}{PATIENT}", str(loads)],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.stderr == ""
    assert sorted(run.stdout.strip()) == ["0", "0", "1", "2"]
