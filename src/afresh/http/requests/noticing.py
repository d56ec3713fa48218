"""A scope and its state, that notice what an application reads there of what earlier middlewares put into them."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Any, ClassVar, Self

from afresh.http.requests.reading import QUERY, Reads

_CHANGED = frozenset(["client", "headers", "state"])
"""What the application gets in another form."""


class Outer(dict[str, Any]):
    """Puts into an earlier middleware's scope what the application puts into its own."""

    def __init__(self, scope: MutableMapping[str, Any]) -> None:
        super().__init__()
        self._scope = scope

    def __setitem__(self, name: str, value: Any) -> None:
        if name not in _CHANGED:
            self._scope[name] = value

    def pop(self, name: str, *default: Any) -> Any:
        """Take it away there, too."""
        return self._scope.pop(name, *default)


class Noticing(dict[str, Any]):
    """A dictionary that notices when it is asked for what an earlier middleware has put there.

    What the application puts into it, that middleware finds in its own.
    """

    reads: Reads
    own: frozenset[str] = frozenset()
    outer: MutableMapping[str, Any]

    def __getitem__(self, name: str) -> Any:
        self._notice(name)
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        """One value."""
        self._notice(name)
        return super().get(name, default)

    def pop(self, name: str, *default: Any) -> Any:
        """One value, which goes."""
        self._notice(name)
        self.outer.pop(name, None)
        return super().pop(name, *default)

    def setdefault(self, name: str, default: Any = None) -> Any:
        """One value, put there where there is none."""
        if name not in self:
            self[name] = default
        return self[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self.outer[name] = value
        self.own -= {name}
        super().__setitem__(name, value)

    def __delitem__(self, name: str) -> None:
        self.outer.pop(name, None)
        super().__delitem__(name)

    def update(self, *given: Any, **named: Any) -> None:
        """Put several."""
        for name, value in dict(*given, **named).items():
            self[name] = value

    def __iter__(self) -> Any:
        # Who makes a copy reads there what can't be seen here.
        for name in self.own:
            self._notice(name)
        return super().__iter__()

    def items(self) -> Any:
        """All values."""
        return [(name, self[name]) for name in self]

    def values(self) -> Any:
        """All values."""
        return [self[name] for name in self]

    def copy(self) -> dict[str, Any]:
        """All values."""
        return dict(self.items())

    # The base class does these without asking any of the above.

    def __or__(self, other: Any) -> Any:
        return self.copy() | other

    def __ror__(self, other: Any) -> Any:
        return other | self.copy()

    def __ior__(self, other: Any) -> Self:  # type: ignore[override]  # of dict's two forms this is both
        self.update(other)
        return self

    def __eq__(self, other: object) -> bool:
        return self.copy() == other

    def __ne__(self, other: object) -> bool:
        return self.copy() != other

    __hash__ = None  # as every dictionary's

    def __repr__(self) -> str:
        return repr(self.copy())

    def _notice(self, name: object) -> None:
        raise NotImplementedError


class NoticingScope(Noticing):
    """The scope.

    Attributes:
        known: What values in it are, beside being what stands there.
    """

    known: ClassVar[Mapping[object, str]] = {
        "auth": "user",
        "query_string": QUERY,
        "session": "session",
        "user": "user",
    }

    def _notice(self, name: object) -> None:
        if name in self.own:
            self.reads.read(self.known.get(name, f"scope:{name}"))


class NoticingState(Noticing):
    """The request's state."""

    def __contains__(self, name: object) -> bool:
        self._notice(name)
        return super().__contains__(name)

    def _notice(self, name: object) -> None:
        if name in self.own:
            self.reads.read(f"state:{name}")
