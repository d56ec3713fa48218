"""afresh: a cache for Python web applications whose results stay true.

::

    from afresh import Cache, Row

    cache = Cache()

    @cache.cached(ttl="5m", tags=lambda id: [Row("product", id)])
    def product(id: int) -> dict: ...

    cache.invalidate(Row("product", 7))
"""

from afresh.cache import Cache
from afresh.core.events import Event, Kind
from afresh.core.keys import Secret
from afresh.core.policy import Policy
from afresh.core.tags import Dependency, Key, Row, Table, Tag, Where, tag
from afresh.decorators import CachedCoroutine, CachedFunction
from afresh.engine.cells import ABSENT
from afresh.engine.explain import Explanation
from afresh.engine.scope import Scope, Token
from afresh.engine.stats import SiteStats, Stats
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
    "Event",
    "Explanation",
    "Key",
    "Kind",
    "LoadTimeout",
    "NotInvalidated",
    "Policy",
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
