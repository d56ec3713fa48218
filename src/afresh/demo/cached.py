"""The same catalogue with afresh in front of it: everything that differs is in this file.

An author would write the lines below as decorators in the catalogue itself, and around its connection.
They stand here instead, and are put in front of its functions when it starts, so that one code base is
measured both ways. Nothing says what a page depends on, or what a write changes: both are seen.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from starlette.applications import Starlette

from afresh import Cache
from afresh.db import Database, dbapi
from afresh.db.watch.sqlite import SQLiteWatcher
from afresh.demo.catalogue import database, packages, pages, people, statistics
from afresh.http.starlette import CacheMiddleware

LIFETIME = "10m"

KEPT: tuple[Callable[..., Any], ...] = (
    pages.home,
    pages.section,
    pages.package,
    pages.search,
    pages.overview,
    packages.footprint,
    packages.matching,
    statistics.section,
    statistics.most_needed,
    statistics.most_demanding,
    statistics.best_rated,
    people.starred,
)
"""What is kept beside whole pages, which are made from these. The other functions are too quick for that."""


def with_pages(site: Starlette, cache: Cache) -> CacheMiddleware:
    """The catalogue with its pages in `cache`: what a view read of the request is a part of the key."""
    return CacheMiddleware(site, cache, auto=LIFETIME)


@contextmanager
def with_afresh(cache: Cache) -> Iterator[SQLiteWatcher]:
    """Put `cache` in front of the catalogue for the length of the block; gives what sees other programs' edits."""
    replaced: dict[Callable[..., Any], Callable[..., Any]] = {}
    replaced |= {function: cache.cached(ttl=LIFETIME)(function) for function in KEPT}
    replaced[database.open_file] = _seen(database.open_file)
    try:
        _replace(replaced)
        with SQLiteWatcher(database.path(), cache) as watcher:
            yield watcher
    finally:
        _replace({function: function for function in replaced})


def _seen(plain: Callable[[Path], Any]) -> Callable[[Path], Any]:
    """Connections whose statements are seen."""
    known = Database("sqlite")

    def open_file(path: Path) -> Any:
        return dbapi.wrap(plain(path), known)

    return open_file


def _replace(replaced: dict[Callable[..., Any], Any]) -> None:
    for function, replacement in replaced.items():
        setattr(sys.modules[function.__module__], function.__name__, replacement)
    database.use(database.path())  # what is open is another one's
