"""afresh: a cache for Python web applications whose results stay true.

::

    from afresh import Cache, Row

    cache = Cache()

    @cache.cached(ttl="5m", tags=lambda id: [Row("product", id)])
    def product(id: int) -> dict: ...

    cache.invalidate(Row("product", 7))
"""

TYPE_CHECKING = False  # as type checkers know it: `typing` itself takes a third as long as the whole cache
if TYPE_CHECKING:
    from afresh import errors as errors
    from afresh.backends.findings import Finding
    from afresh.cache import Cache
    from afresh.callables import CachedCoroutine, CachedFunction
    from afresh.core.events import Event, Kind
    from afresh.core.keys import Secret
    from afresh.core.policy import Policy
    from afresh.core.tags import Dependency, Key, Row, Table, Tag, Where, tag
    from afresh.engine.asking.scope import Scope, Token
    from afresh.engine.telling.doctor import Diagnosis
    from afresh.engine.telling.explain import Explanation
    from afresh.engine.telling.stats import SiteStats, Stats
    from afresh.engine.values.cells import ABSENT
    from afresh.errors import (
        AfreshError,
        BackendError,
        CacheClosed,
        ConfigurationError,
        LoadTimeout,
        NotInvalidated,
        UncacheableValue,
        UnkeyableArgument,
    )
    from afresh.places import Pool

__version__ = "0.1.0"

__all__ = [
    "ABSENT",
    "AfreshError",
    "BackendError",
    "Cache",
    "CacheClosed",
    "CachedCoroutine",
    "CachedFunction",
    "ConfigurationError",
    "Dependency",
    "Diagnosis",
    "Event",
    "Explanation",
    "Finding",
    "Key",
    "Kind",
    "LoadTimeout",
    "NotInvalidated",
    "Policy",
    "Pool",
    "Row",
    "Scope",
    "Secret",
    "SiteStats",
    "Stats",
    "Table",
    "Tag",
    "Token",
    "UncacheableValue",
    "UnkeyableArgument",
    "Where",
    "tag",
]

_HOMES = {
    "backends.findings": ("Finding",),
    "cache": ("Cache",),
    "callables": ("CachedCoroutine", "CachedFunction"),
    "core.events": ("Event", "Kind"),
    "core.keys": ("Secret",),
    "core.policy": ("Policy",),
    "core.tags": ("Dependency", "Key", "Row", "Table", "Tag", "Where", "tag"),
    "engine.asking.scope": ("Scope", "Token"),
    "engine.telling.doctor": ("Diagnosis",),
    "engine.telling.explain": ("Explanation",),
    "engine.telling.stats": ("SiteStats", "Stats"),
    "engine.values.cells": ("ABSENT",),
    "errors": (
        "AfreshError",
        "BackendError",
        "CacheClosed",
        "ConfigurationError",
        "LoadTimeout",
        "NotInvalidated",
        "UncacheableValue",
        "UnkeyableArgument",
    ),
    "places": ("Pool",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """Load what is named when it is named: a program that only might cache pays nothing to import this."""
        from importlib import import_module

        if name == "errors":
            return import_module("afresh.errors")
        if name not in _HOME_OF:
            raise AttributeError(f"module 'afresh' has no attribute {name!r}")
        found = globals()[name] = getattr(import_module(f"afresh.{_HOME_OF[name]}"), name)
        return found

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__, "errors"})
