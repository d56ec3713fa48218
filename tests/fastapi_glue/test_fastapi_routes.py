"""`RouteCache`: what path operations return is kept, and FastAPI sees the same function."""

import asyncio
from typing import Annotated, Any

import pytest
from fastapi import BackgroundTasks, Depends, FastAPI, Header, HTTPException, Query, Request, Response
from fastapi.responses import PlainTextResponse
from http_world import ask
from routes_world import Product, Session, SessionDep, described, got, runs

from afresh import Cache, Policy, Pool, UncacheableValue, tag
from afresh.errors import ConfigurationError, UnkeyableArgument
from afresh.fastapi import RouteCache


@pytest.mark.parametrize("is_async", [True, False])
def test_a_result_is_made_once_and_is_what_it_was(app, cached, is_async):
    plain = FastAPI()

    def made(id: int, session: SessionDep, q: Annotated[str, Query()] = "x") -> Product:
        runs.append(type(session))
        return Product(id=id, name=q)

    async def made_later(id: int, session: SessionDep, q: Annotated[str, Query()] = "x") -> Product:
        return made(id, session, q)

    made_later.__name__ = "made"
    view = made_later if is_async else made
    for each, decorated in ((app, cached(prefix="made")(view)), (plain, view)):
        each.get("/{id}", response_model_exclude_unset=True)(decorated)
    runs.clear()
    for _ in range(3):
        assert got(app, "/7").text == '{"id":7,"name":"x"}', "which fields were set is kept"
        assert got(app, "/8", query="q=y").text == '{"id":8,"name":"y"}'
    assert runs == [Session, Session]
    assert got(app, "/seven").status == 422
    assert described(app) == described(plain)


def test_each_visitor_has_a_result_of_his_own(app, cached):
    def user(x_user: Annotated[str | None, Header()] = None) -> dict[str, str] | None:
        if x_user == "out":
            raise HTTPException(401)
        return None if x_user is None else {"name": x_user}

    @app.get("/")
    @cached
    async def hello(user: Annotated[dict[str, str] | None, Depends(user)]) -> str:
        runs.append(user)
        return f"hello {user['name'] if user else 'you'}"

    for _ in range(2):
        for name in ("ann", "bob"):
            assert got(app, x_user=name).text == f'"hello {name}"'
        assert got(app).text == '"hello you"'
        assert got(app, x_user="out").status == 401, "dependencies run for hits, too"
    assert len(runs) == 3


def test_what_has_no_canonical_form_is_refused_by_name(app, cache):
    class Opaque:
        pass

    cached = RouteCache(cache)

    @app.get("/")
    @cached
    async def view(what: Annotated[Opaque, Depends(Opaque)]) -> str:
        return "x"

    with pytest.raises(UnkeyableArgument, match="Opaque"):
        got(app)


def test_it_is_dropped_by_what_it_was_made_from(app, cache, cached):
    rows = {1: "tea"}

    @cache.cached(prefix="name")
    def name(id: int) -> str:
        cache.depends_on(tag("row", id))
        return rows[id]

    @app.get("/{id}")
    @cached(prefix="view", tags=lambda id: [tag("product", id)])
    async def view(id: int, session: SessionDep) -> Product:
        runs.append(id)
        return Product(id=id, name=name(id))

    async def story():
        assert (await ask(app, "/1")).text.startswith('{"id":1,"name":"tea"')
        rows[1] = "cake"
        await cache.aio.invalidate(tag("row", 1))
        assert "cake" in (await ask(app, "/1")).text
        await cache.aio.invalidate(tag("product", 1))
        await ask(app, "/1")
        assert len(runs) == 3
        assert await view.peek(1) == Product(id=1, name="cake")
        await view.invalidate(1)
        assert await view.peek(id=1) is None
        assert (await view.refresh(1)).name == "cake"
        assert await view.uncached(1, None) == Product(id=1, name="cake")
        assert view.key(1) == view.key(id=1, session=Session())

    asyncio.run(story())


class Row:
    """What an ORM's row looks like."""

    _sa_instance_state = object()

    def __init__(self, id):
        self.id, self.name, self.price = id, "row", None


def test_rows_are_kept_as_the_model_that_shows_them(app, cached):
    @app.get("/model", response_model=list[Product])
    @cached(model=list[Product])
    async def by_model():
        return [Row(1)]

    @app.get("/annotation")
    @cached
    def by_annotation() -> list[Product]:
        return [Row(2)]  # type: ignore[list-item]

    @app.get("/rows", response_model=list[Product])
    @cached
    async def rows():
        return [Row(1)]

    for _ in range(2):
        assert got(app, "/model").text == '[{"id":1,"name":"row","price":null}]'
        assert got(app, "/annotation").text == '[{"id":2,"name":"row","price":null}]'
    assert type(asyncio.run(by_model.peek())[0]) is Product
    with pytest.raises(UncacheableValue, match=r"model=list\[ProductOut\]"):
        got(app, "/rows")


