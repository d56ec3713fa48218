"""`RouteCache` of Litestar: what handlers return is kept, and Litestar sees the same function."""

import asyncio
import json
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
import pytest
from http_world import ask
from litestar import Controller, Litestar, Request, Response, get, post
from litestar.datastructures import State
from litestar.di import NamedDependency, Provide
from litestar.dto import DataclassDTO, DTOConfig
from litestar.exceptions import NotAuthorizedException, NotFoundException
from litestar.params import CookieParameter, FromPath, FromQuery, HeaderParameter, JSONBody
from litestar.response import Redirect
from pydantic import BaseModel

from afresh import Cache, tag
from afresh.errors import ConfigurationError, UncacheableValue, UnkeyableArgument
from afresh.litestar import RouteCache
from afresh.testing.clock import FakeClock

runs: list[Any] = []


class Session:
    """Stands for what ends with the request."""

    def close(self):
        pass


@dataclass
class Dish:
    name: str


class Struct(msgspec.Struct):
    name: str


class Model(BaseModel):
    name: str


@pytest.fixture
def clock():
    return FakeClock(1_800_000_000.0)


@pytest.fixture(params=["memory", "file"])
def cache(clock, request, tmp_path):
    runs.clear()
    url = "memory://" if request.param == "memory" else f"sqlite:///{tmp_path / 'cache.sqlite3'}"
    with Cache(url, clock=clock, l1="1MB" if request.param == "memory" else None) as opened:
        yield opened


@pytest.fixture
def cached(cache):
    return RouteCache(cache, ignore=[Session], ttl="5m")


async def who(request: Request[Any, Any, State]) -> str:
    name = request.headers.get("x-user", "nobody")
    if name == "mallory":
        raise NotAuthorizedException
    return name


def built(*handlers):
    given = {"session": Provide(Session, sync_to_thread=False), "who": Provide(who)}
    return Litestar(list(handlers), dependencies=given)


def answers(app, *asked):
    async def all_of_them():
        return [(await ask(app, **each)).text for each in asked]

    return asyncio.run(all_of_them())


def described(app):
    return json.dumps(app.openapi_schema.to_schema(), sort_keys=True)


ASKED: list[dict[str, Any]] = [
    {"path": "/1", "query": "limit=4"},
    {"path": "/1"},
    {"path": "/2"},
    {"path": "/1", "x_user": "ann"},
    {"path": "/1", "x_flag": "up"},
    {"path": "/1", "cookie": "theme=dark; other=1"},
]


@pytest.mark.parametrize(("kind", "how"), [(Dish, "async"), (Struct, "thread"), (Model, "loop")])
def test_a_result_is_made_once_for_each_who_is_told_apart(cached, kind, how):
    def made(
        id: FromPath[int],
        session: NamedDependency[Session],
        who: NamedDependency[str],
        limit: FromQuery[int] = 3,
        flag: Annotated[str, HeaderParameter(name="x-flag")] = "none",
        theme: Annotated[str, CookieParameter(name="theme")] = "none",
    ) -> kind:
        runs.append(type(session))
        return kind(name=f"{id} {who} {limit} {flag} {theme}")

    async def made_later(
        id: FromPath[int],
        session: NamedDependency[Session],
        who: NamedDependency[str],
        limit: FromQuery[int] = 3,
        flag: Annotated[str, HeaderParameter(name="x-flag")] = "none",
        theme: Annotated[str, CookieParameter(name="theme")] = "none",
    ) -> kind:
        return made(id, session, who, limit, flag, theme)

    options: Any = {} if how == "async" else {"sync_to_thread": how == "thread"}
    plain = made_later if how == "async" else made
    handler = get("/{id:int}", operation_id="dish", **options)(cached(prefix="dish")(plain))
    app, oracle = built(handler), built(get("/{id:int}", operation_id="dish", **options)(plain))
    expected = answers(oracle, *ASKED)
    assert len(set(expected)) == len(ASKED)
    runs.clear()
    assert answers(app, *ASKED, *ASKED, {"path": "/1", "cookie": "other=2"}) == [*expected * 2, expected[1]]
    assert runs == [Session] * len(ASKED)
    assert "Unauthorized" in answers(app, {"path": "/1", "x_user": "mallory"})[0]
    assert '"status_code":40' in answers(app, {"path": "/1", "query": "limit=many"})[0]
    assert described(app) == described(oracle)


def test_it_is_dropped_by_what_it_was_made_from(cache, cached):
    rows = {1: "tea", 2: "stew"}

    @get("/{id:int}")
    @cached(tags=lambda id: [tag("dish", id)], prefix="dish")
    async def dish(id: FromPath[int], session: NamedDependency[Session]) -> Dish:
        cache.depends_on(tag("row", id))
        runs.append(id)
        return Dish(rows[id])

    app = built(dish)
    asked = [{"path": "/1"}, {"path": "/2"}]
    assert answers(app, *asked, *asked) == ['{"name":"tea"}', '{"name":"stew"}'] * 2
    face: Any = dish.fn
    rows[1] = "cake"
    for change in (lambda: cache.aio.invalidate(tag("row", 1)), lambda: face.invalidate(id=1)):
        asyncio.run(change())
        assert answers(app, *asked) == ['{"name":"cake"}', '{"name":"stew"}']
    assert runs == [1, 2, 1, 1]
    assert asyncio.run(face.peek(1)) == Dish("cake")
    assert asyncio.run(face.refresh(2)) == Dish("stew")
    assert face.key(1) == face.key(id=1, session=Session())
    asyncio.run(face.invalidate_all())
    assert asyncio.run(face.peek(id=1)) is None


