"""The variables of an environ (and of Django's `META`), which notice what is read of the request by them.

There is one dictionary for all frameworks. What is neither in every key nor the same for every request
is a part of the key by its value; what has no spelling (a socket, a function) can be no part of one, so
nobody else gets the page of who reads it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

from afresh.http.requests.reading import QUERY, Reads

IN_THE_KEY = frozenset(["PATH_INFO", "REQUEST_METHOD", "SCRIPT_NAME", "wsgi.url_scheme"])
"""A request with another value has another page, or its own answer (HEAD)."""

OF_THE_SERVER = frozenset(
    [
        "GATEWAY_INTERFACE",
        "SERVER_SOFTWARE",
        "wsgi.errors",
        "wsgi.file_wrapper",
        "wsgi.input",  # what has content is kept for nobody
        "wsgi.input_terminated",
        "wsgi.multiprocess",
        "wsgi.multithread",
        "wsgi.run_once",
        "wsgi.version",
    ]
)
"""The same for all requests, whoever sends them."""

OF_FRAMEWORKS = frozenset(
    [
        "flask._preserve_context",
        "werkzeug.debug.preserve_context",
        "werkzeug.request",
    ]
)
"""Put there by the framework itself while it answers, and looked for before; no field has such a name."""

_SILENT = IN_THE_KEY | OF_THE_SERVER | OF_FRAMEWORKS
_FIELDS = {"CONTENT_TYPE": b"content-type", "CONTENT_LENGTH": b"content-length"}


def notice(name: object, reads: Reads) -> None:
    """A variable was asked for."""
    if not isinstance(name, str) or name in _SILENT:
        return
    if name.startswith("HTTP_"):
        reads.header(name[5:].replace("_", "-").lower().encode("latin-1", "replace"))
    elif name in _FIELDS:
        reads.header(_FIELDS[name])
    elif name == "REMOTE_ADDR":
        reads.read("client")
    else:
        reads.read(QUERY if name == "QUERY_STRING" else f"environ:{name}")


class Variables(dict[str, Any]):
    """The variables of one request.

    Attributes:
        reads: Where reads are noted; `None` while a framework looks for itself.
    """

    reads: Reads | None
    _own: set[str]

    def watched_by(self, reads: Reads) -> Self:
        """The same, from now on noticing."""
        self.reads, self._own = reads, set()
        return self

    @contextmanager
    def unnoticed(self) -> Iterator[None]:
        """Reads within this block are not the view's."""
        reads, self.reads = self.reads, None
        try:
            yield
        finally:
            self.reads = reads

    def _notice(self, name: object) -> None:
        if self.reads is not None and name not in self._own:
            notice(name, self.reads)

    def __getitem__(self, name: str) -> Any:
        self._notice(name)
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        """One value."""
        self._notice(name)
        return super().get(name, default)

    def __contains__(self, name: object) -> bool:
        self._notice(name)
        return super().__contains__(name)

    def __setitem__(self, name: str, value: Any) -> None:
        self._own.add(name)  # whoever reads it now reads what the application has put there
        super().__setitem__(name, value)

    def __delitem__(self, name: str) -> None:
        self._notice(name)
        super().__delitem__(name)

    def setdefault(self, name: str, default: Any = None) -> Any:
        """One value, put there where there is none."""
        if name not in self:
            self[name] = default
        return self[name]

    def update(self, *given: Any, **named: Any) -> None:
        """Put several."""
        for name, value in dict(*given, **named).items():
            self[name] = value

    def pop(self, name: str, *default: Any) -> Any:
        """One value, which goes."""
        self._notice(name)
        self._own.add(name)
        return super().pop(name, *default)

    __hash__ = None


def _all_read(original: Any) -> Any:
    def read(self: Variables, *arguments: Any) -> Any:
        if self.reads is not None:
            self.reads.everything()
        return original(self, *arguments)

    return read


# Whoever makes a copy reads there what can't be seen here.
for _method in (
    "__eq__", "__ior__", "__iter__", "__len__", "__ne__", "__or__", "__repr__", "__reversed__", "__ror__", "copy",
    "items", "keys", "popitem", "values",
):  # fmt: skip
    setattr(Variables, _method, _all_read(getattr(dict, _method)))
