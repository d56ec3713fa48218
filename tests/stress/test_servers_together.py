"""What processes do together over one server: exact sums, pools that leave each other alone, versions side by side."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from history import History
from server_crew import ServerCrew, outcome, ready

from afresh import Cache, Pool, tag
from afresh.backends.redis import log, records
from afresh.testing.servers import MemcachedServer, RedisServer
from sizes import seed, size

pytestmark = [pytest.mark.servers, pytest.mark.slow]

KINDS = {"redis7": RedisServer, "memcached": MemcachedServer}


@pytest.fixture(params=KINDS)
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RedisServer | MemcachedServer]:
    with KINDS[request.param](tmp_path / "server") as started:
        yield started


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "machine"
    monkeypatch.setenv("AFRESH_DIR", str(folder))
    return folder


def patient(server: RedisServer | MemcachedServer) -> str:
    """A busy machine is not a server in trouble."""
    return f"{server.url}?timeout=10&write_timeout=20"


def test_a_sum_of_eight_processes_is_exact(server, tmp_path, machine) -> None:
    times = size(200, 1000)
    crew = ServerCrew(tmp_path, patient(server), seed())
    counters = [crew.start("counter", machine=number % 2, times=times) for number in range(8)]
    ready(counters)
    for process in counters:
        outcome(process, 300)
    with Cache(patient(server)) as cache:
        assert cache.get("sum") == 8 * times


def test_a_flooded_pool_evicts_nothing_of_another(server, machine) -> None:
    pools = {
        "pages": Pool(prefix="page:", l1=100),
        "sessions": Pool(prefix="session:", l1=100),
    }
    with Cache(patient(server), pools=pools) as cache:
        session = cache.cached(prefix="session:")(lambda number: number)
        page = cache.cached(prefix="page:")(lambda number: number)
        for number in range(50):
            session(number)
        for number in range(2000):
            page(number)
        pages, sessions = cache.pool("pages").stats(), cache.pool("sessions").stats()
        assert pages.evictions >= 1900
        assert (sessions.evictions, sessions.entries) == (0, 50)


class Bomb:
    """Whoever unpickles it leaves a trace."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (self.path,))


def test_a_poisoned_pickle_in_the_store_is_not_executed(server, machine, tmp_path) -> None:
    trace = tmp_path / "executed"
    with Cache(patient(server), l1=None) as cache:
        cached = cache.cached(prefix="f", tags=[tag("t")])(lambda: 7)
        assert cached() == 7
        engine = cache._engine
        keys = [":f()", engine.stored_key(next(s for s in engine.sites.values() if s.name == "f"), ":f()")]
        for key in [*keys, ":set"]:
            poison(server, key, pickle.dumps(Bomb(trace)))
        assert cached() == 7
        assert cache.get("set") is None
    assert not trace.exists()


def poison(server: RedisServer | MemcachedServer, key: str, value: bytes) -> None:
    """Put bytes where the store looks for a key, as somebody would who can write there."""
    if isinstance(server, RedisServer):
        with server.client() as client:
            client.set(f"afresh:{key}", value)
    else:
        server.ask(b"set a:%b 0 0 %d\r\n%b\r\n" % (key.encode(), len(value), value))


VERSION = """
import json, os, sys, time
from dataclasses import dataclass
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from history import History
from afresh import Cache, tag
settings = json.loads(sys.argv[2])
os.environ["AFRESH_DIR"] = settings["machine"]
history = History(Path(settings["table"]))
if settings["new"]:
    @dataclass
    class Product:
        version: int
        price: int = 0
else:
    @dataclass
    class Product:
        version: int
loads = wrong = stale = reads = 0
cache = Cache(settings["url"], l1=settings["l1"], consistency="strict")
@cache.cached(prefix="product", tags=lambda i: [tag("product", i)])
def product(i: int) -> Product:
    global loads
    loads += 1
    return Product(history.versions[i])
end = time.monotonic() + settings["seconds"]
while time.monotonic() < end:
    i = reads % 16
    known = history.acknowledged[i]
    value = product(i)
    reads += 1
    wrong += type(value) is not Product
    stale += value.version < known
    if settings["writes"] and reads % 50 == 0:
        history.versions[i] += 1
        cache.invalidate(tag("product", i))
        history.acknowledge(i, history.versions[i])
    time.sleep(0.0005)
cache.close()
print(json.dumps({"loads": loads, "wrong": wrong, "stale": stale, "reads": reads}))
"""


def test_two_versions_of_a_program_side_by_side(server, tmp_path) -> None:
    """Each loads what its own version has to, and not more."""
    History(tmp_path / "table")
    counts = versions(server, tmp_path, [False, True])
    assert sum(count["wrong"] + count["stale"] for count in counts) == 0
    written = sum(History(tmp_path / "table").versions)
    # A new version of each row, and the first one, once for each version of the program.
    needed = 2 * (16 + written)
    assert sum(count["loads"] for count in counts) <= 1.2 * needed, (counts, written)
    assert all(count["reads"] > 500 for count in counts)


def versions(server, tmp_path: Path, new: list[bool]) -> list[dict[str, int]]:
    processes = []
    for number, is_new in enumerate(new):
        folder = tmp_path / f"machine{number}"
        folder.mkdir(mode=0o700)
        settings = {
            "url": patient(server),
            "table": str(tmp_path / "table"),
            "machine": str(folder),
            "new": is_new,
            "writes": number == 0,
            "l1": None,
            "seconds": size(4, 30),
        }
        arguments = [sys.executable, "-c", VERSION, str(Path(__file__).parent), json.dumps(settings)]
        processes.append(
            subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        )
    return [outcome(process, 120) for process in processes]


def test_a_log_that_cannot_be_read_makes_the_cache_cold_never_wrong(tmp_path, machine, monkeypatch) -> None:
    """A later release has written what this one doesn't know."""
    loads = []
    with RedisServer(tmp_path / "server") as server, Cache(patient(server), max_stale=0.5) as cache:
        cached = cache.cached(prefix="f", tags=[tag("t")])(lambda: loads.append(1) or len(loads))
        assert [cached(), cached()] == [1, 1]
        monkeypatch.setenv("AFRESH_DIR", str(tmp_path / "elsewhere"))
        with Cache(patient(server)) as later, monkeypatch.context() as patch:
            known = records.written
            patch.setattr(log.records, "written", lambda *record: b"\xee" + known(*record)[1:])
            later.invalidate(tag("t"))
        end = time.monotonic() + 60
        while cached() == 1:  # for as long as the server's last word is good for
            assert time.monotonic() < end
            time.sleep(0.05)
        before = len(loads)
        assert [cached(), cached()] == [before + 1, before + 2]
