"""Varnish, with the configuration that `afresh edge varnish` writes."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from afresh.edge.drivers.calling import Caller
from afresh.edge.port import Purge, Undelivered

_KEYS = 256  # 9 bytes each: below the 8 KB that Varnish takes in a header


class Varnish:
    """One Varnish.

    Args:
        url: Of its listener for purges, `http://127.0.0.1:6091`.
        token: The one in its configuration.
        soft: Pages are made stale, not dropped: they are served while they are fetched anew, as their
            `stale-while-revalidate` allows, and when the application fails.
        name: Tells it from others.
    """

    batch = _KEYS
    pace = 0.0
    repeats = (0.25, 2.0, 10.0)

    def __init__(self, url: str, token: str, *, soft: bool = False, name: str = "") -> None:
        self.name = name or f"varnish {url}"
        self._caller = Caller(url)
        self._fields = {"X-Afresh-Token": token, "Connection": "keep-alive"}
        if soft:
            self._fields["X-Afresh-Soft"] = "1"

    def purge(self, purges: Sequence[Purge]) -> None:
        """Drop these: names by `xkey` (or bans), addresses one by one.

        Raises:
            Undelivered: It doesn't answer, or refuses.
        """
        if any(each.kind == "all" for each in purges):
            self._call("/", {"X-Afresh-All": "1"})
            return
        keys = [each.value for each in purges if each.kind == "key"]
        for begin in range(0, len(keys), _KEYS):
            self._call("/", {"X-Afresh-Keys": " ".join(keys[begin : begin + _KEYS])})
        for each in purges:
            if each.kind == "url":
                parts = urlsplit(each.value)
                path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
                self._call(path, {"Host": parts.netloc, "X-Forwarded-Proto": parts.scheme})

    def _call(self, path: str, fields: dict[str, str]) -> None:
        answer = self._caller.call("PURGE", path, {**self._fields, **fields})
        if answer.status != 200:
            raise Undelivered(
                f"{self.name} answers {answer.status} to a purge", settled=answer.status in {403, 405}
            )

    def close(self) -> None:
        """Close the connection."""
        self._caller.close()
