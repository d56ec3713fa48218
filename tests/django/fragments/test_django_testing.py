"""A test's own cache, signals, and what programs do with fragments."""

from __future__ import annotations

import asyncio
import unittest

import pytest
from django.test import TestCase
from django_shop.models import Product

from afresh import Cache, Row
from afresh.django import project_cache, signals
from afresh.django.fragments.helpers import ainvalidate_fragment, invalidate_fragment
from afresh.django.querysets import cached
from afresh.django.testing import OwnCache, own_cache

pytestmark = pytest.mark.parametrize("engine", ["sqlite3"], indirect=True)
pytest_plugins = ["afresh.django.testing"]


def test_the_fixture(afresh_project_cache, engine):
    assert project_cache() is afresh_project_cache
    assert afresh_project_cache.stats().entries == 0


def test_a_block_of_its_own(engine):
    with own_cache() as outer:
        with own_cache(namespace="mine") as inner:
            assert project_cache() is inner
        assert project_cache() is outer
        assert inner._engine.closed


def test_cases_of_unittest(database):
    seen = []

    class Case(OwnCache, TestCase):
        @classmethod
        def setUpTestData(cls):
            Product.objects.create(pk=1, name="hammer", slug="a")

        def names(self):
            return list(cached(Product.objects.values_list("name", flat=True)))

        def test_1(self):
            seen.append(self.cache)
            assert project_cache() is self.cache
            assert self.names() == ["hammer"]
            with self.assertNumQueries(0):
                assert self.names() == ["hammer"]
            Product.objects.update(name="saw")
            assert self.names() == ["saw"]

        def test_2(self):
            seen.append(self.cache)
            assert self.names() == ["hammer"]

    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromTestCase(Case).run(result)
    assert [text for _, text in [*result.errors, *result.failures]] == []
    assert len({*map(id, seen)}) == 2
    assert all(cache._engine.closed for cache in seen)


def test_a_fragment_is_dropped(counted, rows):
    product = Product.objects.get(pk=1)
    text = counted.kept('"card" p n', "{{ ''|counted }}")

    def page(n):
        with counted.cache.scope():
            return counted(text, p=product, n=n)

    assert [page(1), page(2)] == ["1", "2"]
    invalidate_fragment("card", product, 1)
    assert [page(1), page(2)] == ["3", "2"]
    invalidate_fragment("card")
    assert [page(1), page(2)] == ["4", "5"]
    asyncio.run(ainvalidate_fragment("card", product, 2))
    assert [page(1), page(2)] == ["4", "6"]


@pytest.fixture
def heard(engine):
    """What receivers were told."""
    told = []

    def receiver(sender, **named):
        told.append((sender, named))

    with own_cache() as cache:
        for signal in (signals.invalidated, signals.loaded, signals.not_kept):
            signal.connect(receiver)
        yield cache, told
        for signal in (signals.invalidated, signals.loaded, signals.not_kept):
            assert signal.disconnect(receiver)
        told.clear()
        cache.invalidate(Row("product", 8))
        assert told == []


def test_signals(heard):
    cache, told = heard
    cache.get_or_load("it", lambda: 7)
    [(sender, named)] = told
    assert (sender, named["key"]) == (cache, ":it")
    told.clear()
    cache.invalidate(Row("product", 7))
    assert [named["names"][0] for _, named in told] == ["row::product:7:any"]
    told.clear()
    with Cache("memory://") as other:
        cache.get_or_load("mixed", lambda: other.get_or_load("x", lambda: 1))
    assert told[-1][1]["reason"] == "a part of it is numbered by another ledger"
