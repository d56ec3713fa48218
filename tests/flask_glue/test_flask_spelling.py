"""Who shows the query as it came has another page for each spelling; who reads its parameters hasn't."""

from __future__ import annotations

import pytest
from flask import Flask, request
from spellings import SAME_KEY, SPELLINGS

from afresh import Cache
from afresh.flask import Afresh

RAW = {
    "query_string": lambda: request.query_string.decode(),
    "url": lambda: request.url.partition("?")[2],
    "full_path": lambda: request.full_path.partition("?")[2],
    "environ": lambda: request.environ["QUERY_STRING"],
    "REQUEST_URI": lambda: request.environ["REQUEST_URI"].partition("?")[2],
}
PARSED = {
    "args": lambda: str(sorted(request.args.items())),
    "values": lambda: str(sorted(request.values.items())),
}


def asked(look, targets, path="/x", *, cached=True):
    """What these get, and how often the view ran."""
    app, ran = Flask("spelling", static_folder=None), []

    @app.get(path)
    def page(**_):
        ran.append(1)
        return look()

    with Cache("memory://") as cache:
        if cached:
            Afresh(app, cache=cache)
        client = app.test_client()
        # A string would be put together again by the test client.
        answered = [client.open(environ_overrides=each) for each in targets]
    return [each.headers.get("Location") or each.text for each in answered], len(ran)


def queries(path="/x"):
    return [
        {
            "PATH_INFO": path,
            "QUERY_STRING": each,
            "REQUEST_URI": f"{path}?{each}",
            "RAW_URI": f"{path}?{each}",
        }
        for each in (*SPELLINGS, *SPELLINGS)
    ]


@pytest.mark.parametrize("look", RAW)
def test_the_query_as_it_came(look):
    texts, ran = asked(RAW[look], queries())
    assert texts == asked(RAW[look], queries(), cached=False)[0]
    assert ran == len(SPELLINGS)
    assert len(set(texts)) > 1


@pytest.mark.parametrize("look", PARSED)
def test_its_parameters(look):
    texts, ran = asked(PARSED[look], queries())
    assert set(texts) == {"[('a', '1'), ('b', 'x/y')]"}
    assert ran == len(SPELLINGS) - SAME_KEY + 1


def test_a_redirect_of_the_router_carries_the_query_as_it_came():
    texts, _ = asked(lambda: "x", queries(), path="/x/")
    assert texts == [f"http://localhost/x/?{each}" for each in (*SPELLINGS, *SPELLINGS)]


def test_the_path_as_it_came():
    paths = ["/%78", "/x"]
    targets = [{"PATH_INFO": "/x", "RAW_URI": each, "REQUEST_URI": each} for each in (*paths, *paths)]
    texts, ran = asked(lambda: request.environ["RAW_URI"], targets)
    assert (texts, ran) == ([*paths, *paths], 2)


def test_what_who_asks_for_a_websocket_is_told_is_nobody_elses():
    app = Flask("upgraded")
    app.get("/")(lambda: "a page")
    app.register_error_handler(400, lambda error: "no websocket")
    sly = {"Connection": "upgrade", "Upgrade": "websocket"}
    with Cache("memory://") as cache:
        Afresh(app, cache=cache)
        client = app.test_client()
        texts = [client.get("/", headers=each).text for each in (sly, {})]
    assert texts == ["no websocket", "a page"]
