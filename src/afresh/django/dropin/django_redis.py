"""In place of `django_redis.cache.RedisCache`: write `afresh.django.dropin.django_redis.RedisCache`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from afresh.django.dropin.client import get_redis_connection
from afresh.django.dropin.herding import Herding
from afresh.django.dropin.of_django_redis import translate

__all__ = ["RedisCache", "get_redis_connection"]


class RedisCache(Herding):
    """django-redis 7, with its settings, its methods and the values that it has stored.

    Args:
        server: `LOCATION`.
        params: The whole entry of `CACHES`, as django-redis takes it.

    Raises:
        ConfigurationError: Something of it can't be honoured; the message says what to write instead.
    """

    def __init__(self, server: Any, params: Mapping[str, Any]) -> None:
        super().__init__(translate(server, params), params)

    def clear(self, client: Any = None) -> bool:
        """Remove what this cache has, ours and theirs; what else the server has stays."""
        return super().clear()
