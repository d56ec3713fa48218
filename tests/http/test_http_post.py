"""What answered a POST may answer a later GET, where it says so (RFC 9110 §9.3.3)."""

from __future__ import annotations

import asyncio

import pytest
from http_world import Application, ask

from afresh import tag
from afresh.http.asgi import CacheMiddleware

HERE = {"cache-control": "max-age=60", "content-location": "/a"}


def run(app, *methods):
    async def all_of_them():
        answers = [await ask(app, "/a", method=each, content=b"x") for each in methods]
        return [f"{each.text}{' hit' * each.hit}" for each in answers]

    return asyncio.run(all_of_them())


def test_a_get_and_a_head_after_it_are_answered_with_it(cache):
    app = CacheMiddleware(Application(**{key.replace("-", "_"): value for key, value in HERE.items()}), cache)
    assert run(app, "GET", "GET", "POST", "GET", "HEAD", "POST", "GET") == [
        "1", "1 hit", "2", "2 hit", " hit", "3", "3 hit",
    ]  # fmt: skip
    assert run(app, "PUT", "GET") == ["4", "5"], "a PUT's answer isn't the page"


@pytest.mark.parametrize(
    "fields",
    [
        {"cache-control": "max-age=60"},
        {"content-location": "/a"},
        HERE | {"content-location": "/b"},
        HERE | {"cache-control": "max-age=60, private"},
        HERE | {"set-cookie": "id=1"},
    ],
)
def test_what_does_not_say_so_is_kept_for_nobody(cache, fields):
    app = CacheMiddleware(Application(lambda _, calls: (200, fields, [b"%d" % calls])), cache)
    assert run(app, "POST", "GET")[-1] == "2"


def test_what_its_view_changes_and_reads_again_is_not_kept(cache):
    """It may have read it before it changed it."""

    def view(scope, calls):
        cache.depends_on(tag("row"))
        if scope["method"] == "POST":
            cache.invalidate(tag("row"))
        return 200, HERE, [b"%d" % calls]

    app = CacheMiddleware(Application(view), cache)
    assert run(app, "POST", "GET", "GET") == ["1", "2", "2 hit"]


def test_of_two_at_once_neither_is_kept_that_the_other_may_have_changed(cache):
    """The first to begin ends last: what it answers may be older than what the other has done."""

    async def both():
        begun, go = asyncio.Event(), asyncio.Event()

        async def view(scope, calls):
            if calls == 1:
                begun.set()
                await go.wait()
            return 200, HERE, [b"%d" % calls]

        app = CacheMiddleware(Application(view), cache)
        first = asyncio.create_task(ask(app, "/a", method="POST"))
        await begun.wait()
        second = await ask(app, "/a", method="POST")
        between = await ask(app, "/a")
        go.set()
        return (await first).text, second.text, between, await ask(app, "/a")

    first, second, between, after = asyncio.run(both())
    assert (first, second, between.text, between.hit) == ("1", "2", "2", True)
    assert (after.text, after.hit) == ("3", False)
