"""What a session is: found until it ends, ended for everybody at once, never brought back."""

from __future__ import annotations

import asyncio
import sqlite3
import threading

import pytest

from afresh import Cache, ConfigurationError
from afresh.errors import BackendError
from afresh.runtime.drive import drive
from afresh.sessions import Sessions


def test_a_session_lives_from_login_to_logout(sessions):
    sid = sessions.create(b"ann")
    assert sessions.load(sid).data == b"ann"
    assert sessions.save(sid, b"ann, with a basket")
    assert sessions.load(sid).data == b"ann, with a basket"
    assert sessions.delete(sid)
    assert sessions.load(sid) is None
    assert not sessions.delete(sid)


def test_it_ends_when_it_was_not_used(sessions, clock):
    sid = sessions.create(b"ann")
    clock.advance(99)
    assert sessions.load(sid) is not None
    clock.advance(1)
    assert sessions.load(sid) is None
    assert not sessions.touch(sid)
    assert not sessions.save(sid, b"late")


def test_using_it_makes_it_longer(sessions, clock):
    sid = sessions.create(b"ann")
    began = sessions.load(sid).expires
    clock.advance(9)
    assert sessions.touch(sid)
    assert sessions.load(sid).expires == began  # a tenth of its life isn't over: nothing is written
    clock.advance(50)
    assert sessions.touch(sid)
    clock.advance(90)
    assert sessions.load(sid).data == b"ann"


def test_a_request_loads_and_uses_it_at_once(sessions, clock):
    sid = sessions.create(b"ann")
    began = sessions.load(sid).expires
    clock.advance(9)
    assert sessions.use(sid) == (b"ann", began)
    clock.advance(50)
    assert sessions.use(sid) == (b"ann", clock.now() + 100)
    assert sessions.load(sid) == (b"ann", clock.now() + 100)
    assert asyncio.run(sessions.aio.use(sid)).data == b"ann"
    sessions.delete(sid)
    assert sessions.use(sid) is None


def test_a_life_of_its_own(sessions, clock):
    short, long = sessions.create(b"", 10), sessions.create(b"", "1h")
    clock.advance(11)
    assert sessions.load(short) is None
    assert sessions.load(long) is not None


def test_a_late_save_brings_nothing_back(sessions):
    sid = sessions.create(b"ann")
    sessions.delete(sid)
    assert not sessions.save(sid, b"ann again")
    assert sessions.mutate(sid, lambda old: b"ann again") is None
    assert sessions.load(sid) is None


def test_a_logout_between_reading_and_writing(sessions):
    sid = sessions.create(b"ann")

    def meanwhile(old):
        sessions.delete(sid)
        return b"ann again"

    assert sessions.mutate(sid, meanwhile) is None
    assert sessions.load(sid) is None


