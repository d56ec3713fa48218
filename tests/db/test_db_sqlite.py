"""Every kind of write against every way to read, on SQLite."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import db_table
import pytest
from db_faces import Shop, sqlite_shop

from afresh import Cache

KINDS = ["dbapi", "core", "orm", "async"]


@pytest.fixture
def cache() -> Iterator[Cache]:
    with Cache("memory://") as cache:
        yield cache


def run(kind: str, folder: Path, scenario: Callable[[Shop], Awaitable[None]]) -> None:
    async def main() -> None:
        shop = sqlite_shop(kind, folder)
        try:
            await scenario(shop)
        finally:
            await shop.close()

    asyncio.run(main())


@pytest.mark.parametrize("write", db_table.WRITES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_write_is_seen_and_drops_nothing_else(kind: str, write: str, tmp_path: Path, cache: Cache) -> None:
    run(kind, tmp_path, lambda shop: db_table.write_is_seen(shop, cache, write))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "scenario",
    [
        db_table.lists_follow,
        db_table.late_fill_is_fresh,
        db_table.rollback_drops_nothing,
        db_table.own_writes_are_read,
    ],
)
def test_transactions(
    kind: str, scenario: Callable[..., Awaitable[None]], tmp_path: Path, cache: Cache
) -> None:
    run(kind, tmp_path, lambda shop: scenario(shop, cache))
