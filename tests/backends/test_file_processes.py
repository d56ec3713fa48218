"""The shared file under several processes at once, and under ones that are killed."""

from __future__ import annotations

import multiprocessing
import random
import signal
import sqlite3
import subprocess
import sys
import time
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from file_tools import KEYS, SPAWN, drive, fill, flush, is_whole, put, sealed, swap

from afresh.backends.file.store.store import FileStore
from sizes import seed, size

pytestmark = pytest.mark.slow


def hammer(path: Path, number: int, operations: int, results: Connection) -> None:
    store = FileStore(path, limit_bytes=2**21)
    choose = random.Random(number)
    damaged = hits = 0
    for _ in range(operations):
        key = choose.choice(KEYS)
        roll = choose.random()
        if roll < 0.7:
            value = store.read(key)
            hits += value is not None
            damaged += value is not None and not is_whole(key, value)
        elif roll < 0.98:
            body = choose.randbytes(choose.choice([0, 10, 300, 3000, 30_000]))
            (put if roll < 0.8 else fill)(store, key, sealed(key, body), stamp=choose.randrange(9))
        else:
            drive(store.delete(key))
    store.close()
    results.send((damaged, hits))


def test_processes_at_once_read_nothing_damaged(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    pipes, processes = [], []
    for number in range(3):
        ours, theirs = SPAWN.Pipe()
        process = SPAWN.Process(target=hammer, args=(path, seed() + number, size(4000, 100_000), theirs))
        process.start()
        pipes.append(ours)
        processes.append(process)
    results = [pipe.recv() for pipe in pipes]
    for process in processes:
        process.join()
    assert [damaged for damaged, _ in results] == [0, 0, 0]
    assert all(hits > 0 for _, hits in results)
    assert check(path) == "ok"
    assert not list(tmp_path.glob("*.damaged-*"))


def count(path: Path, increments: int) -> None:
    store = FileStore(path)
    for _ in range(increments):
        while True:
            old = store.read("counter")
            new = str(int(old or b"0") + 1).encode()
            if swap(store, "counter", old, new):
                break
    store.close()


def test_no_increment_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    processes = [SPAWN.Process(target=count, args=(path, 250)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    store = FileStore(path)
    assert store.read("counter") == b"1000"
    store.close()


WRITER = """
import random, sys
sys.path.insert(0, sys.argv[2])
from file_tools import KEYS, fill, put, sealed
from afresh.backends.file.store.store import FileStore
store = FileStore(sys.argv[1], limit_bytes=2**20)
choose = random.Random(int(sys.argv[3]))
number = 0
while True:
    key = choose.choice(KEYS)
    (put if number % 2 else fill)(store, key, sealed(key, choose.randbytes(choose.randrange(6000))), stamp=number)
    store.read(choose.choice(KEYS))
    number += 1
    if number == 500:
        print("writing", flush=True)
"""


def test_killed_while_writing_twelve_times(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    choose = random.Random(seed())
    reader = FileStore(path)  # one that lives through it all
    found = 0
    for number in range(12):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), str(Path(__file__).parent), str(number)],
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "writing\n"
            time.sleep(choose.random() / 20)
            process.send_signal(signal.SIGKILL)
        began = time.monotonic()
        fresh = FileStore(path)
        answers = [(key, store.read(key)) for store in (reader, fresh) for key in KEYS]
        put(fresh, f"after{number}", b"1")
        flush(fresh)
        assert reader.read(f"after{number}") == b"1"
        fresh.close()
        assert time.monotonic() - began < 1.0
        assert [key for key, value in answers if value is not None and not is_whole(key, value)] == []
        found += sum(value is not None for _, value in answers)
    assert found > 12 * 100, "the killed processes had written something"
    reader.close()
    assert check(path) == "ok"
    assert not list(tmp_path.glob("*.damaged-*"))


def test_a_stopped_process_stops_no_reader(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    store = FileStore(path)
    put(store, "a", b"1")
    flush(store)
    assert store.read("a") == b"1", "the file is open: the first reader opens it under the lock"
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path), str(Path(__file__).parent), "1"],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGSTOP)
        try:
            began = time.monotonic()
            for _ in range(50):
                assert store.read("a") == b"1"
                fill(store, "b", b"2")
            # Had each of them waited for the lock that the process may hold, it would be minutes.
            assert time.monotonic() - began < 5.0
        finally:
            process.kill()
    store.close()


AT_EXIT = """
import sys
sys.path.insert(0, sys.argv[2])
from file_tools import fill, put
from afresh.backends.file.store.store import FileStore
store = FileStore(sys.argv[1])
put(store, "warm", b"")
for number in range(50):
    fill(store, f"key{number}", b"x")
"""


def test_what_is_pending_at_exit_is_committed(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    subprocess.run([sys.executable, "-c", AT_EXIT, str(path), str(Path(__file__).parent)], check=True)
    store = FileStore(path)
    assert len(drive(store.get_many([f"key{number}" for number in range(50)]))) == 50
    store.close()


def write_and_return(path: Path) -> None:
    store = FileStore(path)
    put(store, "warm", b"")
    fill(store, "a", b"1")


@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_process_of_multiprocessing_commits_at_its_end(tmp_path: Path, method: str) -> None:
    path = tmp_path / "store.sqlite"
    store = FileStore(path)
    put(store, "parent", b"1")
    process = multiprocessing.get_context(method).Process(target=write_and_return, args=(path,))
    process.start()
    process.join()
    assert store.read("a") == b"1"
    store.close()


def check(path: Path) -> str:
    """SQLite's own opinion, of a file that nobody has open."""
    connection = sqlite3.connect(path)
    try:
        return str(connection.execute("PRAGMA integrity_check").fetchone()[0])
    finally:
        connection.close()
