"""From a URL to an open backend. Each room is imported only when it is used."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from afresh.backends import Backend
from afresh.core.events import Events
from afresh.errors import ConfigurationError
from afresh.runtime.clock import Clock

if TYPE_CHECKING:
    from pathlib import Path

FORMS = (
    "memory://, null://, sqlite:///relative/file, sqlite:////absolute/file, or none at all for this machine"
)


def open_backend(
    url: str | None, *, root: Callable[[], Path], moved: Callable[[int], None], events: Events, clock: Clock
) -> Backend:
    """Open the backend that a URL names.

    Args:
        url: See `FORMS`; `None` is the machine's shared folder.
        root: Gives the application's folder, which names the machine's shared one.
        moved: Called with each new position of a ledger in this process's memory.
        events: Who listens.
        clock: What tells the time.

    Raises:
        ConfigurationError: The URL names nothing that there is.
    """
    if url is None or url.startswith("sqlite:"):
        from afresh.backends.file.opening import open_file, open_machine

        return open_machine(root(), events, clock) if url is None else open_file(_path(url), events, clock)
    if url in {"memory://", "null://"}:
        return _in_this_process(url, moved)
    scheme = url.partition(":")[0]
    raise ConfigurationError(f"Cache({scheme or url!r}…): this release knows {FORMS}.")


def _in_this_process(url: str, moved: Callable[[int], None]) -> Backend:
    from afresh.backends.memory.ledger import MemoryLedger

    ledger = MemoryLedger(moved)
    backend = Backend(url, ledger, tick=ledger.tick, close=ledger.close)
    if url == "null://":
        from afresh.backends.null import NullStore

        backend.store = NullStore()
    return backend


def _path(url: str) -> Path:
    from pathlib import Path
    from urllib.parse import unquote, urlsplit

    parts = urlsplit(url)
    if parts.scheme != "sqlite" or parts.netloc or not parts.path.strip("/") or parts.query or parts.fragment:
        raise ConfigurationError(
            f"{url!r}: write sqlite:///relative/file or sqlite:////absolute/file (three slashes, or four)."
        )
    return Path(unquote(parts.path[1:]))
