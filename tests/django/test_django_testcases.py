"""Django's test cases, in which nothing commits: there, too, cached values are used, and are true."""

from __future__ import annotations

import unittest

import pytest
from django.db import connections, transaction
from django.test import TestCase, TransactionTestCase
from django_reads import filled
from django_shop.models import Product, Review
from django_writes import taken_back, write


@pytest.fixture
def run(database, cache):
    """Runs the tests of a class as Django's runner would; gives what they saw."""

    def run(case):
        case.cache = cache
        case.databases = {"default", "other"}
        result = unittest.TestResult()
        unittest.defaultTestLoader.loadTestsFromTestCase(case).run(result)
        assert [text for _, text in [*result.errors, *result.failures]] == []
        assert result.testsRun

    return run


class Names:
    """A cached read, counted."""

    def __init__(self, cache):
        self.loads = 0
        self._cache = cache

    def __call__(self, pk=1):
        return self._cache.get_or_load(f"name {pk}", lambda: self._load(pk))

    def _load(self, pk):
        self.loads += 1
        return list(Product.objects.filter(pk=pk).values_list("name", flat=True))


def test_cached_values_are_used_and_true(run):
    class Case(TestCase):
        @classmethod
        def setUpTestData(cls):
            filled()

        def test_hits(self):
            names = Names(self.cache)
            assert names() == names() == ["hammer"]
            assert names.loads == 1

        def test_a_write_is_seen(self):
            names = Names(self.cache)
            names()
            names(2)
            for write_one in (
                lambda: Product.objects.filter(pk=1).update(name="one"),
                lambda: write("UPDATE django_shop_product SET name = 'two' WHERE id = 1"),
                self.saved,
            ):
                names.loads = 0
                write_one()
                assert names() == list(Product.objects.filter(pk=1).values_list("name", flat=True))
                assert names() != ["hammer"]
                assert names.loads == 1
                names(2)
                assert names.loads == 1

        def saved(self):
            product = Product.objects.get(pk=1)
            product.name = "three"
            product.save()

    run(Case)


def test_blocks_commit_and_roll_back(run):
    class Case(TestCase):
        @classmethod
        def setUpTestData(cls):
            filled()

        def test_a_block_commits_and_rolls_back(self):
            names = Names(self.cache)
            names()
            with transaction.atomic():
                Product.objects.filter(pk=1).update(name="kept")
                assert names() == ["kept"]
                with taken_back():
                    Product.objects.filter(pk=1).update(name="undone")
                    assert names() == ["undone"]
                assert names() == ["kept"]
            assert names() == names() == ["kept"]
            names.loads = 0
            with taken_back():
                Product.objects.filter(pk=1).update(name="undone")
            assert names() == ["kept"]
            assert names.loads == 0

        def test_a_block_without_a_savepoint(self):
            names = Names(self.cache)
            names()
            with transaction.atomic(savepoint=False):
                Product.objects.filter(pk=1).update(name="kept")
            assert names() == ["kept"]

    run(Case)


def test_savepoints_by_hand_and_coroutines(run):
    class Case(TestCase):
        @classmethod
        def setUpTestData(cls):
            filled()

        def test_savepoints_by_hand(self):
            names = Names(self.cache)
            names()
            # Later releases call it by another name.
            point = getattr(transaction, "savepoint_create", transaction.savepoint)()
            Product.objects.filter(pk=1).update(name="undone")
            transaction.savepoint_rollback(point)
            transaction.savepoint_commit(point)
            assert names() == ["hammer"]

        async def test_asynchronously(self):
            names = Names(self.cache)

            async def load():
                return [each.name async for each in Product.objects.filter(pk=1)]

            assert await self.cache.aio.get_or_load("async", load) == ["hammer"]
            await Product.objects.filter(pk=1).aupdate(name="later")
            assert await self.cache.aio.get_or_load("async", load) == ["later"]
            assert names.loads == 0

    run(Case)


def test_each_test_begins_with_what_is_there(run):
    """Whatever a test read or wrote, the next one's reads are true again."""

    class Case(TestCase):
        @classmethod
        def setUpTestData(cls):
            filled()

        def look(self, pk=1):
            names = Names(self.cache)
            there = list(Product.objects.filter(pk=pk).values_list("name", flat=True))
            assert names(pk) == there
            return there

        def test_1(self):
            self.look()
            Product.objects.filter(pk=1).update(name="one")
            assert self.look() == ["one"]

        def test_2(self):
            assert self.look() == ["hammer"]
            with transaction.atomic():
                Review.objects.all().delete()
                Product.objects.all().delete()
            assert self.look() == []

        def test_3(self):
            assert self.look() == ["hammer"]

    class After(TestCase):
        def test_nothing_is_left(self):
            assert Names(self.cache)() == []

    run(Case)
    run(After)


def test_cases_that_do_commit(run):
    class Case(TransactionTestCase):
        available_apps = ("django_shop",)

        def test_1(self):
            filled()
            names = Names(self.cache)
            assert names() == names() == ["hammer"]
            assert names.loads == 1

        def test_2(self):
            assert Names(self.cache)() == []

    run(Case)


def test_two_databases_in_a_test(run):
    class Case(TestCase):
        def test_both(self):
            reads = {
                alias: lambda alias=alias: Product.objects.using(alias).count() for alias in self.databases
            }
            seen = {alias: self.cache.get_or_load(alias, read) for alias, read in reads.items()}
            assert seen == {"default": 0, "other": 0}
            Product.objects.using("other").create(slug="a", name="a")
            assert self.cache.get_or_load("other", reads["other"]) == 1
            assert self.cache.get_or_load("default", reads["default"]) == 0

    run(Case)


def test_the_connection_is_as_before_after_a_test(run):
    class Case(TestCase):
        def test_nothing(self):
            filled()

    run(Case)
    watched = connections["default"]._afresh
    assert not watched.statements.in_transaction
    assert watched._test is None
