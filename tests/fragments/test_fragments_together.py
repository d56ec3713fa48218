"""The fragments that a page had the last time are fetched together: counted on a real Redis."""

from __future__ import annotations

import asyncio

import pytest

from afresh import Cache, tag
from afresh.fragments import Wanted, fragments_of, rendered_as
from afresh.fragments.rendering import Used
from afresh.testing.servers import RedisServer

FRAGMENTS = 30


@pytest.fixture(scope="module")
def redis(tmp_path_factory):
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


class Page:
    """A page of many fragments, in some of which are others."""

    def __init__(self, cache):
        self.cache = cache
        self.fragments = fragments_of(cache)
        self.made = []

    def render(self):
        with rendered_as("page"):
            return "".join(self.part(number) for number in range(FRAGMENTS))

    async def arender(self):
        with rendered_as("page"):
            return "".join([await self.fragments.arendered(self.wanted(n)) for n in range(FRAGMENTS)])

    def part(self, number):
        return self.fragments.rendered(self.wanted(number))

    def wanted(self, number):
        return Wanted("part", lambda: self.make(number), (number,))

    def make(self, number):
        self.made.append(number)
        self.cache.depends_on(tag("part", number))
        if number != 3:
            return f"<{number}>"
        items = [Wanted("item", lambda item=item: f"{item},", (item,)) for item in range(FRAGMENTS)]
        return "".join(map(self.fragments.rendered, items))


def commands(server, act):
    """The commands about entries that a server executes meanwhile."""
    with server.client() as client:
        client.config_resetstat()
        act()
        calls = {name[8:]: each["calls"] for name, each in client.info("commandstats").items()}
    return {name: calls[name] for name in ("get", "mget", "set") if name in calls}


@pytest.mark.servers
@pytest.mark.parametrize("world", ["threads", "event loop"])
def test_a_page_is_one_round_trip(redis, world):
    """Counted in the server, and with what a connection costs left out: it is there already."""
    with Cache(redis.url, namespace=world.split()[0], l1=None) as cache:
        page = Page(cache)
        rendered = []
        if world == "threads":
            rendered += [page.render(), page.render()]
            counted = commands(redis, lambda: rendered.append(page.render()))
        else:

            async def twice():
                rendered.extend([await page.arender(), await page.arender()])
                with redis.client() as client:
                    client.config_resetstat()
                rendered.append(await page.arender())

            counted = commands(redis, lambda: asyncio.run(twice()))
        assert counted == {"mget": 1}
        assert len(set(rendered)) == 1
        assert len(page.made) == FRAGMENTS


@pytest.mark.servers
def test_another_process_has_them_after_its_first_rendering(redis):
    with Cache(redis.url, namespace="other", l1=None) as cache:
        Page(cache).render()
    with Cache(redis.url, namespace="other", l1=None) as cache:
        page = Page(cache)
        assert commands(redis, page.render) == {"get": FRAGMENTS}
        assert commands(redis, page.render) == {"mget": 1}
        assert page.made == []


@pytest.mark.servers
def test_those_within_one_that_is_made_anew_are_one_round_trip_more(redis):
    with Cache(redis.url, namespace="within", l1=None) as cache:
        page = Page(cache)
        page.render()
        cache.invalidate(tag("part", 3))
        page.render()
        page.made.clear()
        cache.invalidate(tag("part", 3))
        counted = commands(redis, page.render)
        assert page.made == [3]
        assert counted.pop("mget") == 2
        assert (
            counted.get("get", 0) < 5
        )  # of the one that is made: its lease, and a look at what another may have stored


@pytest.mark.servers
def test_what_is_in_memory_is_not_asked_for(redis):
    with Cache(redis.url, namespace="memory") as cache:
        page = Page(cache)
        page.render()
        assert commands(redis, page.render) == {}


@pytest.mark.servers
def test_a_server_that_is_gone_costs_no_page(tmp_path):
    with RedisServer(tmp_path) as server, Cache(server.url, l1=None) as cache:
        page = Page(cache)
        text = page.render()
        server.kill()
        assert page.render() == text


def test_what_a_page_no_longer_uses_is_forgotten():
    used = Used()
    used.begin()
    used.add("a")
    used.add("b")
    for _ in range(2):
        expected = used.begin()
        used.add("b")
    assert expected == ["a", "b"]
    assert used.begin() == ["b"]
