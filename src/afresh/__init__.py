"""afresh: a cache for Python web applications whose results stay true.

::

    from afresh import Cache, Row

    cache = Cache()

    @cache.cached(ttl="5m", tags=lambda id: [Row("product", id)])
    def product(id: int) -> dict: ...

    cache.invalidate(Row("product", 7))
"""

from typing import TYPE_CHECKING, Any

from afresh.cache import Cache
from afresh.callables import CachedCoroutine, CachedFunction
from afresh.core.events import Event, Kind
from afresh.core.keys import Secret
from afresh.core.policy import Policy
from afresh.core.tags import Dependency, Key, Row, Table, Tag, Where, tag
from afresh.engine.cells import ABSENT
from afresh.engine.scope import Scope, Token
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

if TYPE_CHECKING:
    from afresh.backends.findings import Finding
    from afresh.engine.doctor import Diagnosis
    from afresh.engine.explain import Explanation
    from afresh.engine.stats import SiteStats, Stats

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

_LATER = {
    "Diagnosis": "engine.doctor",
    "Explanation": "engine.explain",
    "Finding": "backends.findings",
    "SiteStats": "engine.stats",
    "Stats": "engine.stats",
}


def __getattr__(name: str) -> Any:
    """Load what few programs name only when it is named: importing a cache must cost nothing."""
    if name not in _LATER:
        raise AttributeError(f"module 'afresh' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"afresh.{_LATER[name]}"), name)
