"""What is particular to SQLAlchemy: pools, autocommit, nested transactions, errors, lists that are inserted."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from db_faces import Product, prepare_sqlite
from sqlalchemy import orm
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

import afresh.db.sqlalchemy
from afresh import Cache, ConfigurationError
from afresh.db import Database


@pytest.fixture
def cache() -> Iterator[Cache]:
    with Cache("memory://") as cache:
        yield cache


@pytest.fixture
def path(tmp_path: Path) -> str:
    return prepare_sqlite(tmp_path)


@pytest.fixture
def engine(path: str) -> Iterator[sa.Engine]:
    engine = sa.create_engine(f"sqlite:///{path}")
    afresh.db.sqlalchemy.instrument(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def price(cache: Cache, engine: sa.Engine) -> Any:
    loads: list[int] = []

    @cache.cached
    def price(id: int) -> Any:
        loads.append(id)
        with engine.connect() as connection:
            return connection.execute(sa.select(Product.price).where(Product.id == id)).scalar()

    price.loads = loads
    assert (price(1), price(3)) == (10, 30)
    loads.clear()
    return price


def test_an_engine_is_instrumented_once(engine: sa.Engine) -> None:
    with pytest.raises(ConfigurationError, match="already"):
        afresh.db.sqlalchemy.instrument(engine)


def test_other_dialects_are_refused() -> None:
    class Engine:
        class dialect:
            name = "oracle"
            paramstyle = "named"

    with pytest.raises(ConfigurationError, match="'oracle'"):
        afresh.db.sqlalchemy.instrument(Engine())


def test_a_database_may_be_given(path: str, cache: Cache) -> None:
    engine = sa.create_engine(f"sqlite:///{path}")
    database = Database("sqlite", name="shop")
    assert afresh.db.sqlalchemy.instrument(engine, database) is database
    with cache.scope() as scope, engine.connect() as connection:
        connection.execute(sa.text("SELECT name FROM product WHERE id = 1")).all()
    assert "row:shop:product:1.name" in scope.dependencies
    engine.dispose()


def test_a_session_that_is_closed_has_changed_nothing(engine: sa.Engine, price: Any) -> None:
    with orm.Session(engine) as session:
        session.get_one(Product, 1).price = 99
        session.flush()
        assert price(3) == 30  # read through
    assert (price(1), price(3)) == (10, 30)
    assert price.loads == [3]


def test_begin_blocks(engine: sa.Engine, price: Any) -> None:
    with engine.begin() as connection:
        connection.execute(sa.update(Product).where(Product.id == 1).values(price=11))
    assert (price(1), price(3), price.loads) == (11, 30, [1])


def test_nested_transactions(engine: sa.Engine, price: Any) -> None:
    with orm.Session(engine) as session:
        session.get_one(Product, 1).price = 11
        nested = session.begin_nested()
        session.get_one(Product, 3).price = 31
        session.flush()
        nested.rollback()
        with session.begin_nested():
            session.get_one(Product, 2).price = 21
        session.commit()
    assert (price(1), price(2), price(3), price.loads) == (11, 21, 30, [1, 2])


def test_autocommit_engines(path: str, cache: Cache, price: Any) -> None:
    engine = sa.create_engine(f"sqlite:///{path}", isolation_level="AUTOCOMMIT")
    afresh.db.sqlalchemy.instrument(engine)
    with engine.connect() as connection:
        connection.execute(sa.update(Product).where(Product.id == 1).values(price=11))
        assert (price(1), price(3)) == (11, 30)
        connection.rollback()
    assert (price(1), price(3), price.loads) == (11, 30, [1])
    engine.dispose()


def test_a_statement_that_fails(engine: sa.Engine, price: Any) -> None:
    with pytest.raises(sa.exc.IntegrityError), engine.begin() as connection:
        connection.execute(sa.text("INSERT INTO product (id) VALUES (1)"))
    assert (price(1), price(3), price.loads) == (10, 30, [])
    with engine.begin() as connection:
        connection.execute(sa.update(Product).where(Product.id == 1).values(price=11))
    assert price(1) == 11


def test_relations_that_are_written_by_a_flush(engine: sa.Engine, price: Any) -> None:
    with orm.Session(engine) as session:
        session.add_all([Product(name=str(number), price=number, category_id=9) for number in range(5)])
        session.get_one(Product, 1).price = 11
        session.commit()
    assert (price(1), price(5), price(3)) == (11, 0, 30)


def test_a_schema_made_by_metadata(engine: sa.Engine, cache: Cache, price: Any) -> None:
    metadata = sa.MetaData()
    table = sa.Table(
        "later", metadata, sa.Column("id", sa.Integer, primary_key=True), sa.Column("a", sa.Integer)
    )
    metadata.create_all(engine)

    @cache.cached
    def later() -> Any:
        with engine.connect() as connection:
            return connection.execute(sa.select(table.c.a)).scalars().all()

    assert later() == []
    with engine.begin() as connection:
        connection.execute(table.insert().values(a=5))
    assert later() == [5]


def test_results_that_are_not_read_to_their_end(engine: sa.Engine, cache: Cache, price: Any) -> None:
    """They hold their view of the database: what is read beside them is as old."""
    from afresh import Row

    loads = []
    with orm.Session(engine) as session:

        @cache.cached
        def beside() -> Any:
            loads.append(1)
            return session.execute(sa.text("SELECT name FROM product WHERE id = 1")).scalar()

        unfinished = session.execute(sa.text("SELECT id FROM product"))
        unfinished.fetchone()
        cache.invalidate(Row("product", 1))
        beside()
        beside()
        assert len(loads) == 2
        unfinished.close()
        session.rollback()
        beside()
        beside()
        assert len(loads) == 3


def test_tasks_have_transactions_of_their_own(path: str, cache: Cache) -> None:
    engine = create_async_engine(f"sqlite+aiosqlite:///{path}")
    afresh.db.sqlalchemy.instrument(engine)
    loads: list[int] = []

    @cache.cached
    async def price(id: int) -> Any:
        loads.append(id)
        async with AsyncSession(engine) as session:
            return await session.scalar(sa.select(Product.price).where(Product.id == id))

    async def main() -> None:
        assert await price(1) == 10
        wrote, read = asyncio.Event(), asyncio.Event()

        async def writer() -> None:
            async with AsyncSession(engine) as session:
                (await session.get_one(Product, 1)).price = 11
                await session.flush()
                wrote.set()
                await read.wait()
                await session.commit()

        task = asyncio.create_task(writer())
        await wrote.wait()
        assert await price(1) == 10  # a hit: nothing was committed
        read.set()
        await task
        assert await price(1) == 11
        assert loads == [1, 1]
        await engine.dispose()

    asyncio.run(main())
