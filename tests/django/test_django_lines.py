"""What else Django offers: locks, iterators, extra(), hooks, routers, wrappers of the user's, migrations."""

from __future__ import annotations

from contextlib import suppress

import pytest
from django.db import connection, connections, models, transaction
from django.db.migrations import AddField, CreateModel, RunPython, RunSQL
from django.db.migrations.migration import Migration
from django.db.migrations.state import ProjectState
from django.db.models import F, Q
from django.test import override_settings
from django_reads import elsewhere, filled, sql
from django_shop.models import Category, Product, Review
from django_writes import Undone, taken_back, write


@pytest.fixture(autouse=True)
def rows(database):
    filled()


@pytest.fixture
def name(cache):
    return cache.cached(prefix="name")(lambda: Product.objects.values_list("name", flat=True).get(pk=1))


# -- reads


def test_a_row_that_is_locked_and_changed(cache, name):
    """The lock's own read is cached by nobody; others go on with what is committed."""
    name()
    with transaction.atomic():
        product = Product.objects.select_for_update().get(pk=1)
        assert elsewhere(name) == "hammer"
        product.name = "locked"
        product.save()
        assert elsewhere(name) == "hammer"
    assert elsewhere(name) == name() == "locked"


def test_a_cached_function_that_locks(cache, database):
    """It reads like any other; what it returns is dropped like any other's."""

    @cache.cached
    def locked():
        with transaction.atomic():
            return Product.objects.select_for_update().get(pk=1).stock

    assert locked() == 1
    Product.objects.filter(pk=1).update(stock=F("stock") + 1)
    assert locked() == 2


@pytest.mark.parametrize("chunks", [1, 100])
def test_iterators(cache, chunks):
    """Server-side cursors, in PostgreSQL; one that isn't read to its end depends on all the same."""
    whole = cache.cached(prefix="whole")(
        lambda: [each.name for each in Product.objects.order_by("pk").iterator(chunk_size=chunks)]
    )

    @cache.cached(prefix="first")
    def first():
        return next(Product.objects.order_by("pk").iterator(chunk_size=chunks)).name

    assert (whole()[0], first()) == ("hammer", "hammer")
    Product.objects.filter(pk=1).update(name="new")
    assert (whole()[0], first()) == ("new", "new")
    with transaction.atomic():
        assert whole()[0] == "new"
        Product.objects.filter(pk=1).update(name="newer")
        assert whole()[0] == "newer"
    assert (whole()[0], first()) == ("newer", "newer")


def test_raw_and_extra(cache):
    reads = {
        "raw": lambda: [each.name for each in Product.objects.raw(
            "SELECT p.* FROM django_shop_product p JOIN django_shop_category c ON c.id = p.category_id"
            " WHERE c.name = %(name)s ORDER BY p.id", {"name": "tools"})],
        "raw, deferred": lambda: [each.stock for each in Product.objects.raw(
            "SELECT id, name FROM django_shop_product WHERE slug = %s", ["a"])],
        "extra where": lambda: [each.name for each in Product.objects.extra(
            where=["stock >= %s"], params=[1]).order_by("pk")],
        "extra select": lambda: list(Product.objects.extra(
            select={"n": "SELECT count(*) FROM django_shop_review r WHERE r.product_id = django_shop_product.id"}
        ).order_by("pk").values_list("n", flat=True)),
        "extra tables": lambda: Product.objects.extra(
            tables=["django_shop_category"],
            where=["django_shop_category.id = django_shop_product.category_id"]).count(),
    }  # fmt: skip
    cached = {each: cache.cached(prefix=each)(read) for each, read in reads.items()}
    writes = [
        lambda: Product.objects.filter(pk=1).update(name="new", stock=8),
        lambda: Category.objects.filter(pk=1).update(name="things"),
        lambda: Review.objects.create(product_id=1, stars=2),
        lambda: Product.objects.filter(pk=2).update(category=None),
    ]
    for do in [lambda: None, *writes]:
        do()
        assert {each: read() for each, read in cached.items()} == {
            each: read() for each, read in reads.items()
        }