def test_what_cannot_be_right_is_refused_with_advice(cache, cached):
    async def whole(request: Request) -> str:
        return "x"

    with pytest.raises(ConfigurationError, match=r"ignore=\['request'\]"):
        cached(whole)
    cached(ignore=["request"])(whole)
    cached(key=lambda request: request.url.path)(whole)

    async def asks(session: SessionDep) -> str:
        return "x"

    with pytest.raises(ConfigurationError, match=r"'session' of .*asks is closed"):
        cached(stale_while_revalidate="1m")(asks)
    with pytest.raises(ConfigurationError, match="early= loads after"):
        RouteCache(cache, ignore=[Session], policy=Policy.of(ttl=9, early=1.0))(asks)
    with pytest.raises(ConfigurationError, match="'agee' is not"):
        cached(agee=3)(asks)
    with pytest.raises(ConfigurationError, match="no such parameter"):
        cached(ignore=["sesion"])(asks)
    with pytest.raises(ConfigurationError, match="give types here"):
        RouteCache(cache, ignore=["session"])
    with pytest.raises(ConfigurationError, match="names of parameters, and types"):
        cached(ignore=[3])
    with pytest.raises(ConfigurationError, match="not 3"):
        cached(3)

    async def streams():
        yield "x"

    def streams_too():
        yield "x"

    for each in (streams, streams_too):
        with pytest.raises(ConfigurationError, match="return a list"):
            cached(each)


def test_an_annotation_that_cannot_be_looked_up(cached):
    async def view(id: "Nowhere") -> str:  # type: ignore[name-defined]  # noqa: F821
        return "x"

    with pytest.raises(ConfigurationError, match="Nowhere"):
        cached(view)


def test_a_key_is_made_of_the_arguments_that_it_names(app, cached):
    def visitor(x_user: Annotated[str, Header()] = "") -> Row:
        return Row(x_user)

    @app.get("/{id}")
    @cached(key=lambda user, id: (user.id, id))
    async def view(id: int, session: SessionDep, user: Annotated[Any, Depends(visitor)]) -> str:
        runs.append(user.id)
        return f"{id} {user.id}"

    for _ in range(2):
        for name in ("ann", "bob"):
            assert got(app, "/7", x_user=name).text == f'"7 {name}"'
    assert runs == ["ann", "bob"]
    cached(key=lambda id, **others: sorted(others))(view.uncached)
    with pytest.raises(ConfigurationError, match=r"takes 'name', which is no parameter of .*view\(id"):
        cached(key=lambda name: name)(view.uncached)


def test_a_body_is_in_the_key(app, cached):
    @app.post("/search")
    @cached
    async def search(asked: Product) -> Annotated[list[Product], ["metadata that has no hash"]]:
        runs.append(asked.id)
        return [asked]

    for _ in range(2):
        for number in (1, 2):
            content = f'{{"id":{number}}}'.encode()
            answered = got(app, "/search", method="POST", content=content, content_type="application/json")
            assert answered.text == f'[{{"id":{number},"name":"none","price":null}}]'
    assert runs == [1, 2]


def test_results_may_have_a_pool_of_their_own(app):
    with Cache("memory://", pools={"results": Pool(prefix="results:", l1="1MB")}) as cache:
        cached = RouteCache(cache.pool("results"))

        @app.get("/")
        @cached
        async def view() -> int:
            runs.append(1)
            return len(runs)

        assert [got(app).text for _ in range(2)] == ["1", "1"]
        assert sum(each.hits for each in cache.pool("results").stats().sites) == 1
        assert sum(each.loads for each in cache.stats().sites) == 0


def test_a_function_without_async_has_the_same(app, cached):
    @app.get("/{id}")
    @cached
    def view(
        id: int,
        response: Response,
        tasks: BackgroundTasks,
        session: Session = Depends(Session),  # noqa: B008  as older tutorials have it
        limit: int = Query(10),
    ) -> Any:
        runs.append(id)
        response.headers["x-limit"] = str(limit)
        if id == 0:
            response.set_cookie("seen", str(len(runs)))
        return PlainTextResponse("none") if id == 1 else limit

    assert [got(app, "/1").text for _ in range(2)] == ["none", "none"]
    assert [got(app, "/0").get("set-cookie")[:6] for _ in range(2)] == ["seen=3", "seen=4"]
    assert [got(app, "/2").get("x-limit") for _ in range(2)] == ["10", "10"]
    assert view.peek(2) == 10, "what FastAPI takes as defaults are the defaults"
    assert view.peek(2, limit=11) is None
    view.invalidate(2)
    assert view.peek(2) is None
    assert view.refresh(2) == 10
    assert got(app, "/2").get("x-limit") == "10"
    assert runs == [1, 1, 0, 0, 2, 2]
    view.invalidate_all()
    assert view.peek(2) is None
