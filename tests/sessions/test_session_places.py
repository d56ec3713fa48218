"""What is particular to each place."""

from __future__ import annotations

import multiprocessing
import threading

import pytest

from afresh.backends.file.store.commitlock import CommitLock
from afresh.runtime.clock import SYSTEM_CLOCK
from afresh.runtime.drive import drive
from afresh.sessions import Sessions
from afresh.sessions.places import open_place
from afresh.testing.servers import RedisServer


def test_those_that_are_over_give_back_their_room(opened, clock, tmp_path):
    for place in ("memory://", f"sqlite:////{tmp_path}/people.sqlite3"):
        sessions = opened(place, ttl=10)
        for _ in range(5):
            sessions.create(b"")
        clock.advance(11)
        kept = sessions.create(b"")
        assert sessions.forget_expired() == 5
        assert sessions.load(kept) is not None


def test_they_do_so_by_themselves(opened, clock, tmp_path):
    path = tmp_path / "people.sqlite3"
    for place in ("memory://", f"sqlite:///{path}"):
        sessions = opened(place, ttl=10)
        for _ in range(10):
            sessions.create(b"")
        clock.advance(11)
        sid = sessions.create(b"0")
        for number in range(256):
            sessions.save(sid, b"%d" % number)
        assert sessions.forget_expired() == 0


def test_the_file_is_for_this_user_alone(tmp_path):
    path = tmp_path / "people.sqlite3"
    with Sessions(f"sqlite:///{path}") as sessions:
        sessions.create(b"ann")
        assert path.stat().st_mode & 0o077 == 0


@pytest.mark.slow
def test_a_child_has_connections_of_its_own(tmp_path):
    fork = multiprocessing.get_context("fork")
    with Sessions(f"sqlite:////{tmp_path}/people.sqlite3") as sessions:
        sid = sessions.create(b"ann")
        answers = fork.SimpleQueue()

        def child():
            answers.put((sessions.load(sid).data, sessions.save(sid, b"from the child")))

        process = fork.Process(target=child)
        process.start()
        process.join()
        assert answers.get() == (b"ann", True)
        assert sessions.load(sid).data == b"from the child"
        answers.close()


def test_several_threads_begin_with_no_file(tmp_path):
    with Sessions(f"sqlite:////{tmp_path}/people.sqlite3") as sessions:
        made = []
        threads = [threading.Thread(target=lambda: made.append(sessions.create(b"x"))) for _ in range(8)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        assert all(sessions.load(sid) is not None for sid in made)
        assert len(made) == 8


def test_a_restart_keeps_them(tmp_path):
    url = f"sqlite:////{tmp_path}/people.sqlite3"
    with Sessions(url) as before:
        sid = before.create(b"ann")
    with Sessions(url) as after:
        assert after.load(sid).data == b"ann"


def test_a_lock_that_is_held_is_an_error_not_a_wait(tmp_path, monkeypatch):
    monkeypatch.setattr("afresh.sessions.places.sqlite._BUSY", 0.01)
    path = tmp_path / "people.sqlite3"
    with Sessions(f"sqlite:///{path}") as sessions:
        sid = sessions.create(b"ann")
        with CommitLock(tmp_path / "people.sqlite3-lock"):
            with pytest.raises(OSError, match="locked"):
                sessions.save(sid, b"basket")
            assert sessions.load(sid).data == b"ann"  # who reads waits for nobody
        assert sessions.save(sid, b"basket")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*fork")
def test_a_fork_while_others_are_at_it(tmp_path):
    fork = multiprocessing.get_context("fork")
    with Sessions(f"sqlite:////{tmp_path}/people.sqlite3") as sessions:
        sid = sessions.create(b"0")

        def count():
            for _ in range(50):
                sessions.mutate(sid, lambda old: b"%d" % (int(old) + 1))

        def child():
            for _ in range(5):
                sessions.mutate(sid, lambda old: b"%d" % (int(old) + 1000))

        thread = threading.Thread(target=count)
        thread.start()
        children = [fork.Process(target=child) for _ in range(3)]
        for each in children:
            each.start()
        for each in children:
            each.join()
        thread.join()
        assert int(sessions.load(sid).data) == 15_050
        assert [each.exitcode for each in children] == [0, 0, 0]


@pytest.mark.servers
def test_a_server_that_evicts_is_told_of(tmp_path, caplog):
    options = ("--maxmemory", "50mb", "--maxmemory-policy", "allkeys-lru")
    with RedisServer(tmp_path, options=options) as server, Sessions(f"{server.url}?timeout=30") as sessions:
        sessions.create(b"ann")
        sessions.create(b"bob")
    assert [record.message for record in caplog.records if "noeviction" in record.message][1:] == []
    assert "allkeys-lru" in caplog.text


@pytest.mark.servers
def test_a_server_that_is_away_is_an_error(tmp_path):
    with RedisServer(tmp_path) as server:
        sessions = Sessions(server.url)
        sid = sessions.create(b"ann")
    with pytest.raises(OSError, match=r"\S"):
        sessions.load(sid)
    sessions.close()


def test_a_closed_place_says_so(tmp_path):
    place = open_place(f"sqlite:////{tmp_path}/people.sqlite3", SYSTEM_CLOCK)
    place.close()
    place.close()
    with pytest.raises(OSError, match="closed"):
        drive(place.get("name"))