def test_controllers_answer_each_for_itself(cached):
    class Dishes(Controller):
        word = "dish"

        @get("/{id:int}")
        @cached
        async def one(self, id: FromPath[int], session: NamedDependency[Session]) -> dict[str, str]:
            runs.append((self.word, id))
            return {"is": f"{self.word} {id}"}

        @get("/all", sync_to_thread=False)
        @cached(key=lambda limit: limit)
        def all(self, session: NamedDependency[Session], limit: FromQuery[int] = 3) -> list[str]:
            runs.append((self.word, limit))
            return [self.word] * limit

    class Drinks(Dishes):
        word = "drink"

    Dishes.path, Drinks.path = "/dishes", "/drinks"
    app = built(Dishes, Drinks)
    asked = [{"path": f"/{kind}/{which}"} for kind in ("dishes", "drinks") for which in ("1", "2", "all")]
    expected = [f'{{"is":"{kind} {n}"}}' if n else json.dumps([kind] * 3, separators=(",", ":"))
                for kind in ("dish", "drink") for n in (1, 2, 0)]  # fmt: skip
    assert answers(app, *asked, *asked) == expected * 2
    assert len(runs) == 6


def test_what_litestar_does_to_a_result_is_done_to_hits(cached):
    class Shown(DataclassDTO[Dish]):
        config = DTOConfig(rename_strategy="upper")

    def after(response: Response[Any]) -> Response[Any]:
        response.headers["x-after"] = "yes"
        return response

    @get("/", return_dto=Shown, after_request=after, status_code=203, response_headers={"x-shop": "open"})
    @cached
    async def dish() -> Dish:
        runs.append(1)
        return Dish("tea")

    app = built(dish)
    for _ in range(2):
        got = asyncio.run(ask(app))
        assert (got.status, got.text, got.get("x-after"), got.get("x-shop")) == (
            203,
            '{"NAME":"tea"}',
            "yes",
            "open",
        )
    assert runs == [1]


def test_a_body_is_in_the_key(cached):
    @post("/")
    @cached
    async def search(data: JSONBody[Dish]) -> list[Dish]:
        runs.append(data.name)
        return [data]

    app = built(search)
    for _ in range(2):
        for name in ("tea", "stew"):
            content = json.dumps({"name": name}).encode()
            asked = {"method": "POST", "content": content, "content_type": "application/json"}
            assert answers(app, asked) == [f'[{{"name":"{name}"}}]']
    assert runs == ["tea", "stew"]


def test_a_response_is_kept_for_nobody(cached):
    @get("/")
    @cached
    async def view(who: NamedDependency[str]) -> Any:
        runs.append(who)
        made = Response(f"hello {len(runs)}")
        made.set_cookie("seen", str(len(runs)))
        return made

    async def story():
        app = built(view)
        both = await asyncio.gather(ask(app), ask(app))
        return [*both, await ask(app)]

    found = asyncio.run(story())
    assert sorted(each.get("set-cookie")[:6] for each in found) == ["seen=1", "seen=2", "seen=3"]


def test_only_a_failure_is_covered_by_an_old_result(cached, clock):
    state = {"error": None}

    @get("/")
    @cached(stale_if_error="1h", prefix="view")
    async def view() -> str:
        if state["error"] is not None:
            raise state["error"]
        return "fine"

    app = built(view)
    assert answers(app, {}) == ["fine"]
    clock.advance(400)
    state["error"] = RuntimeError("the database is away")
    assert answers(app, {}) == ["fine"]
    state["error"] = NotFoundException("no such dish")
    assert ["no such dish" in each for each in answers(app, {}, {})] == [True, True]


class Row:
    """What an ORM's row looks like."""

    _sa_instance_state = object()


def test_rows_of_a_session_are_refused_with_advice(cached):
    @cached
    async def rows() -> list[Any]:
        return [Row()]

    with pytest.raises(UncacheableValue, match="dataclass or a Struct"):
        asyncio.run(rows())


def test_what_cannot_be_right_is_refused_with_advice(cache, cached):
    async def whole(request: Request[Any, Any, State]) -> str:
        return "x"

    async def asks(session: NamedDependency[Session]) -> str:
        return "x"

    async def keeps(state: State) -> str:
        return "x"

    async def redirects() -> Redirect:
        return Redirect("/")

    async def streams():
        yield "x"

    for function, options, advice in (
        (whole, {}, r"ignore=\['request'\]"),
        (keeps, {}, r"ignore=\['state'\]"),
        (redirects, {}, "return the data"),
        (streams, {}, "return a list"),
        (asks, {"stale_while_revalidate": "1m"}, "'session' of .*asks is closed"),
        (asks, {"agee": 3}, "'agee' is not"),
        (asks, {"ignore": ["sesion"]}, "no such parameter"),
        (asks, {"ignore": [3]}, "names of parameters, and types"),
        (asks, {"key": lambda name: name}, r"takes 'name', which is no parameter of .*asks\(session"),
        (get("/")(whole), {}, "below @get"),
    ):
        with pytest.raises(ConfigurationError, match=advice):
            cached(**options)(function)
    with pytest.raises(ConfigurationError, match="give types here"):
        RouteCache(cache, ignore=["session"])  # type: ignore[list-item]
    cached(ignore=["request"])(whole)
    cached(key=lambda request: request.url.path, prefix="other")(whole)
    with pytest.raises(UnkeyableArgument, match="Session"):
        asyncio.run(RouteCache(cache)(asks)(session=Session()))


def test_an_annotation_that_cannot_be_looked_up(cached):
    async def view(id: "Nowhere") -> str:  # type: ignore[name-defined]  # noqa: F821
        return "x"

    with pytest.raises(ConfigurationError, match="Nowhere"):
        cached(view)
