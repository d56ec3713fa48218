"""The table of automatic invalidation: each kind of write is seen, and leaves alone what it didn't change."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from contextlib import closing, contextmanager
from functools import partial

import pytest
from asgiref.sync import async_to_sync
from bench.django_table import cells
from django.db import connection, connections
from django_shop.models import Product
from django_writes import write
from watch_shop import until

from afresh.db.watch import Slot, Taken, Watcher
from afresh.db.watch.asking import Asker, connector
from afresh.db.watch.sqlite import SQLiteWatcher
from afresh.db.watch.sqlite.install import remove

OTHER_PROGRAM = "other program"


class Products:
    """What is cached of the shop's products; `asynchronous`: written by the asynchronous ORM."""

    model = Product

    def __init__(self, cache, server, *, asynchronous):
        self._server = server
        self._meanwhile = None
        self.name = cache.cached(prefix="name")(self._name)
        self.only_name = cache.cached(prefix="only name")(
            lambda pk: Product.objects.values_list("name", flat=True).get(pk=pk)
        )
        writes = ASYNCHRONOUS if asynchronous else (cells.saves, cells.updates, cells.updates_many)
        self.saves, self.updates, self.updates_many = (partial(each, Product) for each in writes)

    def _name(self, pk):
        found = Product.objects.get(pk=pk).name
        if self._meanwhile is not None:
            meanwhile, self._meanwhile = self._meanwhile, None
            thread = threading.Thread(target=lambda: (meanwhile(), connections.close_all()))
            thread.start()
            thread.join()
        return found

    def late(self, pk, meanwhile):
        self._meanwhile = meanwhile
        assert self.name(pk) == "a"

    def elsewhere(self, sql):
        database = connection.settings_dict["NAME"]
        if self._server is not None:
            self._server.psql(sql, database=database)
        else:
            program = (
                "import sqlite3, sys; sqlite3.connect(sys.argv[1], isolation_level=None).execute(sys.argv[2])"
            )
            subprocess.run([sys.executable, "-c", program, database, sql], check=True)


@async_to_sync
async def asaves(model, pk, **values):
    product = await model.objects.aget(pk=pk)
    for name, value in values.items():
        setattr(product, name, value)
    await product.asave(update_fields=list(values))


@async_to_sync
async def aupdates(model, pk, **values):
    await model.objects.filter(pk=pk).aupdate(**values)


@async_to_sync
async def aupdates_many(model, *keys, **values):
    products = [each async for each in model.objects.filter(pk__in=keys)]
    for product in products:
        for name, value in values.items():
            setattr(product, name, value)
    await model.objects.abulk_update(products, list(values))


ASYNCHRONOUS = (asaves, aupdates, aupdates_many)


@pytest.fixture(params=["sync", "async"])
def products(request, database, cache):
    write("INSERT INTO django_shop_product (id, name, slug, price, stock, state, views) VALUES"
          " (1, 'a', 'a', 1, 0, 'l', 0), (2, 'b', 'b', 1, 0, 'l', 0)")  # fmt: skip
    server = request.getfixturevalue("postgres") if database == "postgresql" else None
    return Products(cache, server, asynchronous=request.param == "async")


@pytest.mark.parametrize("cell", [cell for cell in cells.CELLS if cell != OTHER_PROGRAM])
def test_a_cell(products, cell):
    assert cells.CELLS[cell](products) == cells.GOAL[cell]


@contextmanager
def triggered(cache):
    """Triggers of SQLite write a log, which is followed; nothing is left of it afterwards."""
    database = connection.settings_dict["NAME"]
    try:
        with SQLiteWatcher(database, cache):
            yield
    finally:
        with closing(sqlite3.connect(database, isolation_level=None)) as plain:
            remove(plain)


@contextmanager
def followed(cache):
    """PostgreSQL's log is followed; nothing is left of it afterwards."""
    settings = connection.settings_dict
    url = f"postgresql://postgres@{settings['HOST']}:{settings['PORT']}/{settings['NAME']}"
    try:
        with Watcher(url, cache, slot="django_table", full="all"):
            yield
    finally:
        with closing(Asker(connector(url))) as asker:
            until(lambda: dropped(asker), "the slot's end")


def dropped(asker):
    try:
        Slot("django_table").drop(asker)
    except Taken:  # whoever read it is still ending
        return False
    return True


FOLLOWED = {"postgresql": followed, "sqlite3": triggered}


def test_what_another_program_writes(products, cache, database):
    with FOLLOWED[database](cache):
        assert cells.CELLS[OTHER_PROGRAM](products) == cells.GOAL[OTHER_PROGRAM]
