"""What an answer says to the caches in front: how long, by which names, and nothing where nobody may keep it."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from afresh import Cache, ConfigurationError, tag
from afresh.core.tags import hashed
from afresh.edge.asgi import OutwardMiddleware, outward
from afresh.edge.keys import Keys, page_tag
from afresh.edge.outward import Outward
from afresh.engine.asking.tracker import asking
from afresh.testing.clock import FakeClock

URL = "http://shop.example/p?a=b"
SCOPE = {
    "type": "http", "method": "GET", "scheme": "http", "path": "/p", "raw_path": b"/p", "query_string": b"a=b",
    "headers": [(b"host", b"shop.example")],
}  # fmt: skip


@pytest.mark.parametrize(
    ("status", "fields", "seconds"),
    [
        (200, [(b"Cache-Control", b"max-age=60")], 60),
        (200, [(b"cache-control", b"max-age=0, s-maxage=60")], 60),
        (200, [(b"cache-control", b'max-age="60"')], 60),
        (200, [(b"cache-control", b"s-maxage=999999999")], 86_400),
        (200, [(b"cache-control", b"max-age=60"), (b"Age", b"20")], 40),
        (200, [(b"cache-control", b"max-age=60"), (b"age", b"100")], 0),
        (404, [(b"cache-control", b"max-age=60")], 60),
        (200, [], 0),
        (200, [(b"cache-control", b"public")], 0),
        (200, [(b"cache-control", b"x-max-age=60")], 0),
        (200, [(b"cache-control", b"max-age=60, private")], 0),
        (200, [(b"cache-control", b"max-age=60"), (b"cache-control", b"No-Store")], 0),
        (200, [(b"cache-control", b'max-age=60, private="x"')], 0),
        (200, [(b"cache-control", b"max-age=60"), (b"Set-Cookie", b"a=b")], 0),
        (200, [(b"cache-control", b"max-age=60"), (b"vary", b"Cookie, *")], 0),
        (206, [(b"cache-control", b"max-age=60")], 0),
        (200, [(b"cache-control", b"max-age=0"), (b"CDN-Cache-Control", b"max-age=60")], 60),
        (200, [(b"cache-control", b"max-age=60"), (b"CDN-Cache-Control", b"no-store")], 0),
        (500, [(b"cache-control", b"max-age=60")], 0),
        (400, [(b"cache-control", b"max-age=60")], 0),
        (400, [(b"cache-control", b"Public, max-age=60")], 60),
        (403, [(b"cache-control", b"s-maxage=60")], 60),
    ],
)
def test_how_long_an_outer_cache_may_keep_it(
    status: int, fields: list[tuple[bytes, bytes]], seconds: int
) -> None:
    with Cache("memory://") as cache:
        assert Outward(cache).lifetime(status, fields) == seconds


def test_names_stand_wherever_another_cache_could_keep_it() -> None:
    with Cache("memory://") as cache:
        made = Outward(cache, secret=b"s", commas=True)
        kept = dict(made.fields(URL, 200, [(b"cache-control", b"max-age=60")], [7], 99))
        names = Keys(b"s").carried([7, page_tag(URL)]).encode()
        assert (kept[b"surrogate-key"], kept[b"cache-tag"]) == (names, names.replace(b" ", b","))
        assert kept[b"x-afresh-stamp"] == b"99"
        assert 55 < int(kept[b"x-accel-expires"].removeprefix(b"@")) - time.time() <= 60
        unsaid = dict(made.fields(URL, 200, [(b"expires", b"Thu, 26 Nov 2099 00:00:00 GMT")], [7], 99))
        assert (unsaid[b"surrogate-key"], unsaid[b"x-accel-expires"]) == (names, b"0")
        private = dict(
            made.fields(URL, 200, [(b"cache-control", b"private"), (b"surrogate-key", b"own")], [7], 99)
        )
        assert private == {b"cache-control": b"private", b"x-accel-expires": b"0"}


@pytest.mark.parametrize(
    ("given", "varies"),
    [
        ([(b"Content-Encoding", b"br")], [b"Accept-Encoding"]),
        ([(b"content-encoding", b"br"), (b"Vary", b"Cookie")], [b"Cookie", b"Accept-Encoding"]),
        ([(b"content-encoding", b"br"), (b"vary", b"accept-encoding")], [b"accept-encoding"]),
        ([(b"vary", b"Cookie")], [b"Cookie"]),
    ],
)
def test_what_was_compressed_says_on_what_that_depends(
    given: list[tuple[bytes, bytes]], varies: list[bytes]
) -> None:
    with Cache("memory://") as cache:
        fields = [(b"cache-control", b"max-age=60"), *given]
        made = Outward(cache).fields(URL, 200, fields, [7], 99)
    assert [value for name, value in made if name.lower() == b"vary"] == varies


def test_an_answer_that_was_overtaken_is_kept_by_nobody() -> None:
    with Cache("memory://") as cache:
        fields = [
            (b"Cache-Control", b"max-age=60"),
            (b"Expires", b"x"),
            (b"x-accel-expires", b"9"),
            (b"etag", b"e"),
        ]
        changed = dict(Outward(cache).changed(fields))
    assert (
        changed[b"cache-control"]
        == changed[b"cdn-cache-control"]
        == changed[b"surrogate-control"]
        == b"no-store"
    )
    assert (changed[b"x-accel-expires"], changed[b"etag"]) == (b"0", b"e")
    assert not {b"Expires", b"Cache-Control", b"surrogate-key"} & changed.keys()


def answered(app: Any, cache: Cache, scope: dict[str, Any] | None = None) -> list[Any]:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(OutwardMiddleware(app, cache)(dict(scope or SCOPE), None, send))  # type: ignore[arg-type]
    return sent


def site(*, before: Any = None, between: Any = None) -> Any:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if before is not None:
            before()
        fields = [(b"cache-control", b"max-age=60")]
        await send({"type": "http.response.start", "status": 200, "headers": fields})
        if between is not None:
            await send({"type": "http.response.body", "body": b"a", "more_body": True})
            between()
        await send({"type": "http.response.body", "body": b"b"})

    return app


@pytest.mark.parametrize(
    ("said", "becomes"),
    [
        (b"max-age=5", b"max-age=5"),
        (b"max-age=60", b"max-age=60, s-maxage=20"),
        (b"s-maxage=60", b"s-maxage=20"),
        (b"public, s-maxage=600, max-age=0", b"public, max-age=0, s-maxage=20"),
        (b'stale-while-revalidate=9, max-age="600", stale-if-error=5', b'max-age="600", s-maxage=20'),
        (b"private, max-age=60", b"private, max-age=60"),
    ],
)
def test_nothing_is_kept_for_longer_than_what_it_was_made_from(said: bytes, becomes: bytes) -> None:
    with Cache("memory://", clock=FakeClock(1000.0)) as cache:
        made = dict(Outward(cache).fields(URL, 200, [(b"cache-control", said)], [7], 99, 1020.0))
    assert made[b"cache-control"] == becomes


def test_what_a_page_is_made_from_bounds_its_life_at_edges() -> None:
    with Cache("memory://") as cache:
        view = site(before=lambda: cache.get_or_load("part", lambda: 1, ttl=30))
        control = dict(answered(view, cache)[0]["headers"])[b"cache-control"]
    assert control in {b"max-age=60, s-maxage=30", b"max-age=60, s-maxage=29"}


def test_what_turns_out_to_be_nobodys_is_purged_before_its_last_byte() -> None:
    with Cache("memory://") as cache:
        since = cache._engine.ledger.position()
        answered(site(between=lambda: asking().refuse("it asks chance")), cache)  # type: ignore[union-attr]
        assert page_tag(URL) in cache._engine.ledger.marks(since)[1]  # type: ignore[attr-defined]


def test_the_head_names_what_was_read() -> None:
    with Cache("memory://") as cache:
        sent = answered(site(before=lambda: cache.depends_on(tag("row"))), cache)
        names = dict(sent[0]["headers"])[b"surrogate-key"].split()
    assert Keys().purged([hashed(next(tag("row").marked()))]) & {name.decode() for name in names}
    assert Keys().purged([page_tag(URL)]) & {name.decode() for name in names}


def test_what_changes_before_the_head_is_sent_is_kept_by_nobody() -> None:
    with Cache("memory://") as cache:

        def changing() -> None:
            cache.depends_on(tag("row"))
            cache.invalidate(tag("row"))

        assert (b"x-afresh-changed", b"1") in answered(site(before=changing), cache)[0]["headers"]


@pytest.mark.parametrize("late", ["changed", "read"])
def test_what_changes_or_is_read_after_the_head_has_the_page_purged_before_its_last_byte(late: str) -> None:
    with Cache("memory://") as cache:
        ledger = cache._engine.ledger

        def later() -> None:
            if late == "changed":
                cache.invalidate(tag("row"))
            else:
                cache.depends_on(tag("other"))

        since = ledger.position()
        sent = answered(site(before=lambda: cache.depends_on(tag("row")), between=later), cache)
        assert len(sent) == 3
        assert page_tag(URL) in ledger.marks(since)[1]  # type: ignore[attr-defined]


def test_what_stays_as_it_was_announces_nothing() -> None:
    with Cache("memory://") as cache:
        since = cache._engine.ledger.position()
        answered(site(before=lambda: cache.depends_on(tag("row")), between=lambda: None), cache)
        assert cache._engine.ledger.position() == since


def test_other_methods_and_protocols_pass() -> None:
    with Cache("memory://") as cache:
        sent = answered(site(), cache, {**SCOPE, "method": "POST"})
        assert sent[0]["headers"] == [(b"cache-control", b"max-age=60")]


def test_settings_that_make_no_sense_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with Cache("memory://") as cache:
        with pytest.raises(ConfigurationError, match="limit"):
            Outward(cache, limit=100)
        monkeypatch.setenv("AFRESH_EDGE_SECRET", "x" * 65)
        with pytest.raises(ConfigurationError, match="64 bytes"):
            outward(site(), cache)
