"""A scope and its state, that notice what an application reads there of what earlier middlewares put into them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping
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
    """A dictionary that notices when it is asked for what an earlier middleware has put there, or may have put.

    That there is nothing is an answer too: another visitor's request may have it. What the application
    puts into it, that middleware finds in its own.

    Attributes:
        kind: What its values are called where reads are noted.
        known: What values in it are, beside being what stands there.
        reads: Where reads are noted.
        looked: Told of each at once, while what was read is still as it was.
        silent: Names that are no part of a key.
        written: Names under which is by now what the application has put there.
        outer: Where that middleware looks.
    """

    kind: ClassVar[str]
    known: ClassVar[Mapping[object, str]] = {}
    reads: Reads
    looked: Callable[[str], object]
    silent: frozenset[str]
    written: set[str]
    outer: MutableMapping[str, Any]

    @classmethod
    def of(
        cls,
        given: Mapping[str, Any],
        reads: Reads,
        outer: MutableMapping[str, Any],
        silent: frozenset[str] = frozenset(),
        looked: Callable[[str], object] = str,
    ) -> Self:
        """What one request is given."""
        self = cls(given)
        self.looked = looked
        self.reads, self.outer, self.silent, self.written = reads, outer, silent, set()
        return self

    def __getitem__(self, name: str) -> Any:
        self._notice(name)
        return super().__getitem__(name)

    def __contains__(self, name: object) -> bool:
        self._notice(name)
        return super().__contains__(name)

    def get(self, name: str, default: Any = None) -> Any:
        """One value."""
        self._notice(name)
        return super().get(name, default)

    def pop(self, name: str, *default: Any) -> Any:
        """One value, which goes."""
        self._notice(name)
        found = super().pop(name, *default)
        self._goes(name)
        return found

    def popitem(self) -> tuple[str, Any]:
        """The last one, which goes."""
        self._all()
        found = super().popitem()
        self._goes(found[0])
        return found

    def setdefault(self, name: str, default: Any = None) -> Any:
        """One value, put there where there is none."""
        if name not in self:
            self[name] = default
        return self[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self.outer[name] = value
        self.written.add(name)
        super().__setitem__(name, value)

    def __delitem__(self, name: str) -> None:
        self._notice(name)
        super().__delitem__(name)
        self._goes(name)

    def update(self, *given: Any, **named: Any) -> None:
        """Put several."""
        for name, value in dict(*given, **named).items():
            self[name] = value

    def clear(self) -> None:
        """All go."""
        for name in self:
            del self[name]

    def __iter__(self) -> Any:
        # Who makes a copy reads there what can't be seen here.
        self._all()
        return iter([*super().__iter__()])

    def __reversed__(self) -> Any:
        return reversed([*self])

    def __len__(self) -> int:
        self._names()
        return super().__len__()

    def copy(self) -> dict[str, Any]:
        """All values."""
        self._all()
        return dict(super().items())

    def keys(self) -> Any:
        """All names."""
        return self.copy().keys()

    def items(self) -> Any:
        """All values, with their names."""
        return self.copy().items()

    def values(self) -> Any:
        """All values."""
        return self.copy().values()

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

    def __reduce__(self) -> Any:
        return dict, (self.copy(),)

    def _notice(self, name: object) -> None:
        if name in self.silent or name in self.written:
            return
        if isinstance(name, str):
            self._read(self.known.get(name, f"{self.kind}:{name}"))
        else:
            self.reads.refuse(f"what has no name was read of its {self.kind}")

    def _names(self) -> None:
        self._read(f"{self.kind} names")

    def _read(self, name: str) -> None:
        self.reads.read(name)
        self.looked(name)

    def _all(self) -> None:
        self._names()
        for name in super().__iter__():
            self._notice(name)

    def _goes(self, name: str) -> None:
        self.outer.pop(name, None)
        self.written.add(name)


class NoticingScope(Noticing):
    """The scope."""

    kind = "scope"
    known: ClassVar[Mapping[object, str]] = {
        "auth": "user",
        "query_string": QUERY,
        "session": "session",
        "user": "user",
    }

    def __len__(self) -> int:
        # Not noticed: whoever asks whether there is a request at all (`if request:`) asks for this.
        return dict.__len__(self)


class NoticingState(Noticing):
    """The request's state."""

    kind = "state"
