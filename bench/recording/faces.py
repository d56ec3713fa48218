"""The ways in which a program asks a database: each as a pair, without afresh and with it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from afresh.db import Database, Statements, dbapi
from afresh.testing.servers import PostgresServer

Ask = Callable[[int], Any]
"""Asks for one row by its number."""

ROWS = 100
CAPTURE = "the capture alone"
TABLE = "CREATE TABLE product (id INTEGER PRIMARY KEY, name TEXT, price INTEGER)"


@dataclass(frozen=True)
class Face:
    """One way to ask, without afresh and with it."""

    name: str
    plain: Ask
    seen: Ask


@contextmanager
def faces(folder: Path, *, servers: bool) -> Iterator[list[Face]]:
    """All of them, with their connections open."""
    with ExitStack() as stack:
        found = [capture(stack), dbapi_sqlite(stack), *sqlalchemy(stack), django(stack)]
        if servers:
            server = stack.enter_context(PostgresServer(folder))
            found.append(psycopg(stack, server))
        yield found


def capture(stack: ExitStack) -> Face:
    """What all of them call: a statement is told, and nothing is asked."""
    raw = _filled(stack)
    statements = Statements(Database("sqlite"), lambda sql, values: raw.execute(sql, values).fetchall())
    sql = "SELECT name FROM product WHERE id = ?"
    before = statements.before
    return Face(CAPTURE, lambda number: None, lambda number: before(sql, (number,)))


def _filled(stack: ExitStack) -> sqlite3.Connection:
    raw = sqlite3.connect(":memory:")
    stack.callback(raw.close)
    raw.execute(TABLE)
    raw.executemany("INSERT INTO product VALUES (?, ?, ?)", [(n, f"product {n}", n) for n in range(ROWS)])
    raw.commit()
    return raw


def _by_cursor(connection: Any, sql: str) -> Ask:
    def ask(number: int) -> Any:
        cursor = connection.cursor()
        cursor.execute(sql, (number,))
        rows = cursor.fetchall()
        cursor.close()
        return rows

    return ask


def dbapi_sqlite(stack: ExitStack) -> Face:
    """The standard library's driver."""
    sql = "SELECT name FROM product WHERE id = ?"
    seen = dbapi.wrap(_filled(stack), Database("sqlite"))
    return Face("sqlite3", _by_cursor(_filled(stack), sql), _by_cursor(seen, sql))


def psycopg(stack: ExitStack, server: PostgresServer) -> Face:
    """psycopg, on a server of this machine."""
    import psycopg as driver

    def opened() -> Any:
        url = f"postgresql://postgres@127.0.0.1:{server.port}/postgres"
        return stack.enter_context(driver.connect(url, autocommit=True))

    first = opened()
    first.execute(TABLE)
    first.execute(f"INSERT INTO product SELECT n, 'product ' || n, n FROM generate_series(0, {ROWS - 1}) n")
    sql = "SELECT name FROM product WHERE id = %s"
    return Face(
        "psycopg", _by_cursor(first, sql), _by_cursor(dbapi.wrap(opened(), Database("postgres")), sql)
    )


def sqlalchemy(stack: ExitStack) -> Iterator[Face]:
    """SQLAlchemy over `sqlite3`: Core, and an ORM's query of whole rows."""
    import sqlalchemy as sa
    from sqlalchemy import orm

    import afresh.db.sqlalchemy as instrumented

    class Product:
        id: Any

    columns = (
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.Text),
        sa.Column("price", sa.Integer),
    )
    product = sa.Table("product", sa.MetaData(), *columns)
    orm.registry().map_imperatively(Product, product)

    def engine(seen: bool) -> sa.Engine:
        raw = _filled(stack)
        made = sa.create_engine("sqlite://", creator=lambda: raw, poolclass=sa.StaticPool)
        if seen:
            instrumented.instrument(made)
        return made

    def core(seen: bool) -> Ask:
        connection = stack.enter_context(engine(seen).connect())
        statement = sa.select(product.c.name).where(product.c.id == sa.bindparam("number"))
        return lambda number: connection.execute(statement, {"number": number}).all()

    def session(seen: bool) -> Ask:
        opened = stack.enter_context(orm.Session(engine(seen)))
        statement = sa.select(Product).where(Product.id == sa.bindparam("number"))
        return lambda number: opened.scalars(statement, {"number": number}).all()

    yield Face("SQLAlchemy Core", core(False), core(True))
    yield Face("SQLAlchemy ORM", session(False), session(True))


def django(stack: ExitStack) -> Face:
    """Django's ORM over `sqlite3`."""
    import django as package
    from django.conf import settings
    from django.db import connections, models

    memory = {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}
    settings.configure(DATABASES={"default": memory, "seen": memory}, INSTALLED_APPS=[], SECRET_KEY="bench")
    package.setup()
    from afresh.django.database.capture import watch

    class Product(models.Model):
        name = models.TextField()
        price = models.IntegerField()

        class Meta:
            app_label = "bench"
            db_table = "product"

    for alias in connections:
        with connections[alias].schema_editor() as editor:
            editor.create_model(Product)
        Product.objects.using(alias).bulk_create(
            Product(id=n, name=f"product {n}", price=n) for n in range(1, ROWS + 1)
        )
        stack.callback(connections[alias].close)
    watch(connections["seen"])

    def ask(alias: str) -> Ask:
        rows = Product.objects.using(alias)
        return lambda number: list(rows.filter(id=number).values_list("name"))

    return Face("Django", ask("default"), ask("seen"))
