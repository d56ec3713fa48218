"""The test mode in Django's test cases, in which nothing commits: stale reads are found there, and only those."""

from __future__ import annotations

import unittest

import pytest
from django.db import connection, transaction
from django.test import TestCase
from django_reads import READS, filled
from django_shop.models import Product
from django_writes import WRITES, taken_back

from afresh.testing import StaleRead, compared


@pytest.fixture
def run(database, cache):
    def run(case):
        case.cache = cache
        result = unittest.TestResult()
        unittest.defaultTestLoader.loadTestsFromTestCase(case).run(result)
        assert result.testsRun
        return [text for _, text in [*result.errors, *result.failures]]

    return run


class Case(TestCase):
    @classmethod
    def setUpTestData(cls):
        filled()

    def setUp(self):
        self.found = self.enterContext(compared(self.cache, ignore=["volatile"]))


def test_what_is_announced_is_right(run):
    class Right(Case):
        def test_reads_and_writes(self):
            for write in ("save", "update by a join", "delete, with cascades", "m2m set", "raw update"):
                for name in READS:
                    self.cache.get_or_load(name, READS[name])
                with taken_back():
                    WRITES[write]()
                    for name in READS:
                        self.cache.get_or_load(name, READS[name])
                for name in READS:
                    self.cache.get_or_load(name, READS[name])
            with transaction.atomic():
                WRITES["bulk_update"]()
            for name in READS:
                self.cache.get_or_load(name, READS[name])
            assert self.found.count > 5 * len(READS)

    assert run(Right) == []


def test_what_nobody_saw_is_found(run):
    """Written on the driver's own connection: to a model all rows of one key are equal, but not to the test."""

    class Wrong(Case):
        def test_a_stale_object(self):
            product = self.cache.cached(prefix="product")(lambda: Product.objects.get(pk=1))
            product()
            with connection.connection.cursor() if connection.vendor == "postgresql" else Closing() as cursor:
                cursor.execute("UPDATE django_shop_product SET name = 'unseen' WHERE id = 1")
            assert product().name == "unseen"

    (text,) = run(Wrong)
    assert StaleRead.__name__ in text
    assert ".name: 'hammer' became 'unseen'" in text
    assert "test_a_stale_object" in text


class Closing:
    """A cursor of SQLite's in a block."""

    def __enter__(self):
        self._cursor = connection.connection.cursor()
        return self._cursor

    def __exit__(self, *_):
        self._cursor.close()