def test_explain_and_other_helpers(cache):
    assert cache.get_or_load("explained", lambda: bool(Product.objects.filter(pk=1).explain()))
    cached = {
        "contains": lambda: Product.objects.contains(Product(pk=1)),
        "latest": lambda: Product.objects.latest("stock").name,
        "dates": lambda: list(Product.objects.datetimes("added", "day")),
        "earliest": lambda: Product.objects.earliest("stock").name,
        "none": lambda: list(Product.objects.none()),
        "last": lambda: Product.objects.last().name,
    }
    before = {each: cache.get_or_load(each, read) for each, read in cached.items()}
    Product.objects.filter(pk=3).update(stock=99, name="most")
    Product.objects.filter(pk=9).update(name="final")
    after = {each: cache.get_or_load(each, read) for each, read in cached.items()}
    assert after == {each: read() for each, read in cached.items()}
    assert after != before


# -- ends of transactions


def test_on_commit_in_its_order(name):
    """What a hook reads, asks to be invalidated, or fails by, comes after the announcement."""
    name()
    seen = []
    with transaction.atomic():
        transaction.on_commit(lambda: seen.append(("first", name())))
        with transaction.atomic():
            Product.objects.filter(pk=1).update(name="inner")
            transaction.on_commit(lambda: seen.append(("inner", elsewhere(name))))
        with suppress(Undone), transaction.atomic():
            Product.objects.filter(pk=1).update(name="undone")
            transaction.on_commit(lambda: seen.append("never"))
            raise Undone
        transaction.on_commit(lambda: Product.objects.filter(pk=1).update(name="by a hook"))
        transaction.on_commit(lambda: seen.append(("last", name())))
    assert seen == [("first", "inner"), ("inner", "inner"), ("last", "by a hook")]
    assert name() == "by a hook"


def test_a_hook_that_fails_takes_no_announcement_with_it(name):
    name()

    def fails():
        raise Undone

    def hooked():
        with transaction.atomic():
            Product.objects.filter(pk=1).update(name="new")
            transaction.on_commit(fails)

    with pytest.raises(Undone):
        hooked()
    assert name() == "new"
    with transaction.atomic():
        Product.objects.filter(pk=1).update(name="newer")
        transaction.on_commit(fails, robust=True)
    assert name() == "newer"


def test_durable_blocks_and_marked_rollbacks(name):
    name()
    with transaction.atomic(durable=True):
        Product.objects.filter(pk=1).update(name="kept")
    assert name() == "kept"
    with transaction.atomic():
        Product.objects.filter(pk=1).update(name="undone")
        transaction.set_rollback(True)
    assert name.peek() == name() == "kept"


def test_the_user_s_own_wrappers(name):
    """They see what the application sends, and nothing of ours."""
    sent = []

    def logger(execute, text, *given):
        sent.append(text.split()[0])
        return execute(text, *given)

    with connection.execute_wrapper(logger):
        name()
        Product.objects.filter(slug="a").update(stock=3)
        name()
    assert sent == ["SELECT", "UPDATE"]


# -- several databases


class Replica:
    """Reads go to another alias of the same database."""

    def db_for_read(self, model, **_):
        return "again"

    def db_for_write(self, model, **_):
        return "default"

    def allow_relation(self, *_, **__):
        return True


def test_a_router_that_reads_elsewhere(cache, database):
    settings = connections.settings
    settings["again"] = {**settings["default"]}
    try:
        with override_settings(DATABASE_ROUTERS=[Replica()]):
            read = cache.cached(prefix="name")(lambda: Product.objects.get(pk=1).name)
            assert Product.objects.all().db == "again"
            read()
            Product.objects.filter(pk=1).update(name="new")
            assert read() == "new"
            with transaction.atomic():
                Product.objects.filter(pk=1).update(name="newer")
            assert read() == "newer"
    finally:
        connections["again"].close()
        del connections["again"]
        del settings["again"]


