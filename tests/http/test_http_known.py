"""What a request has for what was read of its scope: told apart from each other, and as it was when it was read."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from http_world import ask
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from afresh import Cache
from afresh.http.requests.known import Known
from afresh.http.starlette import CacheMiddleware
from afresh.testing.clock import FakeClock

SHARED: dict[str, Any] = {"pool": object()}


class Person:
    def __init__(self, name: str) -> None:
        self.name = name


def known(scope: dict[str, Any]) -> Known:
    return Known(scope, [SHARED], frozenset(["app"]), frozenset(["own"]))


DIFFERENT: dict[str, list[dict[str, Any]]] = {
    "scope:tenant": [{}, {"tenant": None}, {"tenant": ""}, {"tenant": "a"}, {"tenant": []}],
    "state:tenant": [{"state": each} for each in ({}, {"tenant": None}, {"tenant": ""}, {"tenant": []})],
    "user": [
        {},
        {"user": None},
        {"auth": None},
        {"user": Person("ann")},
        {"user": Person("bob")},
        {"user": Person("bob"), "auth": ["staff"]},
    ],
    "session": [{}, {"session": None}, {"session": {}}, {"session": {"a": 1}}, {"session": "a"}],
    "scope names": [{}, {"tenant": 1}, {"tenant": 1, "user": 1}],
    "state names": [{"state": each} for each in ({}, {"a": 1}, {"b": 1}, {"a": 1, "b": 1})],
}


@pytest.mark.parametrize("name", DIFFERENT)
def test_what_differs_is_told_apart_and_absence_is_a_value(name: str) -> None:
    spelled = [known(scope)(name) for scope in DIFFERENT[name]]
    assert None not in spelled
    assert len(set(spelled)) == len(spelled)


def test_a_scope_without_a_state_has_nothing_in_it() -> None:
    assert known({})("state:a") == known({"state": {}})("state:a")


def test_names_that_are_no_part_of_a_key() -> None:
    assert known({"app": 1})("scope names") == known({})("scope names")
    assert known({"state": {"own": 1}})("state names") == known({"state": {}})("state names")


def test_what_the_application_has_from_its_start_is_the_same_for_all() -> None:
    there, other = known({"state": dict(SHARED)}), known({"state": {"pool": object()}})
    assert (there("state:pool"), other("state:pool")) == ("shared", None)
    assert known({})("state:pool") not in {"shared", None}


def test_what_is_changed_after_it_was_read() -> None:
    scope: dict[str, Any] = {"user": Person("ann"), "basket": ["hammer"], "theme": "dark"}
    found = known(scope)
    for name in ("user", "scope:basket", "scope:theme"):
        found.read(name)
    assert found.changed == []
    scope["basket"].clear()
    found.read("scope:basket")
    scope["user"].name = "bob"
    assert found.changed == ["user", "scope:basket"]


class Flashes:
    """Gives each visitor what he was to be told, in a list."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            told = dict(scope["headers"]).get(b"x-told")
            scope.setdefault("state", {})["told"] = [told.decode()] if told else []
        await self.app(scope, receive, send)


def test_who_empties_what_he_read_leaves_his_page_to_nobody() -> None:
    def view(request: Any) -> PlainTextResponse:
        told = ", ".join(request.state.told)
        request.state.told.clear()
        return PlainTextResponse(told)

    async def visits() -> list[str]:
        return [(await ask(app, **each)).text for each in ({"x_told": "paid by ann"}, {}, {"x_told": "b"})]

    with Cache("memory://", clock=FakeClock(1_800_000_000.0)) as cache:
        middleware = [Middleware(Flashes), Middleware(CacheMiddleware, cache=cache)]
        app = Starlette(routes=[Route("/", view)], middleware=middleware)
        assert asyncio.run(visits()) == ["paid by ann", "", "b"]
