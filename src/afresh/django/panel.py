"""A panel for django-debug-toolbar: what the cache was asked for while a page was made, and what it answered.

    DEBUG_TOOLBAR_PANELS = [*debug_toolbar.settings.PANELS_DEFAULTS, "afresh.django.panel.AfreshPanel"]

A page that `afresh.django.Middleware` has itself passes no toolbar: look at its `Cache-Status`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from debug_toolbar import panels

from afresh.core.events import Event, Kind
from afresh.django.project import project_cache

_HITS = frozenset([Kind.HIT, Kind.STALE])
_MOST = 1_000  # events that somebody would look at

_events: ContextVar[list[Event] | None] = ContextVar("afresh.panel", default=None)


_Panel: Any = panels.Panel  # some of it has types


class AfreshPanel(_Panel):  # type: ignore[misc]
    """See the module."""

    is_async = True
    title = "afresh"
    template = "afresh/panel.html"

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._end: Callable[[], None] | None = None
        self._seen: list[Event] = []

    @property
    def nav_subtitle(self) -> str:
        """In the side bar."""
        stats = self.get_stats()
        return f"{stats.get('hits', 0)} hits, {stats.get('loads', 0)} loads"

    def enable_instrumentation(self) -> None:
        """Hits that are told take longer: only while somebody looks."""
        if self._end is None:
            self._end = project_cache().listen(self._listen)

    def disable_instrumentation(self) -> None:
        """Listen no more."""
        if self._end is not None:
            self._end()
            self._end = None

    def _listen(self, event: Event) -> None:
        """Events are the process's: those of this request are kept."""
        if _events.get() is self._seen and len(self._seen) < _MOST:
            self._seen.append(event)

    def process_request(self, request: Any) -> Any:
        """Collect what is told while the page is made."""
        token = _events.set(self._seen)
        try:
            response = super().process_request(request)
        finally:
            _events.reset(token)
        return self._awaited(response) if inspect.isawaitable(response) else response

    async def _awaited(self, response: Any) -> Any:
        token = _events.set(self._seen)
        try:
            return await response
        finally:
            _events.reset(token)

    def generate_stats(self, request: Any, response: Any) -> None:
        """What was told."""
        self.record_stats(
            {
                "hits": sum(event.kind in _HITS for event in self._seen),
                "loads": sum(event.kind is Kind.LOAD for event in self._seen),
                "url": project_cache().stats().url,
                "mode": project_cache().mode,
                "events": [
                    {
                        "kind": event.kind.value,
                        "key": event.key or ", ".join(map(str, event.detail.get("names", ()))),
                        "reason": event.reason,
                        "milliseconds": round(event.seconds * 1000, 2),
                    }
                    for event in self._seen
                ],
            }
        )
