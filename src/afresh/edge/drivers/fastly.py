"""Fastly, by its API: `POST /service/{service}/purge`, `/purge_all`, and `/purge/{url}`.

From its documentation (fastly.com/documentation/reference/api/purging, and docs/PurgeApi.md of its
clients): a batch of at most 256 surrogate keys, `{"surrogate_keys": […]}`; `Fastly-Key` has the
token; `Fastly-Soft-Purge: 1` marks as stale in place of dropping, except for `purge_all`, which can't be
soft; one URL is `POST /purge/{host}/{path}`. Purges of keys are limited for each customer, on average
over an hour; too many are answered by 429. A response's keys stand in `Surrogate-Key`, with spaces
between them; Fastly takes that header off.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from ssl import SSLContext
from urllib.parse import quote, urlsplit

from afresh.edge.drivers.calling import Answer, Caller, seconds_said
from afresh.edge.keys import EVERYTHING
from afresh.edge.port import Purge, Undelivered

API = "https://api.fastly.com"


class Fastly:
    """One service.

    Args:
        service: Its identifier.
        token: An API token with the scope `purge_select`, and `purge_all`.
        soft: Pages are made stale, not dropped; everything at once too, by the name that every page has.
        pace: Seconds from one request to the next.
        api: Where the API is.
        context: For TLS.
        name: Tells it from others.
    """

    batch = 256
    repeats = (2.0, 15.0)

    def __init__(
        self,
        service: str,
        token: str,
        *,
        soft: bool = False,
        pace: float = 0.1,
        api: str = API,
        context: SSLContext | None = None,
        name: str = "",
    ) -> None:
        self.name = name or f"fastly {service}"
        self.pace = pace
        self._soft = soft
        self._service = f"/service/{quote(service, safe='')}"
        self._fields = {"Fastly-Key": token, "Accept": "application/json", "Content-Type": "application/json"}
        if soft:
            self._fields["Fastly-Soft-Purge"] = "1"
        self._caller = Caller(api, timeout=10.0, context=context)

    def purge(self, purges: Sequence[Purge]) -> None:
        """Drop these.

        Raises:
            Undelivered: It doesn't answer, or refuses, or wants us to wait.
        """
        keys = [each.value for each in purges if each.kind == "key"]
        if any(each.kind == "all" for each in purges):
            if not self._soft:
                self._call(f"{self._service}/purge_all")
                return
            keys = [EVERYTHING]
        if keys:
            self._call(f"{self._service}/purge", {"surrogate_keys": keys})
        for each in purges:
            if each.kind == "url":
                parts = urlsplit(each.value)
                rest = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
                self._call(f"/purge/{parts.netloc}{rest}")

    def _call(self, path: str, what: dict[str, object] | None = None) -> None:
        body = b"" if what is None else json.dumps(what).encode()
        answer = self._caller.call("POST", path, self._fields, body)
        if answer.status == 429:
            raise Undelivered(f"{self.name} wants us to wait", after=_wait(answer))
        if answer.status != 200:
            settled = answer.status in {400, 401, 403, 404}
            raise Undelivered(f"{self.name} answers {answer.status}", settled=settled)

    def close(self) -> None:
        """Close the connection."""
        self._caller.close()


def _wait(answer: Answer) -> float:
    """Seconds until its hour begins anew, where it says so (`Fastly-RateLimit-Reset`: seconds since 1970)."""
    reset = answer.fields.get("fastly-ratelimit-reset", "")
    if reset.isascii() and reset.isdecimal():
        return min(max(int(reset) - time.time(), 1.0), 3600.0)
    return seconds_said(answer) or 10.0
