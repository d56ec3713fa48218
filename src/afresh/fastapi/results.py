"""What a path operation returned, as it is kept: of the type that it is answered with."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

from pydantic import TypeAdapter, ValidationError
from starlette.responses import Response

from afresh.errors import UncacheableValue

request: ContextVar[object] = ContextVar("afresh.fastapi.request")
"""Something that only the present call of a path operation has."""


class Passed(Exception):
    """Carries a result that is nobody else's past the cache, to whoever asked for it.

    Attributes:
        result: The result.
        request: Whose it is. Who waited for it all the same has to ask for himself.
    """

    def __init__(self, result: Any) -> None:
        super().__init__("the result is not for others")
        self.result = result
        self.request = request.get(None)


class Results:
    """The results of one path operation.

    Args:
        kind: The type that it is answered with, if that is known.
        name: The operation's.
    """

    def __init__(self, kind: Any, name: str) -> None:
        self._adapter = None if kind is None or kind is Any else TypeAdapter(kind)
        self._name = name

    def kept(self, result: Any) -> Any:
        """A result as it is kept: models instead of the rows that they show.

        Raises:
            Passed: It is a response, or not of its type, which FastAPI will say.
            UncacheableValue: It holds rows of a session that will be closed.
        """
        if isinstance(result, Response):
            raise Passed(result)
        if self._adapter is not None:
            try:
                return self._adapter.validate_python(result, from_attributes=True)
            except ValidationError:
                raise Passed(result) from None
        if any(hasattr(each, "_sa_instance_state") for each in _parts(result)):
            raise UncacheableValue(
                f"{self._name} returns rows of a session that is closed when the next one gets them: say as "
                "what they are answered, by the annotation `-> list[ProductOut]` or model=list[ProductOut]."
            )
        return result


def _parts(result: Any) -> list[Any]:
    if isinstance(result, (list, tuple, set)):
        return [result, *result]
    return [result, *result.values()] if isinstance(result, dict) else [result]
