"""For tests of a Django project: a cache that is empty, and a test's own.

Under Django's `TestCase` nothing commits. What is read and written in a test is cached and dropped as if its
blocks did commit, and when it is rolled back, all that depends on a database is dropped with it. What
depends on nothing stays: so give each test a cache of its own.

    class ShelfTest(OwnCache, TestCase): ...                # unittest
    pytest_plugins = ["afresh.django.testing"]               # pytest: the fixture `afresh_project_cache`
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from afresh.cache import Cache
from afresh.django import project


@contextmanager
def own_cache(**arguments: Any) -> Iterator[Cache]:
    """Let the project's cache be another one within this block: in memory, and empty.

    Args:
        arguments: Of `afresh.Cache`, such as a test's `clock`.
    """
    opened, place = project._Opened, project.place_of_project()
    before = opened.cache, opened.place
    with Cache("memory://", **arguments) as cache:
        opened.cache, opened.place = cache, place
        try:
            yield cache
        finally:
            opened.cache, opened.place = before


class OwnCache:
    """Put it before `TestCase`: each test has an empty cache, `self.cache`."""

    cache: Cache

    def setUp(self) -> None:
        """Open it."""
        own = own_cache()
        self.cache = own.__enter__()
        test: Any = self
        test.addCleanup(own.__exit__, None, None, None)
        parent: Any = super()
        parent.setUp()


@pytest.fixture
def afresh_project_cache() -> Iterator[Cache]:
    """The project's cache, empty, and this test's own."""
    with own_cache() as cache:
        yield cache
