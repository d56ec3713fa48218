"""How Django's connections are watched: transactions, two databases, coroutines, and what passes no wrapper."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest
from django.core.management import call_command
from django.db import DatabaseError, IntegrityError, connection, connections, models, transaction
from django.test.utils import CaptureQueriesContext
from django_reads import elsewhere, filled, sql
from django_shop.models import Category, Product
from django_writes import taken_back, write

from afresh import Cache


@pytest.fixture(autouse=True)
def rows(database):
    filled()


@pytest.fixture
def name(cache):
    """A cached read of one column."""
    return cache.cached(prefix="name")(lambda: Product.objects.values_list("name", flat=True).get(pk=1))


# -- transactions


def test_others_see_a_change_when_it_is_committed(name):
    name()
    with transaction.atomic():
        Product.objects.filter(pk=1).update(name="later")
        assert name() == "later"
        assert elsewhere(name) == "hammer"
        with transaction.atomic():
            Product.objects.filter(pk=1).update(name="latest")
        assert elsewhere(name) == "hammer"
    assert elsewhere(name) == name() == "latest"


def test_what_is_read_in_a_transaction_that_wrote_is_kept_nowhere(name):
    with taken_back():
        Product.objects.filter(pk=1).update(name="undone")
        assert name() == "undone"
    assert name.peek() is None
    assert name() == "hammer"


def test_a_load_that_is_overtaken_by_a_write_is_not_kept(cache):
    """The late fill: the row was read before the change, and its value arrives after it."""

    def read():
        found = Product.objects.get(pk=1).name
        elsewhere(lambda: Product.objects.filter(pk=1).update(name="new"))
        return found

    assert cache.get_or_load("late", read) == "hammer"
    assert cache.get_or_load("late", lambda: Product.objects.get(pk=1).name) == "new"


def test_a_transaction_that_sees_an_old_snapshot_keeps_nothing_older(name, database):
    """What it reads may be older than what was announced since it began."""
    if database == "postgresql":
        isolation = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"
    else:
        write("PRAGMA journal_mode = WAL")
        isolation = "SELECT 1"
    with transaction.atomic():
        write(isolation)
        assert Category.objects.count() == 2
        elsewhere(lambda: Product.objects.filter(pk=1).update(name="new"))
        assert name() == "hammer"
    assert name() == "new"


def test_a_query_that_is_still_being_read_holds_a_snapshot(cache, database):
    if database == "sqlite3":
        write("PRAGMA journal_mode = WAL")
    names = {}

    def name_of(pk):
        return cache.get_or_load(f"name {pk}", lambda: Product.objects.get(pk=pk).name)

    for category in Category.objects.order_by("pk").iterator(chunk_size=1):
        elsewhere(lambda pk=category.pk: Product.objects.filter(pk=pk).update(name="new"))
        names[category.pk] = name_of(category.pk)
    assert {pk: name_of(pk) for pk in names} == dict.fromkeys(names, "new")


def test_on_commit_and_after_it_the_new_value_is_read(name):
    seen = []
    name()
    with transaction.atomic():
        Product.objects.filter(pk=1).update(name="later")
        transaction.on_commit(lambda: seen.append(name()))
    assert seen == ["later"]


def test_a_failed_write_is_no_end(name):
    name()
    with pytest.raises(IntegrityError):
        Product.objects.filter(pk=1).update(slug="b")
    assert name() == "hammer"
    with transaction.atomic():
        with pytest.raises(IntegrityError), transaction.atomic():
            Product.objects.filter(pk=1).update(slug="b")
        Product.objects.filter(pk=1).update(name="after")
    assert name() == "after"


def test_without_autocommit(name):
    name()
    transaction.set_autocommit(False)
    try:
        Product.objects.filter(pk=1).update(name="undone")
        assert name() == "undone"
        transaction.rollback()
        assert name() == "hammer"
        Product.objects.filter(pk=1).update(name="done")
        transaction.commit()
        assert elsewhere(name) == name() == "done"
        transaction.rollback()
    finally:
        transaction.set_autocommit(True)
    assert name() == "done"


def test_a_connection_that_is_closed_in_a_transaction(name):
    name()
    with suppress(DatabaseError), transaction.atomic():
        Product.objects.filter(pk=1).update(name="lost")
        connection.close()
    assert name() == "hammer"
    Product.objects.filter(pk=1).update(name="kept")
    assert name() == "kept"


def test_a_commit_that_fails_is_announced(name, monkeypatch):
    """Nobody knows whether it was made."""
    name()

    class Broken:
        def __init__(self, raw):
            self.raw = raw

        def commit(self):
            self.raw.commit()
            raise connection.Database.OperationalError("gone")

        def __getattr__(self, attribute):
            return getattr(self.raw, attribute)

    def broken():
        with transaction.atomic():
            Product.objects.filter(pk=1).update(name="perhaps")
            connection.connection = Broken(connection.connection)

    with pytest.raises(DatabaseError, match="gone"):
        broken()
    connection.connection = getattr(connection.connection, "raw", connection.connection)
    connection.close()
    assert name() == "perhaps"


# -- two databases


def test_two_databases_in_one_request(cache):
    reads = {
        alias: lambda alias=alias: Product.objects.using(alias).filter(pk=1).count() for alias in connections
    }
    cached = {alias: cache.cached(prefix=alias)(read) for alias, read in reads.items()}
    assert {alias: each() for alias, each in cached.items()} == {"default": 1, "other": 0}
    with transaction.atomic(), transaction.atomic(using="other"):
        Product.objects.using("other").create(pk=1, slug="x", name="x")
        assert cached["other"]() == 1
    assert cached["other"]() == 1
    with taken_back():
        Product.objects.using("other").all().delete()
        Product.objects.filter(pk=1).delete()
    assert {alias: each() for alias, each in cached.items()} == {"default": 1, "other": 0}


def test_a_row_of_one_database_is_none_of_another(cache):
    name = cache.cached(prefix="name")(lambda: Product.objects.get(pk=1).name)
    name()
    Product.objects.using("other").create(pk=1, slug="a", name="other")
    Product.objects.using("other").filter(pk=1).update(name="x")
    assert name.peek() == "hammer"


# -- coroutines


def test_the_asynchronous_orm(cache):
    async def main():
        @cache.cached
        async def name():
            return (await Product.objects.aget(pk=1)).name

        @cache.cached
        async def count():
            return await Product.objects.acount()

        seen = [(await name(), await count())]
        await Product.objects.filter(pk=1).aupdate(name="later")
        await Product.objects.acreate(slug="n", name="n")
        seen.append((await name(), await count()))
        product = await Product.objects.aget(pk=1)
        product.name = "latest"
        await product.asave()
        seen.append((await name(), await count()))
        await product.adelete()
        seen.append((await count(), [each.name async for each in Product.objects.filter(pk=1)]))
        return seen

    assert asyncio.run(main()) == [("hammer", 4), ("later", 5), ("latest", 5), (4, [])]


# -- what passes no wrapper, and other people's wrappers


def test_a_procedure_may_do_anything(name, database):
    name()
    if database == "sqlite3":
        with connection.cursor() as cursor:
            cursor.executescript("UPDATE django_shop_product SET name = 'script'; SELECT 1;")
        assert name() == "script"
        return
    write(
        "CREATE OR REPLACE FUNCTION rename() RETURNS void AS $$ UPDATE django_shop_product SET name = 'x' $$ LANGUAGE sql"
    )
    name()
    with connection.cursor() as cursor:
        cursor.execute("SELECT rename()")
    assert name() == "x"


def test_a_script_commits_what_is_open(name, database):
    if database != "sqlite3":
        return
    name()
    transaction.set_autocommit(False)
    try:
        Product.objects.filter(pk=1).update(name="open")
        with connection.cursor() as cursor:
            cursor.executescript("SELECT 1")
        transaction.rollback()
    finally:
        transaction.set_autocommit(True)
    assert name() == "open"


def test_rows_that_are_copied(cache, database):
    if database != "postgresql":
        return
    count = cache.cached(prefix="count")(lambda: Category.objects.count())
    count()
    with connection.cursor() as cursor:
        with cursor.copy("COPY django_shop_category (id, name) FROM STDIN") as copying:
            copying.write_row((77, "copied"))
        assert count() == 3
        assert list(cursor.stream("SELECT id FROM django_shop_category WHERE id = %s", [77])) == [(77,)]


def test_somebody_elses_wrapper_is_put_on_and_off(name):
    """It is put on before the connection is made, and at its end takes away the last wrapper there is."""
    connection.close()
    del connections["default"]

    def blocker(execute, *args):
        raise RuntimeError("no queries here")

    with connection.execute_wrapper(blocker), pytest.raises(RuntimeError):
        Product.objects.count()
    name()
    Product.objects.filter(pk=1).update(name="later")
    assert name() == "later"


def test_queries_of_our_own_are_in_no_log(cache):
    with CaptureQueriesContext(connection) as queries:
        Product.objects.filter(category_id=1).update(name="x")
    assert [each["sql"].split()[0] for each in queries.captured_queries] == ["UPDATE"]


def test_returned_rows_are_all_there():
    changed = "UPDATE django_shop_product SET stock = 8 RETURNING id"
    assert sorted(sql(changed)) == [(1,), (2,), (3,), (9,)]
    with connection.cursor() as cursor:
        cursor.execute(changed)
        assert len(cursor.fetchmany(3)) == 3
        assert cursor.fetchone() is not None
        assert cursor.fetchone() is None
        cursor.execute("SELECT id FROM django_shop_product WHERE id = 1")
        assert list(cursor) == [(1,)]
        cursor.execute(changed)
        assert sorted(cursor) == [(1,), (2,), (3,), (9,)]


def test_without_a_cache_nothing_is_asked_of_the_database():
    connections["default"]._afresh.statements.database.forget()
    Product.objects.filter(category_id=1).update(name="x")
    assert Product.objects.filter(name="x").count() == 2


# -- schemas


class Note(models.Model):
    text = models.CharField(max_length=10)

    class Meta:
        app_label = "django_shop_notes"


def test_a_table_that_is_made_while_running(cache):
    note = models.IntegerField(default=3)
    note.set_attributes_from_name("stars")
    with connection.schema_editor() as editor:
        editor.create_model(Note)
    texts = cache.cached(prefix="texts")(lambda: sql("SELECT * FROM django_shop_notes_note"))
    try:
        assert texts() == []
        first = Note.objects.create(text="a")
        assert texts() == [(first.pk, "a")]
        with connection.schema_editor() as editor:
            editor.add_field(Note, note)
        assert texts() == [(first.pk, "a", 3)]
        write("UPDATE django_shop_notes_note SET stars = 4")
        assert texts() == [(first.pk, "a", 4)]
    finally:
        with connection.schema_editor() as editor:
            editor.delete_model(Note)


def test_a_flush(cache):
    count = cache.cached(prefix="count")(lambda: Product.objects.count())
    assert count() == 4
    call_command("flush", verbosity=0, interactive=False, inhibit_post_migrate=True)
    assert count() == 0


def test_caches_that_are_opened_later_and_several(name, tmp_path):
    name()
    with Cache(f"sqlite:///{tmp_path / 'cache'}") as other:
        read = other.cached(prefix="other")(lambda: Product.objects.get(pk=1).name)
        read()
        Product.objects.filter(pk=1).update(name="both")
        assert read() == name() == "both"
