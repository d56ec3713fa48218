"""The end of a server is noticed before the application hears of it, whatever that makes of a lifespan."""

from __future__ import annotations

import asyncio

import pytest

from afresh.http.gateways.lifespan import lifespan

STARTED, STOPPED = {"type": "lifespan.startup.complete"}, {"type": "lifespan.shutdown.complete"}


async def whole(scope, receive, send):
    for said in (STARTED, STOPPED):
        order.append((await receive())["type"])
        await send(said)


async def ignoring(scope, receive, send):
    return


async def refusing(scope, receive, send):
    raise ValueError("unknown scope")


async def half(scope, receive, send):
    await receive()
    await send(STARTED)


order: list[str] = []


def live(app, ending=None):
    """What the server hears in a life."""
    order.clear()
    messages, said = [{"type": "lifespan.shutdown"}, {"type": "lifespan.startup"}], []

    async def receive():
        return messages.pop()

    async def send(message):
        said.append(message)

    async def noted():
        order.append("ending")

    asyncio.run(lifespan(app, {"type": "lifespan"}, receive, send, ending or noted))
    return said


@pytest.mark.parametrize("app", [whole, ignoring, refusing, half])
def test_every_application_has_an_end(app):
    assert live(app) == [STARTED, STOPPED]
    assert order.count("ending") == 1
    if app is whole:
        assert order == ["lifespan.startup", "ending", "lifespan.shutdown"]


def test_an_application_that_fails_has_failed():
    async def late(scope, receive, send):
        await receive()
        await send(STARTED)
        raise OSError("later")

    async def failing(scope, receive, send):
        await receive()
        await send({"type": "lifespan.startup.failed"})

    with pytest.raises(OSError, match="later"):
        live(late)
    assert live(failing) == [{"type": "lifespan.startup.failed"}]
    assert not order


def test_the_application_ends_though_the_ending_fails():
    async def ending():
        raise OSError("the database is away")

    with pytest.raises(OSError, match="away"):
        live(whole, ending)
    assert order == ["lifespan.startup", "lifespan.shutdown"]
