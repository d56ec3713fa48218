"""Sessions end when they are ended, everywhere at once, and by nothing that a cache does or a server suffers."""

from __future__ import annotations

import asyncio
import uuid

import pytest
from cache_faces import backend
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpResponse
from django.test import RequestFactory, override_settings

from afresh.django.sessions import SessionStore
from afresh.django.sessions.opening import OPENED, place_of_sessions
from afresh.errors import BackendError, ConfigurationError
from afresh.testing.servers import RedisServer

OURS = "afresh.django.CacheBackend"


def caches(where, **options):
    return {"default": {"BACKEND": OURS, "LOCATION": where, "OPTIONS": options}}


@pytest.fixture(params=["file", pytest.param("redis", marks=pytest.mark.servers)])
def where(request, tmp_path, monkeypatch):
    """A cache, and its sessions."""
    monkeypatch.setenv("AFRESH_DIR", str(tmp_path / "machine"))
    place = f"sqlite:///{tmp_path}/cache"
    if request.param == "redis":
        place = f"{request.getfixturevalue('redis').url}?timeout=30&connect_timeout=30&ledger={tmp_path.name}"
    with override_settings(CACHES=caches(place), SESSION_ENGINE="afresh.django.sessions"):
        yield place
    OPENED.close()


def logged_in(**more):
    session = SessionStore()
    session["user"] = 7
    session.update(more)
    session.save()
    return session.session_key


def elsewhere(sid):
    """What a worker finds that has never seen this session."""
    OPENED.close()
    return SessionStore(sid).get("user")


def test_clearing_filling_and_flooding_the_cache_ends_no_session(where):
    sid, cache = logged_in(), backend(where)
    cache.set_many({f"page-{number}": "x" * 1000 for number in range(500)})
    cache.clear()
    cache.afresh.clear()
    for number in range(500):
        cache.set(f"flood-{number}", "x" * 10_000)
    cache.clear()
    assert SessionStore(sid)["user"] == elsewhere(sid) == 7


def test_who_logs_out_is_out_on_every_worker(where):
    sid = logged_in()
    assert elsewhere(sid) == 7
    SessionStore(sid).flush()
    assert SessionStore(sid).get("user") is None
    assert elsewhere(sid) is None


def test_a_request_that_ends_after_the_logout_brings_nothing_back(where):
    sid = logged_in()
    slow = SessionStore(sid)
    slow["basket"] = [1]
    SessionStore(sid).delete()
    with pytest.raises(UpdateError):
        slow.save()
    assert elsewhere(sid) is None


def test_a_new_key_ends_the_old_one(where):
    sid = logged_in()
    session = SessionStore(sid)
    session.cycle_key()
    session.save()
    assert (elsewhere(sid), elsewhere(session.session_key)) == (None, 7)


def test_an_expired_session_is_over_and_makes_room(where):
    sid = logged_in()
    session = SessionStore(sid)
    session.set_expiry(-1)
    session.save()
    assert elsewhere(sid) is None
    SessionStore.clear_expired()


def test_an_event_loop_does_the_same(where):
    async def visit():
        session = SessionStore()
        await session.aset("user", 7)
        await session.asave()
        sid = session.session_key
        found = await SessionStore(sid).aget("user")
        await session.acycle_key()
        await session.asave()
        old, new = await SessionStore(sid).aget("user"), await SessionStore(session.session_key).aget("user")
        await session.aflush()
        await SessionStore.aclear_expired()
        return found, old, new, await SessionStore(session.session_key or sid).aget("user")

    assert asyncio.run(visit()) == (7, None, 7, None)


def test_a_session_that_another_secret_signed_is_none(where):
    sid = logged_in()
    with override_settings(SECRET_KEY="another secret of some length"):
        assert elsewhere(sid) is None
    with override_settings(
        SECRET_KEY="another secret of some length",
        SECRET_KEY_FALLBACKS=["the secret of these tests, long enough"],
    ):
        assert elsewhere(sid) == 7


@pytest.mark.servers
def test_a_store_that_hangs_logs_nobody_out(tmp_path, monkeypatch):
    monkeypatch.setenv("AFRESH_DIR", str(tmp_path / "machine"))
    with (
        RedisServer(tmp_path / "server") as server,
        override_settings(CACHES=caches(server.url), SESSION_COOKIE_NAME="sid"),
        override_settings(SESSION_ENGINE="afresh.django.sessions", SESSION_SAVE_EVERY_REQUEST=True),
    ):
        sid = logged_in()
        request = RequestFactory().get("/", headers={"cookie": f"sid={sid}"})
        server.pause()
        try:
            answer = SessionMiddleware(lambda request: HttpResponse(str(request.session.get("user"))))(
                request
            )
            assert answer.content == b"None"
            assert answer.cookies["sid"].value == sid  # set anew as it was, and not deleted
            session = SessionStore(sid)
            session["basket"] = [1]
            with pytest.raises(BackendError, match="could not be read"):
                session.save()
        finally:
            server.resume()
        OPENED.close()
        assert SessionStore(sid)["user"] == 7
    OPENED.close()


@pytest.mark.parametrize(
    ("setting", "cache", "place"),
    [
        (None, {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}, None),
        (None, {"BACKEND": OURS}, None),
        (None, {"BACKEND": OURS, "LOCATION": "memory://"}, None),
        (None, {"BACKEND": OURS, "LOCATION": "sqlite:////a/cache"}, "sqlite:////a/cache.sessions"),
        (None, {"BACKEND": OURS, "LOCATION": "redis://a", "OPTIONS": {"db": 2}}, "redis://a?db=2"),
        ("redis://b", {"BACKEND": OURS, "LOCATION": "redis://a"}, "redis://b"),
        ("memory://", {"BACKEND": OURS}, "memory://"),
    ],
)
def test_where_the_sessions_are(setting, cache, place):
    with override_settings(CACHES={"default": cache}, AFRESH={"SESSIONS": setting}):
        assert place_of_sessions() == place


@pytest.mark.parametrize("where", ["a:11211", "memcached://a", "null://"])
def test_a_place_that_forgets_is_refused(where):
    with (
        override_settings(CACHES=caches(where)),
        pytest.raises(ConfigurationError, match=r'AFRESH = \{"SESSIONS": "redis://'),
    ):
        SessionStore(uuid.uuid4().hex)
