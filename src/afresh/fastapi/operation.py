"""One path operation as the cache calls it: its result by type, and what it did beside that."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from afresh.fastapi.answers import Done, Watched, repeat, sets_a_cookie
from afresh.fastapi.parameters import Parameters
from afresh.fastapi.results import Passed, Results


class Operation:
    """One path operation.

    Args:
        function: The function, with or without `async`.
        parameters: Its parameters.
        kind: The type that it is answered with, if that is known.

    Attributes:
        stored: The type of what is stored: the result, and with it what was done to `Response`, if there is one.
    """

    def __init__(self, function: Callable[..., Any], parameters: Parameters, kind: Any) -> None:
        self.function = function
        self.parameters = parameters
        self.stored = tuple[kind, Done] if parameters.response else kind
        self._results = Results(kind, function.__qualname__)

    def load(self, kwargs: dict[str, Any]) -> Any:
        """Run it; its result as it is stored."""
        watched = self._watched(kwargs)
        return self._after(watched, self.function(**kwargs))

    async def load_async(self, kwargs: dict[str, Any]) -> Any:
        """Run it; its result as it is stored."""
        watched = self._watched(kwargs)
        running: Coroutine[Any, Any, Any] = self.function(**kwargs)
        return self._after(watched, await running)

    def answered(self, stored: Any, kwargs: dict[str, Any]) -> Any:
        """The result, for one who may not have run it."""
        name = self.parameters.response
        if name is None:
            return stored
        result, done = stored
        if kwargs.get(name) is not None:
            repeat(done, kwargs[name])
        return result

    def _watched(self, kwargs: dict[str, Any]) -> Watched | None:
        response = kwargs.get(self.parameters.response or "")
        return None if response is None else Watched(response)

    def _after(self, watched: Watched | None, result: Any) -> Any:
        kept = self._results.kept(result)
        if self.parameters.response is None:
            return kept
        done: Done = (None, ()) if watched is None else watched.done()
        if sets_a_cookie(done):
            raise Passed(result)
        return kept, done
