"""The RealWorld application: each cached page is what the uncached one says, whatever is written, by whom, and when."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from bench.apps.client import InProcess
from bench.apps.realworld.conduit.main import create_app, engine_for
from bench.apps.realworld.oracle import Oracle
from bench.apps.realworld.race import Race
from bench.apps.realworld.rows import Size, fill
from bench.apps.realworld.subjects import SUBJECTS
from bench.apps.realworld.writes import Writes

from afresh.testing.servers import PostgresServer
from sizes import seed, size

pytestmark = [pytest.mark.servers]

SMALL = Size(users=6, articles=40, tags=6)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with PostgresServer(tmp_path_factory.mktemp("postgres")) as started:
        yield started


@asynccontextmanager
async def sites(url: str, subject: str, folder) -> AsyncIterator[tuple]:
    """The cached application, its engine, and the uncached one over the same rows."""
    plain, watched = engine_for(url), engine_for(url)
    await fill(plain, SMALL)
    app = SUBJECTS[subject](watched, folder)
    try:
        yield InProcess(app), watched, InProcess(create_app(plain))
    finally:
        app.state.cache.close()
        await plain.dispose()
        await watched.dispose()


@pytest.mark.parametrize(
    ("subject", "writes"), [("afresh, pages", size(15, 200)), ("afresh, operations", size(12, 100))]
)
def test_each_cached_page_is_the_uncached_one(server, subject, writes, tmp_path):
    async def compared():
        async with sites(server.create(f"oracle {subject}"), subject, tmp_path) as (cached, watched, plain):
            chosen = random.Random(seed())
            made = Writes(watched, cached, SMALL, chosen)
            return await Oracle(cached, plain, made, SMALL, chosen, visitors=2).run(writes, part=0.2)

    found = asyncio.run(compared())
    assert found.wrong == []
    if "pages" in subject:
        assert found.hits, "what is compared are cached pages"


def test_what_is_read_is_no_older_than_what_was_acknowledged(server, tmp_path):
    async def raced():
        async with sites(server.create("race"), "afresh, pages", tmp_path) as (cached, watched, _):
            race = Race([cached] * 4, watched, range(36, 41), visitor=2, seed=seed())
            return await race.run(size(8, 100))

    found = asyncio.run(raced())
    assert found.stale == []
    assert found.writes == 5 * size(8, 100)
    assert found.reads > found.writes, "each writer waits for readers between two writes"


def test_the_oracle_finds_a_cache_that_hears_of_nothing(server, tmp_path):
    async def compared():
        async with sites(server.create("deaf"), "afresh, pages", tmp_path) as (cached, watched, plain):
            chosen = random.Random(seed())
            oracle = Oracle(cached, plain, Writes(watched, cached, SMALL, chosen), SMALL, chosen, visitors=0)
            assert (await oracle.run(0)).wrong == []
            server.psql("UPDATE article SET title = 'by another program'", database="deaf")
            return await oracle.run(0)

    assert any("/api/articles for nobody" in each for each in asyncio.run(compared()).wrong)
