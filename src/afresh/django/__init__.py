"""Django: what its connections read and write is found out, once `"afresh.django"` is among INSTALLED_APPS.

Whatever reaches a database through Django's cursors is seen: the ORM, raw SQL, migrations, the
asynchronous ORM. A cache opened with `afresh.Cache(…)` anywhere in the process needs nothing else.

`"afresh.django.CacheBackend"` in CACHES is Django's own cache API on this package's stores, and
`"afresh.django.Middleware"`, first in MIDDLEWARE, keeps whole pages.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_LATER = {
    "CachedManager": "afresh.django.querysets",
    "CachedQuerySet": "afresh.django.querysets",
    "CacheBackend": "afresh.django.cache.backend",
    "Middleware": "afresh.django.pages.middleware",
    "cache_page": "afresh.django.views",
    "cached": "afresh.django.querysets",
    "invalidate_fragment": "afresh.django.fragments.helpers",
    "project_cache": "afresh.django.project",
}


def __getattr__(name: str) -> Any:
    """Load what settings name only when Django asks for it: they are read before its applications are."""
    if name not in _LATER:
        raise AttributeError(f"module 'afresh.django' has no attribute {name!r}")
    return getattr(import_module(_LATER[name]), name)
