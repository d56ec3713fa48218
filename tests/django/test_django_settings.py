"""The setting `AFRESH`, what `manage.py check` says of it, and which databases the aliases mean."""

from __future__ import annotations

import pytest
from django.core.checks import run_checks
from django.db import connection, connections
from django.test import override_settings
from django_reads import filled
from django_shop.models import Product
from django_writes import write

from afresh.django.database.databases import database_of, name_of
from afresh.django.settings import unknown_columns, volatile


def findings(setting):
    with override_settings(AFRESH=setting, MIDDLEWARE=[]):
        return sorted(each.id for each in run_checks() if each.id.startswith("afresh"))


@pytest.mark.parametrize(
    ("setting", "found"),
    [
        (None, []),
        ({}, []),
        ({"VOLATILE": ["django_shop.Product.views"], "UNSEEN_TTL": "1m", "OLD_IMAGES": False}, []),
        ({"DATABASES": {"other": "default"}}, []),
        ([], []),
        (["VOLATILE"], ["afresh.E001"]),
        ("memory://", []),
        ({"VOLATIL": []}, ["afresh.E002"]),
        ({"VOLATILE": ["Product.views"]}, ["afresh.E003"]),
        ({"VOLATILE": ["django_shop.Product.view"]}, ["afresh.E003"]),
        ({"VOLATILE": ["django_shop.Produce.views", "django_shop.Product.reviews"]}, ["afresh.E003"] * 2),
        ({"DATABASES": {"other": "third"}}, ["afresh.E004"]),
        ({"REPLICA_LAG": {"other": "5s"}}, []),
        ({"REPLICA_LAG": {"third": "5s"}}, ["afresh.E004"]),
    ],
)
def test_what_is_wrong_with_the_setting_is_said(setting, found):
    assert findings(setting) == found


def test_a_database_that_is_not_watched_is_said_and_kept_nowhere(cache, database, monkeypatch):
    filled()
    connections["other"].close()
    del connections["other"]
    monkeypatch.setattr(connections["other"], "vendor", "oracle", raising=False)
    monkeypatch.setattr(connections["other"], "display_name", "Oracle", raising=False)
    assert findings({}) == ["afresh.W001"]
    count = cache.cached(prefix="count")(lambda: Product.objects.using("other").count())
    assert count() == 0
    assert count.peek() is None
    assert "Oracle" in cache.explain("count()").reason
    connections["other"].close()
    del connections["other"]


def test_volatile_columns_by_their_names_in_the_database():
    with override_settings(
        AFRESH={"VOLATILE": ["django_shop.Product.category", "django_shop.Product.views"]}
    ):
        assert volatile("default") == {"django_shop_product": {"category_id", "views"}}
        assert unknown_columns() == []


def test_the_name_of_a_database_is_that_of_its_first_alias(database):
    assert name_of("default") == ""
    assert name_of("other") == "other"
    with override_settings(AFRESH={"DATABASES": {"other": "default"}}):
        assert name_of("other") == ""


def test_two_aliases_of_one_database_are_one(cache, database):
    filled()
    settings = connections.settings
    settings["again"] = {**settings["default"]}
    try:
        name = cache.cached(prefix="name")(lambda: Product.objects.using("again").get(pk=1).name)
        assert name() == "hammer"
        Product.objects.using("default").filter(pk=1).update(name="one")
        assert name() == "one"
        assert database_of(connections["again"]) is database_of(connections["default"])
    finally:
        connections["again"].close()
        del connections["again"]
        del settings["again"]


def test_another_database_under_the_same_alias_is_another(database):
    """As when a test database takes the place of the real one."""
    before = database_of(connection)
    connection.settings_dict["NAME"], name = "elsewhere", connection.settings_dict["NAME"]
    try:
        assert database_of(connection) is not before
    finally:
        connection.settings_dict["NAME"] = name
    assert database_of(connection) is before


def test_without_old_images_less_is_known_and_nothing_is_stale(cache, database, monkeypatch):
    filled()
    monkeypatch.setattr(database_of(connection), "old_images", False)
    prices = cache.cached(prefix="prices")(
        lambda: list(Product.objects.filter(category_id=1).values_list("price"))
    )
    prices()
    write("UPDATE django_shop_product SET price = 0 WHERE slug = 'a'")
    assert len(prices()) == 2
    assert (0,) in prices()


def test_what_a_replica_says_is_as_old_as_it_may_be(cache, database):
    """The other alias is a replica of the default one, which hasn't heard of the last change."""
    filled()
    Product.objects.using("other").create(pk=1, slug="a", name="hammer")
    connections["other"].close()
    with override_settings(AFRESH={"DATABASES": {"other": "default"}, "REPLICA_LAG": {"other": "1h"}}):
        name = cache.cached(prefix="name")(lambda: Product.objects.using("other").get(pk=1).name)
        Product.objects.using("default").filter(pk=1).update(name="new")
        assert name() == "hammer"
        assert name.peek() is None
        assert "replica" in cache.explain("name()").reason
    connections["other"].close()
