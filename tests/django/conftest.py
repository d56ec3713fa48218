"""Django with two databases, of SQLite or of PostgreSQL, and a cache that knows nothing of them."""

from __future__ import annotations

import pytest
from asgiref.sync import SyncToAsync
from django.core.management.color import no_style
from django.db import connections
from django_world import ALIASES, configure

from afresh import Cache
from afresh.testing.servers import PostgresServer

configure()


@pytest.fixture(scope="session")
def postgres(tmp_path_factory):
    with PostgresServer(tmp_path_factory.mktemp("postgres")) as server:
        yield server


@pytest.fixture(scope="session", params=["sqlite3", pytest.param("postgresql", marks=pytest.mark.servers)])
def engine(request, tmp_path_factory):
    """Both databases, with the shop's tables."""
    for alias in ALIASES:
        if request.param == "sqlite3":
            point_at(alias, NAME=str(tmp_path_factory.mktemp("sqlite") / alias))
        else:
            server = request.getfixturevalue("postgres")
            server.create(alias)
            point_at(alias, NAME=alias, USER="postgres", HOST="127.0.0.1", PORT=server.port)
        create_tables(alias)
    yield request.param
    for alias in ALIASES:
        connections[alias].close()
        point_at(alias, NAME=":memory:")


def point_at(alias, *, NAME, **options):
    """Let an alias mean another database from here on."""
    kind = "sqlite3" if not options else "postgresql"
    connections[alias].close()
    given = {"ENGINE": f"django.db.backends.{kind}", "NAME": NAME, **options}
    connections.databases.update(connections.configure_settings({**connections.databases, alias: given}))
    del connections[alias]


def models():
    from django.apps import apps

    return list(apps.get_app_config("django_shop").get_models())


def create_tables(alias):
    with connections[alias].schema_editor() as editor:
        for model in models():
            editor.create_model(model)


@pytest.fixture
def database(engine):
    """Empty tables; whatever a test left is taken away afterwards, where no cache sees it."""
    yield engine
    SyncToAsync.single_thread_executor.submit(forget_connections).result()
    for alias in ALIASES:
        connection = connections[alias]
        flush = connection.ops.sql_flush(no_style(), _tables(), reset_sequences=True, allow_cascade=True)
        connection.ops.execute_sql_flush(flush)
        connection.close()


def forget_connections():
    """The thread of the asynchronous ORM is one for all tests, and the next one may have other databases."""
    for alias in connections:
        connections[alias].close()
        del connections[alias]


def _tables():
    return [table for model in models() for table in _tables_of(model)]


def _tables_of(model):
    yield model._meta.db_table
    for field in model._meta.local_many_to_many:
        yield field.m2m_db_table()


@pytest.fixture
def cache(database):
    with Cache("memory://") as opened:
        yield opened
