"""A WSGI application's answers, for caches in front: what its head says, and what is announced at its end."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from edge_shop import wsgi_running
from edges import nginx
from origin import ask

from afresh import Cache, tag
from afresh.core.tags import hashed
from afresh.edge.follow import Follower
from afresh.edge.keys import Keys, page_tag
from afresh.edge.wsgi import OutwardMiddleware
from afresh.testing.servers.process import wait_until
from afresh.wsgi import CacheMiddleware

URL = "http://shop.example/p?a=b"
FIELDS = [("Cache-Control", "max-age=60"), ("X-Own", "ä")]
ENVIRON = {
    "REQUEST_METHOD": "GET", "wsgi.url_scheme": "http", "HTTP_HOST": "shop.example", "PATH_INFO": "/p",
    "SCRIPT_NAME": "", "QUERY_STRING": "a=b", "RAW_URI": "/p?a=b",
}  # fmt: skip


class Asked:
    """One request, answered piece by piece."""

    def __init__(self, app: Any, **more: str) -> None:
        self.heads: list[tuple[Any, ...]] = []
        self.written: list[bytes] = []
        self.answer = app({**ENVIRON, **more}, self._start)
        self.pieces = iter(self.answer)

    def _start(self, line: str, fields: Any, exc_info: Any = None) -> Callable[[bytes], object]:
        if exc_info is not None and self.heads:
            raise exc_info[1]
        self.heads.append((line, dict(fields)))
        return self.written.append

    def close(self) -> None:
        getattr(self.answer, "close", lambda: None)()


def marked_since(cache: Cache, since: int) -> Any:
    return cache._engine.ledger.marks(since)[1]  # type: ignore[attr-defined]


def test_the_head_names_what_was_read_before_it() -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        cache.depends_on(tag("row"))
        start_response("200 OK", FIELDS)
        return [b"page"]

    with Cache("memory://") as cache:
        asked = Asked(OutwardMiddleware(app, cache))
        assert list(asked.pieces) == [b"page"]
        asked.close()
        ((line, fields),) = asked.heads
    assert (line, fields["Cache-Control"], fields["X-Own"]) == ("200 OK", "max-age=60", "ä")
    names = set(fields["surrogate-key"].split())
    assert Keys().purged([hashed(next(tag("row").marked()))]) & names
    assert Keys().purged([page_tag(URL)]) & names


def test_what_changes_before_the_head_is_kept_by_nobody() -> None:
    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", FIELDS)
        cache.depends_on(tag("row"))
        cache.invalidate(tag("row"))
        yield b"page"

    with Cache("memory://") as cache:
        asked = Asked(OutwardMiddleware(app, cache))
        assert list(asked.pieces) == [b"page"]
        asked.close()
    assert asked.heads[0][1]["x-afresh-changed"] == "1"


@pytest.mark.parametrize("late", ["changed", "read", "nothing"])
def test_what_changes_after_the_head_has_the_page_purged_before_its_last_piece(late: str) -> None:
    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        cache.depends_on(tag("row"))
        start_response("200 OK", FIELDS)
        yield b"a"
        if late == "changed":
            cache.invalidate(tag("row"))
        if late == "read":
            cache.depends_on(tag("other"))
        yield b"b"

    with Cache("memory://") as cache:
        since = cache._engine.ledger.position()
        asked = Asked(OutwardMiddleware(app, cache))
        assert next(asked.pieces) == b"a"
        assert next(asked.pieces) == b"b"
        assert (page_tag(URL) in (marked_since(cache, since) or ())) is (late != "nothing")
        assert list(asked.pieces) == []
        asked.close()


def test_what_nobody_keeps_is_sent_as_it_comes() -> None:
    sent: list[bytes] = []

    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [("Cache-Control", "private")])
        for piece in (b"a", b"", b"b"):
            sent.append(piece)
            yield piece

    with Cache("memory://") as cache:
        asked = Asked(OutwardMiddleware(app, cache))
        assert next(asked.pieces) == b"a"
        assert sent == [b"a"]
        assert list(asked.pieces) == [b"b"]
        asked.close()


def test_an_application_that_fails_is_closed_and_its_error_passes() -> None:
    closed = []

    class Broken:
        def __iter__(self) -> Iterator[bytes]:
            return self

        def __next__(self) -> bytes:
            raise ValueError("broken")

        def close(self) -> None:
            closed.append(1)

    with Cache("memory://") as cache:
        with pytest.raises(ValueError, match="broken"):
            Asked(OutwardMiddleware(lambda environ, start: Broken(), cache))
        assert closed == [1]
        with cache.scope() as scope:
            assert not scope.dependencies


def test_an_error_page_that_comes_late_replaces_the_head_or_is_raised() -> None:
    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", FIELDS)
        if environ["QUERY_STRING"] == "late":
            yield b"a"
        try:
            raise ValueError("broken")
        except ValueError:
            start_response("500 Error", [], sys.exc_info())
        yield b"sorry"

    with Cache("memory://") as cache:
        asked = Asked(OutwardMiddleware(app, cache))
        assert (list(asked.pieces), asked.heads[0][0]) == ([b"sorry"], "500 Error")
        asked.close()
        late = Asked(OutwardMiddleware(app, cache), QUERY_STRING="late")
        with pytest.raises(ValueError, match="broken"):
            list(late.pieces)
        late.close()


def test_what_is_written_the_old_way_follows_the_head() -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", FIELDS)(b"early")
        return []

    with Cache("memory://") as cache:
        asked = Asked(OutwardMiddleware(app, cache))
        assert list(asked.pieces) == []
        asked.close()
    assert asked.written == [b"early"]
    assert "surrogate-key" in asked.heads[0][1]


def test_other_methods_pass() -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", FIELDS)
        return [b"done"]

    with Cache("memory://") as cache:
        assert Asked(OutwardMiddleware(app, cache), REQUEST_METHOD="POST").heads == [("200 OK", dict(FIELDS))]


@pytest.mark.servers
def test_an_edge_keeps_its_pages_until_they_change(tmp_path: Path) -> None:
    runs = 0

    def app(environ: Any, start_response: Any) -> list[bytes]:
        nonlocal runs
        runs += 1
        cache.depends_on(tag("row"))
        start_response("200 OK", FIELDS[:1])
        return [b"%d" % runs]

    with (
        Cache(f"sqlite:///{tmp_path}/cache") as cache,
        wsgi_running(CacheMiddleware(OutwardMiddleware(app, cache), cache)) as behind,
        nginx(tmp_path, behind) as front,
        Follower(cache, [front.edge], folder=tmp_path / "edges") as follower,
    ):
        front.edge.repeats = ()
        assert follower.settled(10)
        for run in (b"1", b"2"):
            wait_until(lambda: "hit" in ask(front.port, "/").fields["cache-status"], "a hit")
            assert ask(front.port, "/").body == run
            cache.invalidate(tag("row"))
            assert follower.settled(10)
        assert ask(front.port, "/").body == b"3"
