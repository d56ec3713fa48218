"""What a request has for something that was read of its scope, spelled for a key."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from afresh.core.keys import canonical
from afresh.errors import UnkeyableArgument


class Known:
    """What is known of one request by its scope.

    Absence is a value too, which nothing that is there has.

    Args:
        scope: The scope, as it was before the application got it.
        shared: The states that the application has from its start: what is of them is the same for all requests.
        silent: Names in the scope that are no part of a key, and
        silent_state: such names in its state.
    """

    __slots__ = ("_first", "_scope", "_shared", "_silent", "_silent_state")

    def __init__(
        self,
        scope: Mapping[str, Any],
        shared: Iterable[Mapping[str, Any]],
        silent: frozenset[str],
        silent_state: frozenset[str],
    ) -> None:
        self._first: dict[str, str | None] = {}
        self._scope = scope
        self._shared = shared
        self._silent = silent
        self._silent_state = silent_state

    def __call__(self, name: str) -> str | None:
        """What the request has for it, spelled; `None` where it can't be."""
        scope = self._scope
        kind, _, which = name.partition(":")
        if kind == "session":
            return spelled([_of_session(scope["session"])] if kind in scope else [])
        if kind == "user":
            return spelled([[_of_user(scope[each])] if each in scope else [] for each in ("user", "auth")])
        if kind == "scope names":
            return spelled(names_in(scope, self._silent))
        state = scope.get("state", {})
        if kind == "state names":
            return spelled(names_in(state, self._silent_state))
        if kind == "state":
            return "shared" if self._is_shared(which, state.get(which)) else value_in(state, which)
        return value_in(scope, which)

    def read(self, name: str) -> None:
        """The application reads it, perhaps to change what is within: a list, a user's attributes."""
        if name not in self._first:
            self._first[name] = self(name)

    @property
    def changed(self) -> list[str]:
        """What was read and is no longer what it was then, nor what the next request will have."""
        return [name for name, value in self._first.items() if self(name) != value]

    def _is_shared(self, name: str, value: object) -> bool:
        return any(name in state and state[name] is value for state in self._shared)


def value_in(given: Mapping[str, Any], name: str) -> str | None:
    """What stands there under a name, or that nothing does."""
    return spelled([given[name]] if name in given else [])


def names_in(given: Mapping[str, Any], silent: frozenset[str]) -> list[str]:
    """All names there that can be part of a key."""
    return sorted(str(name) for name in given if name not in silent)


def session_in(scope: Mapping[str, Any]) -> dict[Any, Any]:
    """What a session holds; a framework may have something else there where there is none."""
    session = scope.get("session")
    return dict(session) if isinstance(session, Mapping) else {}


def spelled(value: object) -> str | None:
    """Something in its canonical spelling; `None` where it has none."""
    try:
        return canonical(value)
    except UnkeyableArgument:
        return None


def _of_session(session: Any) -> Any:
    """What a session holds, and what it is beside that: its id."""
    own = getattr(session, "__dict__", {})
    texts = {name: value for name, value in own.items() if isinstance(value, (str, bytes))}
    return [dict(session) if isinstance(session, Mapping) else session, texts]


def _of_user(user: Any) -> Any:
    """What is known of a user, or of rights: the class, and all attributes."""
    return None if user is None else [type(user).__qualname__, getattr(user, "__dict__", user)]
