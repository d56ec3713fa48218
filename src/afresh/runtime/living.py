"""Objects that somebody has to be told about for as long as they live.

A `WeakSet` is listed by Python code, between whose steps a thread, a signal handler or a finaliser
may add another object: then listing it raises. Here the listing is one step of the interpreter.
"""

from __future__ import annotations

from typing import Generic, TypeVar
from weakref import WeakValueDictionary

T = TypeVar("T")


class Living(Generic[T]):
    """Objects by identity, referred to weakly."""

    __slots__ = ("_things",)

    def __init__(self) -> None:
        self._things: WeakValueDictionary[int, T] = WeakValueDictionary()

    def add(self, thing: T) -> None:
        """Keep it in mind."""
        self._things[id(thing)] = thing

    def discard(self, thing: T) -> None:
        """Forget it."""
        self._things.pop(id(thing), None)

    def all(self) -> list[T]:
        """Those that live now."""
        things = (reference() for reference in self._things.valuerefs())
        return [thing for thing in things if thing is not None]