# -- migrations


def applied(*operations):
    """A migration, as `migrate` applies it; gives the state of the models after it."""
    migration = Migration("moved", "django_moved")
    migration.operations = list(operations)
    with connection.schema_editor(atomic=True) as editor:
        return migration.apply(ProjectState(), editor)


def test_a_migration_that_changes_schema_and_rows(cache, name):
    name()
    note = CreateModel(
        "Note",
        [
            ("id", models.BigAutoField(primary_key=True)),
            ("text", models.CharField(max_length=20, default="x")),
        ],
    )
    stars = AddField("Note", "stars", models.IntegerField(default=3))
    count = cache.cached(prefix="rows")(lambda: sql("SELECT count(*) FROM django_moved_note"))

    def rename(apps, editor):
        apps.get_model("django_moved", "Note").objects.create(text="by a migration")
        Product.objects.filter(pk=1).update(name="migrated")

    try:
        applied(
            note,
            stars,
            RunPython(rename, RunPython.noop),
            RunSQL("UPDATE django_shop_product SET stock = 77 WHERE id = 1", RunSQL.noop),
        )
        assert name() == "migrated"
        assert count() == [(1,)]
        text = cache.cached(prefix="text")(lambda: sql("SELECT * FROM django_moved_note"))
        assert text() == [(1, "by a migration", 3)]
        write("ALTER TABLE django_moved_note RENAME COLUMN text TO words")
        write("UPDATE django_moved_note SET words = 'new'")
        assert text() == [(1, "new", 3)]
    finally:
        write("DROP TABLE django_moved_note")


def test_a_migration_that_is_rolled_back(cache, name, database):
    name()
    with taken_back():
        write("ALTER TABLE django_shop_review ADD COLUMN extra integer")
        write("UPDATE django_shop_review SET extra = 1")
        Product.objects.filter(pk=1).update(name="undone")
    assert name() == "hammer"
    stars = cache.cached(prefix="stars")(lambda: sql("SELECT * FROM django_shop_review WHERE id = 1"))
    before = stars()
    assert len(before[0]) == 4
    Review.objects.filter(pk=1).update(stars=2)
    assert stars() == sql("SELECT * FROM django_shop_review WHERE id = 1") != before


# -- cascades


def test_cascades_of_the_database_itself(cache, database):
    """Not Django's: the rows go where no statement speaks of them."""
    key = "SERIAL PRIMARY KEY" if database == "postgresql" else "INTEGER PRIMARY KEY"
    write(f"CREATE TABLE moved_parent (id {key}, name text)")
    write(f"CREATE TABLE moved_child (id {key}, parent integer REFERENCES moved_parent ON DELETE CASCADE)")
    try:
        write("INSERT INTO moved_parent (id, name) VALUES (1, 'a'), (2, 'b')")
        write("INSERT INTO moved_child (parent) VALUES (1), (1), (2)")
        children = cache.cached(prefix="children")(
            lambda parent: sql("SELECT count(*) FROM moved_child WHERE parent = %s", [parent])
        )
        assert (children(1), children(2)) == ([(2,)], [(1,)])
        write("DELETE FROM moved_parent WHERE id = 1")
        assert (children(1), children(2)) == ([(0,)], [(1,)])
    finally:
        write("DROP TABLE moved_child")
        write("DROP TABLE moved_parent")


def test_deletes_that_set_null_and_protect(cache):
    """By the collector: what it updates and what it deletes."""
    found = cache.cached(prefix="found")(
        lambda: list(Category.objects.order_by("pk").values_list("name", "parent__name"))
    )
    assert found() == [("tools", None), ("saws", "tools")]
    Category.objects.filter(Q(pk=2)).update(parent=None)
    assert found() == [("tools", None), ("saws", None)]
    Category.objects.get(pk=2).delete()
    assert found() == [("tools", None)]
