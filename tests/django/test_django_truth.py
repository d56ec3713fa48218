"""Every read is cached, something is written, and every read is asked again: what is cached is what is there."""

from __future__ import annotations

import pytest
from django.db import transaction
from django_reads import READS, filled
from django_writes import WRITES, taken_back


class Pages:
    """Each read as a cached function."""

    def __init__(self, cache, reads=READS):
        self.loads = dict.fromkeys(reads, 0)
        self._cache = cache
        self._reads = reads

    def __call__(self, name):
        return self._cache.get_or_load(name, lambda: self._load(name))

    def _load(self, name):
        self.loads[name] += 1
        return self._reads[name]()

    def warm(self):
        for name in self._reads:
            self(name)
        self.forget_counts()

    def forget_counts(self):
        self.loads = dict.fromkeys(self._reads, 0)

    def wrong(self):
        """The reads whose cached value isn't what the database says."""
        return {
            name: (cached, there)
            for name in self._reads
            if (cached := self(name)) != (there := self._reads[name]())
        }

    @property
    def loaded(self):
        return {name for name, count in self.loads.items() if count}


@pytest.fixture
def pages(cache, database):
    filled()
    pages = Pages(cache)
    pages.warm()
    return pages


def test_what_was_read_is_cached(pages):
    assert pages.wrong() == {}
    assert pages.loaded == set()


@pytest.mark.parametrize("write", WRITES)
def test_nothing_is_stale_after(write, pages):
    WRITES[write]()
    assert pages.wrong() == {}


@pytest.mark.parametrize("write", WRITES)
def test_nothing_is_stale_in_a_transaction_and_after_it(write, pages):
    with transaction.atomic():
        WRITES[write]()
        assert pages.wrong() == {}
    assert pages.wrong() == {}


@pytest.mark.parametrize("write", WRITES)
def test_nothing_is_dropped_by_what_is_rolled_back(write, pages):
    with taken_back():
        WRITES[write]()
        assert pages.wrong() == {}
    pages.forget_counts()
    assert pages.wrong() == {}
    assert pages.loaded == set()


@pytest.mark.parametrize("write", WRITES)
def test_nothing_is_stale_after_a_savepoint_is_undone(write, pages):
    with transaction.atomic():
        with taken_back():
            WRITES[write]()
            assert pages.wrong() == {}
        assert pages.wrong() == {}
    assert pages.wrong() == {}
