"""`CacheMiddleware` for Litestar: what a handler reads of the request decides who shares its answer.

It stands behind those that say who is asking: they run for each request, hits too. What a guard, a
dependency or the handler reads is the page's key.
"""

from __future__ import annotations

from typing import Any, ClassVar

from litestar.background_tasks import BackgroundTask
from litestar.utils.scope.state import CONNECTION_STATE_KEY, ScopeState

from afresh.http.asgi import Scope
from afresh.http.exchange import Exchange
from afresh.http.leaving import notice
from afresh.http.watching import OF_THE_SERVER, Watching
from afresh.litestar.parsed import Parsed


class CacheMiddleware(Watching):
    """See the module, and `Watching` for its arguments."""

    of_the_server: ClassVar[frozenset[str]] = OF_THE_SERVER | {
        "litestar_app",
        "path_template",
        "route_handler",
    }
    of_the_state: ClassVar[frozenset[str]] = frozenset([CONNECTION_STATE_KEY])

    def _watched(self, exchange: Exchange, scope: Scope) -> Scope:
        before: Any = scope
        parsed = ScopeState.from_scope(before)  # there is one from here on
        watched: Any = super()._watched(exchange, scope)
        dict.__setitem__(watched["state"], CONNECTION_STATE_KEY, Parsed(parsed, watched.reads))
        return watched  # type: ignore[no-any-return]


notice(BackgroundTask)
