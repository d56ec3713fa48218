"""One small shop, read and written through each way to a database that is captured."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

import afresh.db.sqlalchemy
from afresh import Cache
from afresh.db import Database, dbapi

SCHEMA = [
    "CREATE TABLE product (id INTEGER PRIMARY KEY, name VARCHAR(50), price INTEGER, category_id INTEGER)",
    "CREATE INDEX product_category ON product (category_id)",
]
ROWS = [(1, "ant", 10, 1), (2, "bee", 20, 1), (3, "cat", 30, 2), (4, "dog", 40, 2)]


class Base(orm.DeclarativeBase):
    pass


class Product(Base):
    __tablename__ = "product"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    name: orm.Mapped[str | None]
    price: orm.Mapped[int | None]
    category_id: orm.Mapped[int | None]


class Face:
    """One connection or session. Everything is a coroutine, so that one test serves all of them."""

    async def rows(self, sql: str, **values: Any) -> list[tuple[Any, ...]]:
        raise NotImplementedError

    async def execute(self, sql: str, **values: Any) -> None:
        raise NotImplementedError

    async def many(self, sql: str, values: list[dict[str, Any]]) -> None:
        raise NotImplementedError

    async def commit(self) -> None:
        raise NotImplementedError

    async def rollback(self) -> None:
        raise NotImplementedError

    async def close(self) -> None:
        raise NotImplementedError

    async def name(self, id: int) -> Any:
        return (await self.rows("SELECT name FROM product WHERE id = :id", id=id))[0][0]

    async def price(self, id: int) -> Any:
        return (await self.rows("SELECT price FROM product WHERE id = :id", id=id))[0][0]

    async def category(self, category: int) -> list[Any]:
        rows = await self.rows("SELECT name FROM product WHERE category_id = :c ORDER BY id", c=category)
        return [row[0] for row in rows]

    async def save(self, id: int, **values: Any) -> None:
        listed = ", ".join(f"{name} = :{name}" for name in values)
        await self.execute(f"UPDATE product SET {listed} WHERE id = :id", id=id, **values)

    async def update(self, category: int, price: int) -> None:
        await self.execute("UPDATE product SET price = :p WHERE category_id = :c", p=price, c=category)

    async def bulk(self, prices: dict[int, int]) -> None:
        values = [{"id": key, "p": price} for key, price in prices.items()]
        await self.many("UPDATE product SET price = :p WHERE id = :id", values)

    async def insert(self, name: str, category: int) -> None:
        await self.execute(
            "INSERT INTO product (name, price, category_id) VALUES (:n, 1, :c)", n=name, c=category
        )

    async def delete(self, id: int) -> None:
        await self.execute("DELETE FROM product WHERE id = :id", id=id)


class DbApi(Face):
    def __init__(self, raw: Any, database: Database) -> None:
        self.connection: Any = dbapi.wrap(raw, database)
        self.style = "named" if database.dialect == "sqlite" else "pyformat"

    def _sql(self, sql: str) -> str:
        return sql if self.style == "named" else re.sub(r":(\w+)", r"%(\1)s", sql)

    async def rows(self, sql: str, **values: Any) -> list[tuple[Any, ...]]:
        cursor = self.connection.cursor()
        cursor.execute(self._sql(sql), values)
        rows = [tuple(row) for row in cursor.fetchall()]
        cursor.close()
        return rows

    async def execute(self, sql: str, **values: Any) -> None:
        cursor = self.connection.cursor()
        cursor.execute(self._sql(sql), values)
        cursor.close()

    async def insert(self, name: str, category: int) -> None:
        ending = "" if self.style == "named" else " RETURNING id"  # else nobody knows which row it is
        sql = "INSERT INTO product (name, price, category_id) VALUES (:n, 1, :c)"
        await self.execute(sql + ending, n=name, c=category)

    async def many(self, sql: str, values: list[dict[str, Any]]) -> None:
        cursor = self.connection.cursor()
        cursor.executemany(self._sql(sql), values)
        cursor.close()

    async def commit(self) -> None:
        self.connection.commit()

    async def rollback(self) -> None:
        self.connection.rollback()

    async def close(self) -> None:
        self.connection.close()


class Core(Face):
    def __init__(self, engine: sa.Engine) -> None:
        self.connection = engine.connect()

    async def rows(self, sql: str, **values: Any) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self.connection.execute(sa.text(sql), values)]

    async def execute(self, sql: str, **values: Any) -> None:
        self.connection.execute(sa.text(sql), values)

    async def many(self, sql: str, values: list[dict[str, Any]]) -> None:
        self.connection.execute(sa.text(sql), values)

    async def name(self, id: int) -> Any:
        return self.connection.execute(sa.select(Product.name).where(Product.id == id)).scalar_one()

    async def update(self, category: int, price: int) -> None:
        self.connection.execute(sa.update(Product).where(Product.category_id == category).values(price=price))

    async def insert(self, name: str, category: int) -> None:
        self.connection.execute(sa.insert(Product).values(name=name, price=1, category_id=category))

    async def commit(self) -> None:
        self.connection.commit()

    async def rollback(self) -> None:
        self.connection.rollback()

    async def close(self) -> None:
        self.connection.close()


class Orm(Core):
    def __init__(self, engine: sa.Engine) -> None:
        self.connection: Any = orm.Session(engine)

    async def save(self, id: int, **values: Any) -> None:
        product = self.connection.get(Product, id)
        for name, value in values.items():
            setattr(product, name, value)
        self.connection.flush()

    async def bulk(self, prices: dict[int, int]) -> None:
        self.connection.execute(
            sa.update(Product), [{"id": key, "price": price} for key, price in prices.items()]
        )

    async def insert(self, name: str, category: int) -> None:
        self.connection.add(Product(name=name, price=1, category_id=category))
        self.connection.flush()

    async def delete(self, id: int) -> None:
        self.connection.delete(self.connection.get(Product, id))
        self.connection.flush()


class AsyncOrm(Face):
    def __init__(self, engine: Any) -> None:
        self.session = AsyncSession(engine)

    async def rows(self, sql: str, **values: Any) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in await self.session.execute(sa.text(sql), values)]

    async def execute(self, sql: str, **values: Any) -> None:
        await self.session.execute(sa.text(sql), values)

    async def many(self, sql: str, values: list[dict[str, Any]]) -> None:
        await self.session.execute(sa.text(sql), values)

    async def name(self, id: int) -> Any:
        return (await self.session.execute(sa.select(Product.name).where(Product.id == id))).scalar_one()

    async def save(self, id: int, **values: Any) -> None:
        product = await self.session.get(Product, id)
        for name, value in values.items():
            setattr(product, name, value)
        await self.session.flush()

    async def insert(self, name: str, category: int) -> None:
        self.session.add(Product(name=name, price=1, category_id=category))
        await self.session.flush()

    async def commit(self) -> None:
        await self.session.commit()

    async def rollback(self) -> None:
        await self.session.rollback()

    async def close(self) -> None:
        await self.session.close()


class Shop:
    """A database with faces, and cached functions that read through one of them.

    Attributes:
        loads: What was loaded, in order.
    """

    def __init__(self, connect: Callable[[], Face], ends: Callable[[], Any], *, is_async: bool) -> None:
        self._connect = connect
        self._ends = ends
        self._async = is_async
        self.faces: list[Face] = []
        self.loads: list[tuple[str, int]] = []

    def face(self) -> Face:
        face = self._connect()
        self.faces.append(face)
        return face

    async def close(self) -> None:
        for face in self.faces:
            await face.close()
        ended = self._ends()
        if ended is not None:
            await ended

    def cached(self, cache: Cache, face: Face, method: str, meanwhile: Any = None) -> Any:
        """`face.method(argument)`, cached; a coroutine function whatever the face is."""

        async def load(argument: int) -> Any:
            self.loads.append((method, argument))
            value = await getattr(face, method)(argument)
            if meanwhile is not None and self.loads.count((method, argument)) == 1:
                await meanwhile()
            return value

        if self._async:
            return cache.cached(prefix=f"{method}-{id(face)}")(load)

        def load_sync(argument: int) -> Any:
            coroutine = load(argument)
            try:
                coroutine.send(None)
            except StopIteration as end:
                return end.value
            raise AssertionError("a synchronous face suspended")

        function = cache.cached(prefix=f"{method}-{id(face)}")(load_sync)

        async def call(argument: int) -> Any:
            return function(argument)

        return call


def prepare_sqlite(folder: Path) -> str:
    path = str(folder / "shop.db")
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        for statement in SCHEMA:
            connection.execute(statement)
        connection.executemany("INSERT INTO product VALUES (?, ?, ?, ?)", ROWS)
    connection.close()
    return path


def sqlite_shop(kind: str, folder: Path) -> Shop:
    """A shop on SQLite."""
    path = prepare_sqlite(folder)
    if kind == "dbapi":
        database = Database("sqlite")
        return Shop(lambda: DbApi(sqlite3.connect(path), database), lambda: None, is_async=False)
    if kind == "dbapi-autocommit":
        database = Database("sqlite")
        return Shop(
            lambda: DbApi(sqlite3.connect(path, isolation_level=None), database), lambda: None, is_async=False
        )
    return _alchemy(kind, f"sqlite:///{path}", f"sqlite+aiosqlite:///{path}")


def _alchemy(kind: str, url: str, async_url: str) -> Shop:
    if kind == "async":
        engine = create_async_engine(async_url)
        afresh.db.sqlalchemy.instrument(engine)
        return Shop(lambda: AsyncOrm(engine), engine.dispose, is_async=True)
    plain = sa.create_engine(url)
    afresh.db.sqlalchemy.instrument(plain)
    face: Any = Orm if kind == "orm" else Core
    return Shop(lambda: face(plain), plain.dispose, is_async=False)


def postgres_shop(kind: str, server: Any) -> Shop:
    """A shop on PostgreSQL, with its rows as they were."""
    server.psql("TRUNCATE product RESTART IDENTITY")
    for key, name, price, category in ROWS:
        server.psql(f"INSERT INTO product VALUES ({key}, '{name}', {price}, {category})")
    server.psql("SELECT setval('product_id_seq', 100)")
    if kind.startswith("psycopg"):
        import psycopg
        import psycopg2

        database = Database("postgres")
        if kind == "psycopg2":
            return Shop(lambda: DbApi(psycopg2.connect(server.dsn), database), lambda: None, is_async=False)
        plain = kind == "psycopg"
        return Shop(
            lambda: DbApi(psycopg.connect(server.dsn, autocommit=not plain), database),
            lambda: None,
            is_async=False,
        )
    rest = server.url.partition("://")[2]
    if kind == "asyncpg":
        return _alchemy("async", "", f"postgresql+asyncpg://{rest}")
    return _alchemy(kind, f"postgresql+psycopg://{rest}", f"postgresql+psycopg_async://{rest}")
