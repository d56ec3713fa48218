"""Caches that are wrong on purpose: the demo's oracle has to find them out. Not part of any suite."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from afresh.demo.catalogue import pages, web
from afresh.demo.drive.worker import Served


@contextmanager
def stale(site: Starlette) -> Iterator[Served]:
    """Pages are kept for good: right until somebody edits."""
    names = ("home", "section", "package", "search", "overview")
    originals = {name: getattr(pages, name) for name in names}
    for name, function in originals.items():
        setattr(pages, name, lru_cache(maxsize=None)(function))
    yield Served(site)
    for name, function in originals.items():
        setattr(pages, name, function)


@contextmanager
def leaking(site: Starlette) -> Iterator[Served]:
    """Whole pages are kept under their address alone, and who asks is forgotten."""
    original: Callable[..., Response] = web.page
    kept: dict[str, Response] = {}

    def page(request: Request, *values: Any, **named: Any) -> Response:
        address = str(request.url.path) + "?" + request.url.query
        if address not in kept:
            kept[address] = original(request, *values, **named)
        return kept[address]

    setattr(web, "page", page)  # noqa: B010
    yield Served(site)
    setattr(web, "page", original)  # noqa: B010
