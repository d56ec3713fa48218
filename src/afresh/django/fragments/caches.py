"""Which cache a project's fragments, views and querysets are kept in."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.cache import caches

from afresh.cache import Cache
from afresh.django.project import OURS, project_cache
from afresh.errors import ConfigurationError

_FRAGMENTS = "template_fragments"  # where Django's own tag looks first


def cache_of(using: str | None = None) -> Cache:
    """The cache that `using=` names; without one, the project's.

    Args:
        using: An alias of CACHES, or a pool of the project's cache.

    Raises:
        ConfigurationError: It names neither.
    """
    if using is None:
        return _backend(_FRAGMENTS) or project_cache()
    found = _backend(using)
    if found is not None:
        return found
    if using in settings.CACHES:
        raise ConfigurationError(
            f"CACHES[{using!r}] is no {OURS}: make it one, or leave using= out for the project's cache."
        )
    return project_cache().pool(using)


def _backend(alias: str) -> Cache | None:
    if alias not in settings.CACHES:
        return None
    backend: Any = caches[alias]
    found = getattr(backend, "afresh", None)
    return found if isinstance(found, Cache) else None
