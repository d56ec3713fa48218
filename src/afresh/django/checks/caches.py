"""What `manage.py check` says about CACHES and SESSION_ENGINE, which else the first request would find out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error

from afresh.django.cache.packings import packing
from afresh.django.cache.settings import settings_of
from afresh.django.sessions.opening import OURS, place_of_sessions
from afresh.errors import ConfigurationError


def check_caches(app_configs: Sequence[Any] | None, **options: Any) -> list[CheckMessage]:
    """Entries of CACHES with our backend that make no sense."""
    found: list[CheckMessage] = []
    for alias, entry in getattr(settings, "CACHES", {}).items():
        if entry.get("BACKEND") not in OURS:
            continue
        try:
            read = settings_of(entry.get("LOCATION", ""), entry)
            packing(read.codec, read.serializer, read.signed_by)
        except ConfigurationError as error:
            found.append(Error(f"CACHES[{alias!r}]: {error}", id="afresh.E006"))
    return found


def check_sessions(app_configs: Sequence[Any] | None, **options: Any) -> list[CheckMessage]:
    """A place that can't keep sessions."""
    if getattr(settings, "SESSION_ENGINE", "") != "afresh.django.sessions":
        return []
    try:
        place_of_sessions()
    except ConfigurationError as error:
        return [Error(f"SESSION_ENGINE: {error}", id="afresh.E007")]
    return []
