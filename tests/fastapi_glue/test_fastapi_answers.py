"""What a path operation does beside returning a result: its response, tasks, errors."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fastapi import BackgroundTasks, Depends, HTTPException, Response
from fastapi.responses import PlainTextResponse
from http_world import ask
from routes_world import Product, got, runs

from afresh import Cache
from afresh.fastapi import RouteCache
from afresh.testing.clock import FakeClock


def test_what_it_does_to_the_response_is_done_again(app, cached):
    def before(response: Response):
        response.headers["x-before"] = "1"
        response.headers["x-replaced"] = "old"
        response.headers["link"] = "<dependency>"

    @app.get("/", dependencies=[Depends(before)])
    @cached
    def view(response: Response) -> Product:
        runs.append(1)
        response.status_code = 203
        response.headers["x-total"] = "3"
        response.headers["x-replaced"] = "new"
        response.headers.append("link", "<a>")
        response.headers.append("link", "<b>")
        return Product(id=1)

    first = got(app)
    assert (first.status, first.get("x-total"), first.get("link")) == (203, "3", "<dependency>, <a>, <b>")
    assert (first.get("x-before"), first.get("x-replaced")) == ("1", "new")
    again = got(app)
    assert (again.status, again.body, sorted(again.headers)) == (
        first.status,
        first.body,
        sorted(first.headers),
    )
    assert len(runs) == 1


def test_who_sets_a_cookie_runs_each_time(app, cached):
    @app.get("/")
    @cached
    async def view(response: Response) -> str:
        runs.append(1)
        response.set_cookie("seen", str(len(runs)))
        return "x"

    assert [got(app).get("set-cookie")[:6] for _ in range(2)] == ["seen=1", "seen=2"]


def test_a_response_is_passed_on(app, cached):
    @app.get("/{id}")
    @cached
    async def view(id: int) -> Any:
        runs.append(id)
        return PlainTextResponse("none", 404) if id == 1 else {"id": id}

    assert [got(app, "/1").status for _ in range(2)] == [404, 404]
    assert [got(app, "/2").text for _ in range(2)] == ['{"id":2}'] * 2
    assert runs == [1, 1, 2]


def test_each_who_waits_for_what_is_passed_on_gets_his_own(app, cached):
    begun, go = asyncio.Event(), asyncio.Event()

    @app.get("/")
    @cached(prefix="view")
    async def view(response: Response) -> str:
        runs.append(1)
        number = len(runs)
        begun.set()
        await go.wait()
        response.set_cookie("mine", str(number))
        return f"{number}"

    async def three():
        asked = [asyncio.ensure_future(ask(app)) for _ in range(3)]
        await begun.wait()
        go.set()
        return await asyncio.gather(*asked)

    answers = asyncio.run(three())
    pairs = {(each.text, each.get("set-cookie").partition(";")[0]) for each in answers}
    assert pairs == {(f'"{n}"', f"mine={n}") for n in (1, 2, 3)}


def test_background_tasks_run_for_each(app, cached):
    done = []

    @app.get("/{id}")
    @cached(prefix="view")
    async def view(id: int, tasks: BackgroundTasks) -> int:
        if id:
            tasks.add_task(done.append, id)
        return id

    answers = [got(app, "/1").text for _ in range(2)]
    assert (answers, done) == (["1", "1"], [1, 1])
    assert [got(app, "/0").text for _ in range(2)] == ["0", "0"]


def test_errors_are_those_of_the_function(app, cached):
    @app.get("/")
    @cached
    async def view() -> Product:
        runs.append(1)
        raise HTTPException(404, "no such product")

    assert [(got(app).status, got(app).text) for _ in range(2)] == [(404, '{"detail":"no such product"}')] * 2
    assert len(runs) == 4


def test_a_result_that_is_not_of_its_type_is_fastapis_error(app, cached):
    @app.get("/")
    @cached
    async def view() -> Product:
        return {"name": "no number"}  # type: ignore[return-value]

    with pytest.raises(Exception, match="id") as failed:
        got(app)
    assert type(failed.value).__name__ == "ResponseValidationError"


def test_each_thread_that_waits_for_what_is_passed_on_gets_its_own(cached):
    begun, go = threading.Event(), threading.Event()

    @cached(prefix="view")
    def view(response: Response | None = None) -> Any:
        runs.append(1)
        number = len(runs)
        begun.set()
        go.wait(20)
        return PlainTextResponse(str(number))

    with ThreadPoolExecutor(3) as pool:
        answers = [pool.submit(view)]
        begun.wait(20)
        answers += [pool.submit(view) for _ in range(2)]
        go.set()
        assert len({each.result().body for each in answers}) == 3


@pytest.mark.parametrize("answer", ["404", "response", "cookie", "503", "bug"])
def test_an_old_result_covers_failures_and_no_other_answer(app, answer):
    clock = FakeClock(1_800_000_000.0)
    with Cache("memory://", clock=clock) as cache:
        cached = RouteCache(cache, ttl="1m", stale_if_error="1d")

        @app.get("/")
        @cached
        async def view(response: Response) -> Any:
            runs.append(1)
            if len(runs) == 1:
                return "old"
            if answer == "bug":
                raise ValueError(answer)
            if answer in {"404", "503"}:
                raise HTTPException(int(answer))
            response.set_cookie("a", "b")
            return PlainTextResponse("now") if answer == "response" else "now"

        assert got(app).text == '"old"'
        clock.advance(61)
        expected = {"404": "Not Found", "response": "now", "cookie": '"now"'}.get(answer, '"old"')
        for _ in range(2):
            assert expected in got(app).text
