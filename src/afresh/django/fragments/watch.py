"""What a fragment takes from the template around it.

Django looks a variable up in a stack of dictionaries, the latest first. So one that has nothing, put on
top, is asked for each name that is not the fragment's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_NOTICED = frozenset(["COOKIES", "headers", "session"])
"""Attributes of a request that notice by themselves what is read of them, where the middleware is."""

_ADDRESS = frozenset(
    [
        "FILES", "GET", "META", "POST", "body", "build_absolute_uri", "content_params", "content_type",
        "get_full_path", "get_full_path_info", "get_host", "get_port", "is_secure", "method", "path", "path_info",
        "resolver_match", "scheme",
    ]
)  # fmt: skip
"""Those that say which page it is, or what was sent to it."""

_CONSTANT = frozenset(["LANGUAGE_CODE", "current_app", "encoding"])


class Watch(dict[str, Any]):
    """The dictionary on top. What the fragment sets is put here, and goes with it.

    Attributes:
        names: What was asked for, and is not here; `request.user` is an attribute of the request.
        address: The page's address was read.
        everything: All variables were looked at.
    """

    def __init__(self, context: Any, **own: Any) -> None:
        super().__init__(own)
        self.names: set[str] = set()
        self.address = False
        self.everything = False
        self._noticing: dict[object, Any] = {}
        request, loop = looked_up(context, "request", None), looked_up(context, "forloop", None)
        if request is not None:
            self._noticing["request"] = Seen(request, self)
        if loop is not None:
            self._noticing["forloop"] = _Loop(loop, self)

    def __contains__(self, name: object) -> bool:
        if super().__contains__(name) or name in self._noticing:
            return True
        if name != "forloop":  # each loop asks whether there is one around it
            self.names.add(str(name))
        return False

    def __getitem__(self, name: str) -> Any:
        if name in self._noticing and not super().__contains__(name):
            return self._noticing[name]
        return super().__getitem__(name)

    def __iter__(self) -> Iterator[str]:
        self.everything = True
        return super().__iter__()

    def keys(self) -> Any:
        """Who makes one dictionary of all reads all."""
        self.everything = True
        return super().keys()

    def attribute(self, name: str) -> None:
        """One of the request's is read."""
        if name in _ADDRESS:
            self.address = True
        if name not in _CONSTANT and (name == "META" or name not in _ADDRESS):
            self.names.add("user" if name == "user" else f"request.{name}")

    @property
    def noticed(self) -> frozenset[str]:
        """Names of what notices by itself."""
        return frozenset(f"request.{each}" for each in (*_NOTICED, "META"))


class _Loop(dict[str, Any]):
    """The loop around a fragment, that notices when something is read of it."""

    def __init__(self, loop: dict[str, Any], watch: Watch) -> None:
        super().__init__(loop)
        self._watch = watch

    def __getitem__(self, name: str) -> Any:
        self._watch.names.add("forloop")
        return super().__getitem__(name)


class Seen:
    """A request whose attributes are noticed; in all else it is the request."""

    def __init__(self, request: Any, watch: Watch, *, tags: bool = False) -> None:
        vars(self).update(_afresh_request=request, _afresh_watch=watch, _afresh_tags=tags)

    def __getattr__(self, name: str) -> Any:
        request = vars(self)["_afresh_request"]
        if name == "resolver_match" and vars(self)["_afresh_tags"]:
            return request.resolver_match and _Match(request.resolver_match, vars(self)["_afresh_watch"])
        if not name.startswith("__"):
            vars(self)["_afresh_watch"].attribute(name)
        return getattr(request, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(vars(self)["_afresh_request"], name, value)

    def __delattr__(self, name: str) -> None:
        delattr(vars(self)["_afresh_request"], name)

    @property  # type: ignore[misc]  # for isinstance(): it is a request
    def __class__(self) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        return type(vars(self)["_afresh_request"])

    def __repr__(self) -> str:
        vars(self)["_afresh_watch"].address = True
        return repr(vars(self)["_afresh_request"])


class _Match:
    """`resolver_match` as `{% url %}` reads it: the namespace is in every fragment's key."""

    def __init__(self, match: Any, watch: Watch) -> None:
        self._match = match
        self._watch = watch

    def __getattr__(self, name: str) -> Any:
        if name != "namespace":
            self._watch.address = True
        return getattr(self._match, name)


def looked_up(context: Any, name: str, default: Any) -> Any:
    """A variable, with nobody noticing."""
    for each in reversed(context.dicts):
        if dict.__contains__(each, name):
            return dict.__getitem__(each, name)
    return default


@contextmanager
def watching(context: Any, **own: Any) -> Iterator[Watch]:
    """Notice what is looked up within this block, and isn't its own.

    Args:
        context: Of the template.
        own: Variables that are others within.
    """
    watch = Watch(context, **own)
    context.dicts.append(watch)
    depth = len(context.dicts)
    request = getattr(context, "request", None)
    if request is not None:
        context.request = Seen(request, watch, tags=True)
    try:
        yield watch
    finally:
        del context.dicts[depth - 1 :]
        if request is not None:
            context.request = request


def within(context: Any) -> set[str]:
    """Names that the innermost fragment has by itself at this place: set by loops and the like."""
    found: set[str] = set()
    for each in reversed(context.dicts):
        if isinstance(each, Watch):
            return found.union(dict.keys(each)) - {"csrf_token", "csp_nonce"}
        found.update(each)
    return found