def test_no_change_is_lost(sessions):
    sid = sessions.create(b"0")

    def count():
        for _ in range(10):
            sessions.mutate(sid, lambda old: b"%d" % (int(old) + 1))

    threads = [threading.Thread(target=count) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sessions.load(sid).data == b"40"


def test_an_id_of_ones_own_begins_once(sessions, clock):
    assert sessions.add("mine", b"first")
    assert not sessions.add("mine", b"second")
    assert sessions.load("mine").data == b"first"
    clock.advance(101)
    assert sessions.add("mine", b"third")
    assert sessions.load("mine").data == b"third"


def test_a_new_id_ends_the_old_one(sessions):
    old = sessions.create(b"nobody")
    new = sessions.cycle(old, b"ann")
    assert new != old
    assert sessions.load(old) is None
    assert sessions.load(new).data == b"ann"


def test_the_same_for_an_event_loop(sessions, clock):
    async def visit():
        aio = sessions.aio
        sid = await aio.create(b"ann")
        assert (await aio.load(sid)).data == b"ann"
        assert await aio.save(sid, b"a")
        assert await aio.mutate(sid, lambda old: old + b"b") == b"ab"
        clock.advance(50)
        assert await aio.touch(sid)
        assert await aio.add("mine", b"")
        sid = await aio.cycle(sid, b"new")
        assert await aio.delete(sid)
        assert await aio.load(sid) is None
        clock.advance(1000)
        assert await aio.forget_expired() >= 0

    asyncio.run(visit())


def test_what_ended_here_has_ended_there(shared, opened):
    here, there = opened(shared), opened(shared)
    sid = here.create(b"ann")
    assert there.load(sid).data == b"ann"
    assert there.save(sid, b"basket")
    assert here.load(sid).data == b"basket"
    assert here.delete(sid)
    assert there.load(sid) is None
    assert not there.save(sid, b"late")


def test_a_new_secret_logs_nobody_out(shared, opened, clock):
    sid = opened(shared, secret=b"old").create(b"ann", "1h")
    rotated = opened(shared, secret=["new", b"old"])
    assert rotated.load(sid).data == b"ann"
    assert rotated.save(sid, b"basket")
    assert not rotated.add(sid, b"another")
    assert rotated.delete(sid)
    assert opened(shared, secret=b"old").load(sid) is None
    assert opened(shared, secret=b"another").load(rotated.create(b"")) is None


def test_applications_of_one_place_keep_apart(shared, opened):
    sid = opened(shared, namespace="shop").create(b"ann")
    assert opened(shared, namespace="blog").load(sid) is None


def test_the_place_does_not_know_the_ids(tmp_path, opened):
    sid = opened(f"sqlite:////{tmp_path}/people.sqlite3", secret=b"s").create(b"ann")
    assert sid.encode() not in (tmp_path / "people.sqlite3").read_bytes()


@pytest.mark.parametrize("place", ["memory://", "file", pytest.param("redis", marks=pytest.mark.servers)])
def test_filling_and_clearing_the_cache_logs_nobody_out(place, request, tmp_path, opened):
    if place == "file":
        place = f"sqlite:////{tmp_path}/cache.sqlite3"
    elif place == "redis":
        place = f"{request.getfixturevalue('session_server').url}?timeout=30"
    for namespace in ("", "session-"):
        with Cache(place, namespace=namespace, l1=100) as cache:
            sessions = opened(cache)
            sid = sessions.create(b"ann")
            for number in range(300):
                cache.set(f"session-{number}", "x" * 100)
            cache.clear()
            if cache._engine.store is not None:
                drive(cache._engine.store.clear(f"{namespace}:"))
            assert sessions.load(sid).data == b"ann"


def test_the_machines_own_place(tmp_path, monkeypatch):
    monkeypatch.setenv("AFRESH_DIR", str(tmp_path / "state"))
    with Sessions() as here, Cache() as cache, Sessions(cache) as beside:
        assert beside.load(here.create(b"ann")).data == b"ann"


@pytest.mark.parametrize(
    ("given", "advice"),
    [
        ({"place": "memcached://localhost"}, "of their own"),
        ({"place": "null://"}, "of their own"),
        ({"place": 7}, "redis://host"),
        ({"place": "http://x"}, "redis"),
        ({"place": "sqlite:////nowhere/at/all"}, "not a folder"),
        ({"ttl": None}, "14d"),
        ({"ttl": 0}, "more than 0"),
        ({"namespace": "a:b"}, "without a colon"),
        ({"secret": 7}, "bytes or a string"),
        ({"secret": []}, "bytes or a string"),
    ],
)
def test_what_makes_no_sense_is_refused(given, advice):
    with pytest.raises((ConfigurationError, TypeError), match=advice):
        Sessions(**{"place": "memory://", **given})


def test_a_cache_that_forgets_is_no_place():
    with Cache("null://") as cache, pytest.raises(ConfigurationError, match="of their own"):
        Sessions(cache)


def test_only_bytes_and_not_too_many(opened):
    sessions = opened("memory://")
    with pytest.raises(TypeError, match="serialise"):
        sessions.create("text")
    with pytest.raises(BackendError, match="at most"):
        sessions.create(b"x" * (2**20 + 1))


def test_a_file_of_something_else_is_left_alone(tmp_path, opened):
    path = tmp_path / "other.sqlite3"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE precious (x)")
    other.close()
    with pytest.raises(BackendError, match="something else"):
        opened(f"sqlite:///{path}").create(b"ann")


def test_a_file_that_is_none(tmp_path, opened):
    path = tmp_path / "other.sqlite3"
    path.write_bytes(b"not a database" * 100)
    with pytest.raises(BackendError, match="database"):
        opened(f"sqlite:///{path}").load("id")
