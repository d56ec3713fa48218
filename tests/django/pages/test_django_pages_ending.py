"""Under an ASGI server, what hits have left to do is done before the server ends."""

from __future__ import annotations

import asyncio

import pytest
from django.core.asgi import get_asgi_application

from afresh.django.pages.options import flow_of
from afresh.django.pages.replaying import COUNT
from afresh.http.effects import Effect
from afresh.rfc import Fields

SERVER = ["lifespan.shutdown", "lifespan.startup"]


def test_the_end_of_a_server_empties_the_queue(site, monkeypatch):
    application = get_asgi_application()
    effects, done, said, messages = flow_of().effects, [], [], list(SERVER)
    monkeypatch.setitem(effects._functions, COUNT, done.extend)
    effects._working = True  # no thread is quicker than the server's end
    one = Effect("/counted/1/", "", Fields(), "192.0.2.1")

    async def receive():
        return {"type": messages.pop()}

    async def send(message):
        said.append(message["type"])
        if len(said) == 1:
            assert effects.add([(COUNT, one)])

    asyncio.run(application({"type": "lifespan", "asgi": {"version": "3.0"}}, receive, send))
    assert said == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert done == [one]


def test_other_scopes_are_djangos(site):
    with pytest.raises(ValueError, match="websocket"):
        asyncio.run(get_asgi_application()({"type": "websocket"}, None, None))
