"""One path operation as the cache calls it: its result by type, and what it did beside that."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple

from starlette.exceptions import HTTPException

from afresh.core.policy import Policy
from afresh.engine.asking.tracker import asking
from afresh.fastapi.answers import NOTHING, Done, Watched, repeat, sets_a_cookie
from afresh.fastapi.parameters import Parameters
from afresh.fastapi.results import Passed, Results


class _Instead(NamedTuple):
    """An answer that is no result, on its way to who asked."""

    error: Passed | HTTPException


class Operation:
    """One path operation.

    Args:
        function: The function, with or without `async`.
        parameters: Its parameters.
        kind: The type that it is answered with, if that is known.
        policy: Of its results.

    Attributes:
        stored: The type of what is stored: the result, and with it what was done to `Response`, if there is one.
    """

    def __init__(
        self, function: Callable[..., Any], parameters: Parameters, kind: Any, policy: Policy
    ) -> None:
        self.function = function
        self._policy = policy
        self.parameters = parameters
        self.stored = tuple[kind, Done] if parameters.response else kind
        self._results = Results(kind, function.__qualname__)

    def load(self, kwargs: dict[str, Any]) -> Any:
        """Run it; its result as it is stored."""
        watched = self._watched(kwargs)
        try:
            return self._after(watched, self.function(**kwargs))
        except (Passed, HTTPException) as error:
            return self._instead(error)

    async def load_async(self, kwargs: dict[str, Any]) -> Any:
        """Run it; its result as it is stored."""
        watched = self._watched(kwargs)
        try:
            running: Coroutine[Any, Any, Any] = self.function(**kwargs)
            return self._after(watched, await running)
        except (Passed, HTTPException) as error:
            return self._instead(error)

    def answered(self, stored: Any, kwargs: dict[str, Any]) -> Any:
        """The result, for one who may not have run it.

        Raises:
            Passed: It is not for others, or
            HTTPException: the function raised that.
        """
        if isinstance(stored, _Instead):
            raise stored.error
        name = self.parameters.response
        if name is None:
            return stored
        result, done = stored
        if kwargs.get(name) is not None:
            repeat(done, kwargs[name])
        return result

    def _instead(self, error: Passed | HTTPException) -> _Instead:
        """What stands for an answer that is no result: an old result must not be served in its place.

        Only a failure may be covered by `stale_if_error`. That there is no such product is none.
        """
        policy, tracker = self._policy, asking()
        failed = isinstance(error, HTTPException) and error.status_code >= 500
        remembered = policy.negative_ttl is not None and isinstance(error, policy.negative)
        if failed or remembered or not policy.stale_if_error or tracker is None:
            raise error
        tracker.refuse("the answer is no result")
        return _Instead(error)

    def _watched(self, kwargs: dict[str, Any]) -> Watched | None:
        response = kwargs.get(self.parameters.response or "")
        return None if response is None else Watched(response)

    def _after(self, watched: Watched | None, result: Any) -> Any:
        kept = self._results.kept(result)
        if self.parameters.response is None:
            return kept
        done = NOTHING if watched is None else watched.done()
        if sets_a_cookie(done):
            raise Passed(result)
        return kept, done
