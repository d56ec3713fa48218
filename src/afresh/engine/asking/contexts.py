"""Leave what was entered, also where it was entered elsewhere."""

from __future__ import annotations

from contextvars import ContextVar, Token
from typing import TypeVar

T = TypeVar("T")


def leave(variable: ContextVar[T], token: Token[T]) -> None:
    """Reset a context variable, if this is the context in which it was set.

    It is another one when a framework enters and leaves a generator in different tasks, and when
    the garbage collector closes a coroutine that was thrown away.
    """
    try:
        variable.reset(token)
    except ValueError:
        return
