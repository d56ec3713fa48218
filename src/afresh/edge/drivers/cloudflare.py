"""Cloudflare, by its API: `POST /client/v4/zones/{zone}/purge_cache`.

From its documentation (developers.cloudflare.com/cache/how-to/purge-cache, and the pages on purging
by tag and by single file, July 2026): `{"tags": […]}`, `{"files": […]}` or
`{"purge_everything": true}`; at most 100 operations a request; requests are limited by a bucket of
tokens, from 5 a minute (Free) over 5 a second (Pro, bucket of 25) to 50 a second (Enterprise); too many
are answered by 429. Success is HTTP 200 with `"success": true`. A response's tags stand in
`Cache-Tag`, with commas between them; Cloudflare takes that header off.
Cloudflare has no soft purge by tag.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from ssl import SSLContext

from afresh.edge.drivers.calling import Answer, Caller, seconds_said
from afresh.edge.port import Purge, Undelivered

API = "https://api.cloudflare.com"


class Cloudflare:
    """One zone.

    Args:
        zone: Its identifier.
        token: An API token that may purge this zone's cache.
        pace: Seconds from one request to the next: 12 for a Free plan, 0.2 for Pro, 0.1 for Business.
        api: Where the API is.
        context: For TLS.
        name: Tells it from others.
    """

    batch = 100
    repeats = (2.0, 15.0)

    def __init__(
        self,
        zone: str,
        token: str,
        *,
        pace: float = 0.2,
        api: str = API,
        context: SSLContext | None = None,
        name: str = "",
    ) -> None:
        self.name = name or f"cloudflare {zone}"
        self.pace = pace
        self._path = f"/client/v4/zones/{zone}/purge_cache"
        self._fields = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self._caller = Caller(api, timeout=10.0, context=context)

    def purge(self, purges: Sequence[Purge]) -> None:
        """Drop these.

        Raises:
            Undelivered: It doesn't answer, or refuses, or wants us to wait.
        """
        if any(each.kind == "all" for each in purges):
            self._call({"purge_everything": True})
            return
        for kind, name in (("key", "tags"), ("url", "files")):
            some = [each.value for each in purges if each.kind == kind]
            if some:
                self._call({name: some})

    def _call(self, what: dict[str, object]) -> None:
        answer = self._caller.call("POST", self._path, self._fields, json.dumps(what).encode())
        if answer.status == 429:
            raise Undelivered(f"{self.name} wants us to wait", after=seconds_said(answer) or 10.0)
        if answer.status != 200 or not _successful(answer):
            settled = answer.status in {400, 401, 403, 404}
            raise Undelivered(f"{self.name} answers {answer.status}: {_complaint(answer)}", settled=settled)

    def close(self) -> None:
        """Close the connection."""
        self._caller.close()


def _successful(answer: Answer) -> bool:
    said = answer.json()
    return isinstance(said, dict) and said.get("success") is True


def _complaint(answer: Answer) -> str:
    said = answer.json()
    errors = said.get("errors") if isinstance(said, dict) else None
    return (
        "; ".join(str(each.get("message")) for each in errors if isinstance(each, dict))
        if errors
        else "no reason"
    )
