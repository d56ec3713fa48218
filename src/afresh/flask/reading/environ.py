"""An environ that notices what is asked of it, by Werkzeug or by whoever else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from afresh.flask.reading.visitor import Visitor
from afresh.http.reading import Reads

_OF_THE_SERVER = (
    "CONTENT_LENGTH", "GATEWAY_INTERFACE", "HTTPS", "HTTP_CONNECTION", "HTTP_UPGRADE", "PATH_INFO",
    "QUERY_STRING", "RAW_URI", "REQUEST_METHOD", "REQUEST_URI", "SCRIPT_NAME", "SERVER_NAME", "SERVER_PORT",
    "SERVER_PROTOCOL", "SERVER_SOFTWARE", "afresh.", "flask.", "gunicorn.", "waitress.", "werkzeug.", "wsgi.",
)  # fmt: skip
"""What is in the key, or the same for all requests. One with content, or that becomes a websocket, is passed."""


class WatchedEnviron(dict[str, Any]):
    """The environ of one request.

    Attributes:
        visitor: Whose request it is.
        reads: Where reads are noted; `None` while Flask looks for itself.
    """

    visitor: Visitor
    reads: Reads | None
    _mine: set[str]

    @classmethod
    def of(cls, environ: dict[str, Any], visitor: Visitor, reads: Reads) -> WatchedEnviron:
        """Watch an environ."""
        self = cls(environ)
        self.visitor, self.reads = visitor, reads
        self._mine = set()
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
        if self.reads is None or name in self._mine or not isinstance(name, str):
            return
        if name.startswith(_OF_THE_SERVER):
            return
        if name.startswith("HTTP_"):
            self.reads.header(name[5:].replace("_", "-").encode("latin-1", "replace"))
        elif name == "CONTENT_TYPE":
            self.reads.header(b"content-type")
        elif name == "REMOTE_ADDR":
            self.reads.read("client")
        else:
            self.reads.read(f"environ:{name}")

    def _everything(self) -> None:
        if self.reads is not None:
            self.reads.everything()

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
        self._mine.add(name)  # whoever reads it now reads what the application has put there
        super().__setitem__(name, value)

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
        self._mine.add(name)
        return super().pop(name, *default)

    __hash__ = None


def _all_read(original: Any) -> Any:
    def read(self: WatchedEnviron, *arguments: Any) -> Any:
        self._everything()
        return original(self, *arguments)

    return read


# Whoever makes a copy reads there what can't be seen here.
for _method in (
    "__eq__", "__ior__", "__iter__", "__len__", "__ne__", "__or__", "__repr__", "__reversed__", "__ror__", "copy",
    "items", "keys", "popitem", "values",
):  # fmt: skip
    setattr(WatchedEnviron, _method, _all_read(getattr(dict, _method)))
