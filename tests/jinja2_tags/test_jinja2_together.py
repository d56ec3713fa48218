"""Jinja2 on a real Redis: a template's fragments are one round trip from its second rendering on."""

from __future__ import annotations

import asyncio

import jinja2
import pytest

from afresh import Cache
from afresh.jinja2 import install
from afresh.testing.servers import RedisServer

pytestmark = pytest.mark.servers

PAGE = '{% for n in range(30) %}{% include "part" %}{% endfor %}'
PART = '{% cache "part", n %}{{ n }},{% endcache %}'


@pytest.fixture(scope="module")
def redis(tmp_path_factory):
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.mark.parametrize("asynchronous", [False, True], ids=["threads", "event loop"])
def test_a_template_is_one_round_trip(redis, asynchronous):
    loader = jinja2.DictLoader({"page": PAGE, "part": PART})
    with Cache(redis.url, namespace=f"{asynchronous}", l1=None) as cache, redis.client() as client:
        environment = jinja2.Environment(loader=loader, enable_async=asynchronous)
        install(environment, cache)
        page = environment.get_template("page")

        async def thrice():
            await page.render_async()
            await page.render_async()
            client.config_resetstat()
            return await page.render_async()

        if asynchronous:
            text = asyncio.run(thrice())
        else:
            page.render()
            page.render()
            client.config_resetstat()
            text = page.render()
        calls = {name: each["calls"] for name, each in client.info("commandstats").items()}
        assert calls["cmdstat_mget"] == 1
        assert "cmdstat_get" not in calls
        assert text == "".join(f"{n}," for n in range(30))
