"""`CacheMiddleware` for Litestar: what a handler reads of the request decides who shares its answer.

It stands behind those that say who is asking: they run for each request, hits too. What a guard, a
dependency or the handler reads is the page's key.
"""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple, Unpack
from weakref import WeakKeyDictionary

from litestar.background_tasks import BackgroundTask
from litestar.utils.scope.state import CONNECTION_STATE_KEY, ScopeState

from afresh.cache import Cache
from afresh.core.durations import Duration
from afresh.http.answers.exchange import Exchange
from afresh.http.answers.leaving import notice
from afresh.http.asgi import Scope
from afresh.http.options import Given
from afresh.http.requests.watching import OF_THE_SERVER, Watching
from afresh.litestar.parsed import Parsed

_UNSEEN = 60.0  # seconds: what nobody announces (a file, another service) may be so old


class _Made(NamedTuple):
    """What one middleware has beside its application.

    Attributes:
        given: What it was made of.
        own: Its attributes.
    """

    given: dict[str, Any]
    own: dict[str, Any]

    def is_of(self, given: dict[str, Any]) -> bool:
        """Whether another one would be the same."""
        return given.keys() == self.given.keys() and all(given[name] is self.given[name] for name in given)


_made: WeakKeyDictionary[Cache, list[_Made]] = WeakKeyDictionary()


class CacheMiddleware(Watching):
    """See the module, and `Watching` for its arguments.

    Litestar makes one for each route. Those that `DefineMiddleware` makes of the same arguments have
    everything in common but what comes next: what is known of pages, and what hits have left to do.
    """

    of_the_server: ClassVar[frozenset[str]] = OF_THE_SERVER | {
        "litestar_app",
        "path_template",
        "route_handler",
    }
    of_the_state: ClassVar[frozenset[str]] = frozenset([CONNECTION_STATE_KEY])

    def __init__(
        self,
        app: Any,
        cache: Cache,
        *,
        auto: Duration | None = _UNSEEN,
        unkeyed: tuple[str, ...] | list[str] = (),
        **options: Unpack[Given],
    ) -> None:
        given = {"auto": auto, "unkeyed": unkeyed, **options}
        known = _made.setdefault(cache, [])
        twin = next((each for each in known if each.is_of(given)), None)
        if twin is None:
            super().__init__(app, cache, auto=auto, unkeyed=unkeyed, **options)
            own = {name: value for name, value in vars(self).items() if name != "app"}
            known.append(_Made(given, own))
        else:
            vars(self).update(twin.own)
            self.app = app

    def _watched(self, exchange: Exchange, scope: Scope) -> Scope:
        before: Any = scope
        parsed = ScopeState.from_scope(before)  # there is one from here on
        watched: Any = super()._watched(exchange, scope)
        dict.__setitem__(watched["state"], CONNECTION_STATE_KEY, Parsed(parsed, watched.reads))
        return watched  # type: ignore[no-any-return]


notice(BackgroundTask)
