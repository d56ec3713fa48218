"""`.cached()` on a queryset: its rows are kept, and dropped when something that they were read from changes.

::

    class Product(models.Model):
        objects = CachedManager()               # or CachedQuerySet.as_manager(), or the mixin on your own

    Product.objects.filter(category=7).cached()           # as long as it is right
    Product.objects.filter(category=7).cached(ttl="5m")
    cached(Order.objects.filter(open=True)).count()        # of a class that isn't yours

What is kept are rows: whoever asks gets objects of his own. It is the query that is kept, so what is made
of it (`count()`, `first()`, `values()`, a filter more) is kept too, each by itself; not `iterator()`, which
is for what is too long to keep, nor `select_for_update()`.
"""

from __future__ import annotations

import copy
from functools import lru_cache
from typing import Any, NamedTuple

from django.core.exceptions import EmptyResultSet, FullResultSet
from django.db import models
from django.db.models import sql
from django.db.models.sql.constants import MULTI, SINGLE

from afresh.core.durations import Duration
from afresh.core.keys import key_of
from afresh.django.database.databases import name_of
from afresh.django.fragments.caches import cache_of
from afresh.errors import ConfigurationError, UnkeyableArgument
from afresh.places import GIVEN

_MUTABLE = (list, dict, set, bytearray)


class Rows(NamedTuple):
    """What a query gave.

    Attributes:
        result: As Django's compiler gives it.
        changeable: Some value in it can be changed by who gets it: each gets a copy.
    """

    result: Any
    changeable: bool


class Kept(NamedTuple):
    """How a query is kept.

    Attributes:
        policy: How old its rows may be, where that was said.
        using: Another cache.
    """

    policy: dict[str, Any]
    using: str | None


class _Caching:
    """What is put before the class of a query."""

    afresh: Kept

    def get_compiler(self, *args: Any, **kwargs: Any) -> Any:
        """What runs it: from the cache, where that has its rows."""
        compiler = super().get_compiler(*args, **kwargs)  # type: ignore[misc]
        run = compiler.execute_sql

        def execute_sql(
            result_type: str = MULTI, chunked_fetch: bool = False, *more: Any, **named: Any
        ) -> Any:
            if chunked_fetch or result_type not in {MULTI, SINGLE} or self.select_for_update:  # type: ignore[attr-defined]
                return run(result_type, chunked_fetch, *more, **named)
            return _kept(compiler, self.afresh, result_type, lambda: run(result_type))

        compiler.execute_sql = execute_sql
        return compiler


class CachedQuery(_Caching, sql.Query):  # type: ignore[misc]  # it has no types
    """A query of the usual class that is kept."""


@lru_cache(maxsize=64)
def _caching(kind: Any) -> Any:
    return CachedQuery if kind is sql.Query else type(f"Cached{kind.__name__}", (_Caching, kind), {})


def _kept(compiler: Any, how: Kept, result_type: str, run: Any) -> Any:
    """The rows of a query, kept or read."""
    try:
        text, parameters = compiler.as_sql()
        label = compiler.query.model._meta.label_lower
        place = [("", name_of(compiler.using)), ("", result_type), ("", text), ("", tuple(parameters))]
        key = key_of(f"queryset:{label}", place)
    except (EmptyResultSet, FullResultSet, UnkeyableArgument):
        return run()  # it asks nothing, or something that no key can say
    rows: Any = cache_of(how.using).get_or_load(
        key,
        lambda: tuple(_rows(run())),
        stale_while_revalidate=0,
        early=0.0,
        soft_deadline=None,
        hard_deadline=None,
        **how.policy,
    )
    result, changeable = rows
    return copy.deepcopy(result) if changeable else result


def _rows(result: Any) -> Rows:
    if result is None or isinstance(result, tuple):
        return Rows(result, changeable=any(isinstance(each, _MUTABLE) for each in result or ()))
    chunks = [list(chunk) for chunk in result]
    return Rows(chunks, any(isinstance(each, _MUTABLE) for chunk in chunks for row in chunk for each in row))


def cached(queryset: Any, ttl: Duration | None = GIVEN, *, using: str | None = None) -> Any:
    """The same queryset, kept.

    Args:
        queryset: Of any class.
        ttl: How old its rows may be; `None` has no limit; by default, what the cache says.
        using: An alias of CACHES, or a pool of the project's cache.

    Raises:
        ConfigurationError: It is no queryset, or one of raw SQL.
    """
    if isinstance(queryset, models.Manager):
        queryset = queryset.all()
    if not isinstance(queryset, models.QuerySet):
        raise ConfigurationError(
            f"cached({queryset!r}): give a queryset, such as Product.objects.filter(…); for anything else, "
            "decorate a function with @cache.cached."
        )
    made: Any = queryset._chain()
    made.query.afresh = Kept({} if ttl is GIVEN else {"ttl": ttl}, using)
    if not isinstance(made.query, _Caching):
        kind: Any = type(made.query)
        made.query.__class__ = _caching(kind)
    return made


class CachedQuerySet(models.QuerySet):  # type: ignore[misc]  # it has no types
    """A queryset that can be kept."""

    def cached(self, ttl: Duration | None = GIVEN, *, using: str | None = None) -> Any:
        """The same queryset, kept: see `cached` in this module."""
        return cached(self, ttl, using=using)


class CachedManager(models.Manager.from_queryset(CachedQuerySet)):  # type: ignore[misc]  # it has no types
    """A manager whose querysets can be kept."""
