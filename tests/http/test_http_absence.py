"""What an earlier middleware puts into the scope for some visitors only is missed by the others: that is read too."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from http_world import ask
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from afresh import Cache
from afresh.http.starlette import CacheMiddleware
from afresh.testing.clock import FakeClock

View = Callable[[Any], object]


@pytest.fixture
def cache():
    with Cache("memory://", clock=FakeClock(1_800_000_000.0)) as opened:
        yield opened


class Tenants:
    """Knows some visitors, and says so in the scope and in its state."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and (name := dict(scope["headers"]).get(b"x-user")) is not None:
            scope["tenant"] = scope["user"] = scope["session"] = name.decode()
            scope.setdefault("state", {})["user"] = name.decode()
        await self.app(scope, receive, send)


def built(cache, view: View, *, kept: bool = True):
    ran: list[int] = []

    def counted(request):
        ran.append(1)
        return PlainTextResponse(str(view(request)))

    inner = [Middleware(CacheMiddleware, cache=cache)] if kept else []
    return Starlette(routes=[Route("/", counted)], middleware=[Middleware(Tenants), *inner]), ran


def answers(app, visitors):
    async def all_of_them():
        return [await ask(app, **each) for each in visitors]

    return asyncio.run(all_of_them())


def missing(read: Callable[[], object]) -> object:
    try:
        return read()
    except KeyError:
        return "missing"


LOOKS: dict[str, View] = {
    "an attribute": lambda request: getattr(request.state, "user", None),
    "whether there is one": lambda request: hasattr(request.state, "user"),
    "of a state": lambda request: request.scope.setdefault("state", {}).get("user"),
    "in a state": lambda request: "user" in request.scope.setdefault("state", {}),
    "a state's copy": lambda request: dict(request.scope.setdefault("state", {})).get("user"),
    "a state's names": lambda request: [*request.scope.setdefault("state", {}).keys()],
    "a state's length": lambda request: len(request.scope.setdefault("state", {})),
    "a state or none": lambda request: bool(request.scope.get("state")),
    "of the scope": lambda request: request.scope.get("tenant"),
    "in the scope": lambda request: "tenant" in request.scope,
    "of the request": lambda request: missing(lambda: request["tenant"]),
    "a user": lambda request: "user" in request.scope,
    "a session": lambda request: "session" in request.scope,
    "the scope's copy": lambda request: {**request.scope}.get("tenant"),
    "the scope's names": lambda request: "tenant" in request.scope.keys(),  # noqa: SIM118
    "the scope's length": lambda request: len(request.scope) > 0 and "tenant" in [*request.scope],
    "what goes": lambda request: request.scope.pop("tenant", None),
    "what is put where nothing is": lambda request: request.scope.setdefault("tenant", "nobody"),
}
OF_NAMES_ALONE = {"a state's length", "a state or none"}
ANN, BOB = {"x_user": "ann"}, {"x_user": "bob"}
ORDERS = {"nobody first": [{}, ANN, BOB, {}, ANN, BOB], "somebody first": [ANN, {}, BOB, ANN, {}, BOB]}


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("look", LOOKS)
def test_who_has_nothing_is_told_from_who_has(cache, look, order):
    app, ran = built(cache, LOOKS[look])
    oracle, _ = built(cache, LOOKS[look], kept=False)
    expected = [each.text for each in answers(oracle, ORDERS[order])]
    got = answers(app, ORDERS[order])
    assert [each.text for each in got] == expected
    assert len(ran) == (2 if look in OF_NAMES_ALONE else 3), "each had a page of his own, which was kept"
    assert all("private" in (each.get("cache-control") or "") for each in got)


def test_nothing_is_no_value_that_something_has(cache):
    app, ran = built(cache, lambda request: repr(request.scope.get("tenant", "none")))
    assert [each.text for each in answers(app, [{}, {"x_user": "none"}, {"x_user": ""}, {}])] == [
        "'none'", "'none'", "''", "'none'"
    ]  # fmt: skip
    assert len(ran) == 3


def test_what_the_application_keeps_for_itself_is_shared(cache):
    def view(request):
        if getattr(request.state, "answer", None) is None:
            request.state.answer = object()
        if "mine" not in request.scope:
            request.scope["mine"] = object()
        return type(request.state.answer).__name__ + type(request.scope["mine"]).__name__

    app, ran = built(cache, view)
    assert [each.text for each in answers(app, [{}, ANN, {}])] == ["objectobject"] * 3
    assert len(ran) == 1, "it read that there was nothing, whatever it has put there since"


def test_what_was_read_is_what_it_was_before_it_was_changed(cache):
    def view(request):
        found = getattr(request.state, "user", "nobody")
        request.state.user = "bob"
        return found

    app, ran = built(cache, view)
    assert [each.text for each in answers(app, [ANN, BOB, {}, ANN])] == ["ann", "bob", "nobody", "ann"]
    assert len(ran) == 3


def test_what_the_framework_looks_for_is_no_read(cache):
    app, ran = built(
        cache, lambda request: [bool(request), request.method, request.url.path, request.base_url.path]
    )
    got = answers(app, [{}, ANN])
    assert (len(ran), got[1].get("cache-control"), got[1].get("vary")) == (1, None, None)


def test_a_state_that_is_no_dictionary_is_left_as_it_is(cache):
    class Odd(Tenants):
        async def __call__(self, scope, receive, send):
            scope["state"] = dict(scope["headers"]).get(b"x-user", b"nobody").decode()
            await self.app(scope, receive, send)

    ran: list[int] = []

    def view(request):
        ran.append(1)
        return PlainTextResponse(str(request.scope["state"]))

    inner = Middleware(CacheMiddleware, cache=cache)
    app = Starlette(routes=[Route("/", view)], middleware=[Middleware(Odd), inner])
    assert [each.text for each in answers(app, [{}, ANN, {}, ANN])] == ["nobody", "ann"] * 2
    assert len(ran) == 2
