"""Handlers of Litestar under `Cache.cached`: Litestar sees the same function."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any

import pytest
from http_world import ask
from litestar import Litestar, Request, get
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath, FromQuery

from afresh import Cache, UnkeyableArgument, tag

runs: list[Any] = []


@dataclass
class Dish:
    name: str


class Session:
    """Stands for what ends with the request."""


async def who(request: Request[Any, Any, Any]) -> str:
    return request.headers.get("x-user", "nobody")


async def dish(
    id: FromPath[int], session: NamedDependency[Session], who: NamedDependency[str], limit: FromQuery[int] = 3
) -> Dish:
    runs.append(id)
    return Dish(f"{id} {who} {limit}")


def dish_sync(
    id: FromPath[int], session: NamedDependency[Session], who: NamedDependency[str], limit: FromQuery[int] = 3
) -> Dish:
    runs.append(id)
    return Dish(f"{id} {who} {limit}")


def built(handler, *, is_async):
    options: Any = {} if is_async else {"sync_to_thread": True}
    given = {"session": Provide(Session, sync_to_thread=False), "who": Provide(who)}
    return Litestar([get("/{id:int}", operation_id="dish", **options)(handler)], dependencies=given)


def answers(app, *asked):
    async def all_of_them():
        return [(await ask(app, **each)).text for each in asked]

    return asyncio.run(all_of_them())


@pytest.mark.parametrize("is_async", [True, False])
def test_a_result_is_made_once_for_each_who_is_told_apart(is_async):
    runs.clear()
    with Cache("memory://") as cache:
        plain = dish if is_async else dish_sync
        cached = cache.cached(ttl="5m", ignore=["session"], tags=lambda id: [tag("dish", id)])(plain)
        app, oracle = built(cached, is_async=is_async), built(plain, is_async=is_async)
        asked = [{"path": "/1", "query": "limit=4"}, {"path": "/1"}, {"path": "/1", "x_user": "ann"}]
        expected = answers(oracle, *asked)
        runs.clear()
        assert answers(app, *asked, *asked) == expected * 2
        assert len(runs) == 3
        cache.invalidate(tag("dish", 1))
        answers(app, *asked)
        assert len(runs) == 6
        described = [json.dumps(each.openapi_schema.to_schema(), sort_keys=True) for each in (app, oracle)]
        assert described[0].replace("dish_sync", "dish") == described[1].replace("dish_sync", "dish")


def test_who_takes_the_whole_request_is_refused_by_name():
    with Cache("memory://") as cache:

        @get("/")
        @cache.cached
        async def view(request: Request[Any, Any, Any]) -> str:
            return "x"

        app = Litestar([view], pdb_on_exception=False, debug=False, openapi_config=None)
        answered = answers(app, {})
        assert "500" in answered[0]
        with pytest.raises(UnkeyableArgument, match="Request"):
            asyncio.run(view.fn(Request({"type": "http", "state": {}})))
