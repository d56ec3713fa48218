"""What an answer says to the caches in front of the application.

Each answer that an outer cache may keep carries the names of what it was made from, and how long it
may be kept. An answer whose tags were marked while it was made is the one that would stay wrong: its
purge has run already when the outer cache stores it. So tags are checked again when the answer is
ready. If they were marked, and the head is not sent yet, it says `no-store`; if it is, the page's own
tag is announced before the last byte, and whoever follows the ledger purges this page again.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable

from afresh.cache import Cache
from afresh.core.durations import Duration, seconds
from afresh.core.entry import NEVER
from afresh.edge.keys import LIMIT, Keys, page_tag
from afresh.errors import ConfigurationError
from afresh.http.answers.unkept import LASTING

Fields = list[tuple[bytes, bytes]]
_FORBIDDEN = re.compile(rb"(?:^|[\s,])(?:no-store|no-cache|private)(?:$|[\s,=])", re.IGNORECASE)
_SHARED = re.compile(rb"(?:^|[\s,])s-maxage\s*=\s*\"?(\d{1,9})", re.IGNORECASE)
_MAX_AGE = re.compile(rb"(?:^|[\s,])max-age\s*=\s*\"?(\d{1,9})", re.IGNORECASE)
_SPANS = re.compile(
    rb"(?:^|[\s,]+)(?:s-maxage|stale-while-revalidate|stale-if-error)\s*=\s*\"?\d*\"?", re.IGNORECASE
)
_FOR_ALL = re.compile(rb"(?:^|[\s,])(?:public|s-maxage)(?:$|[\s,=])", re.IGNORECASE)
OURS = frozenset(
    [
        b"surrogate-key", b"cache-tag", b"surrogate-control", b"cdn-cache-control", b"x-accel-expires",
        b"x-afresh-stamp", b"x-afresh-changed",
    ]
)  # fmt: skip
"""What is for caches only."""
_REPLACED = OURS - {b"cdn-cache-control"}
_LEAST_LIMIT = 256  # the shortest names of any number of tags fit into it
_NO_STORE: Fields = [
    (b"cache-control", b"no-store"),
    (b"cdn-cache-control", b"no-store"),
    (b"surrogate-control", b"no-store"),
]


class Outward:
    """Makes the fields for outer caches.

    Args:
        cache: Whose ledger numbers what answers are made from.
        secret: Of outward names, at most 64 bytes: the same in every process, and in `Follower`.
        longest: No outer cache keeps an answer for longer, whatever it says: the bound on what a purge that got
            lost can do.
        commas: Also write `Cache-Tag`, as Cloudflare reads it.
        limit: Bytes of names in one answer.
    """

    def __init__(
        self,
        cache: Cache,
        *,
        secret: bytes = b"",
        longest: Duration = "1d",
        commas: bool = False,
        limit: int = LIMIT,
    ) -> None:
        if limit < _LEAST_LIMIT:
            raise ConfigurationError(f"limit={limit}: names need at least {_LEAST_LIMIT} bytes.")
        self.ledger = cache._engine.ledger
        self._now = cache._engine.now
        self._keys = Keys(secret)
        self._longest = int(seconds(longest, "longest"))
        self._commas = commas
        self._limit = limit

    def fields(
        self,
        url: str,
        status: int,
        fields: Iterable[tuple[bytes, bytes]],
        tags: Iterable[int],
        stamp: int,
        until: float = NEVER,
    ) -> Fields:
        """The head's fields with ours in them.

        Args:
            url: Of the page, with scheme and host.
            status: Of the answer.
            fields: What the application gave.
            tags: What it was made from.
            stamp: The position before it began.
            until: When something that it was made from changes, and nobody will say so: in seconds since 1970.
        """
        given = _varying([(name, value) for name, value in fields if name.lower() not in _REPLACED])
        lifetime = self.lifetime(status, given, until)
        if lifetime < self.lifetime(status, given):
            given = _shortened(given, lifetime)
        if self._forbidden(status, given):
            return [*given, (b"x-accel-expires", b"0")]
        names = " ".join(self.names(url, tags)).encode()
        # Absolute, since nginx takes no Age off. After Cache-Control: nginx 1.22 would not read its stale-… then.
        stops = b"@%d" % (time.time() + lifetime) if lifetime else b"0"
        # Names also where we see no lifetime: another cache may find one.
        ours = [(b"x-accel-expires", stops), (b"surrogate-key", names)]
        if self._commas:
            ours.append((b"cache-tag", names.replace(b" ", b",")))
        return [*given, *ours, (b"x-afresh-stamp", b"%d" % stamp)]

    def names(self, url: str, tags: Iterable[int]) -> list[str]:
        """The names of a page."""
        return self._keys.carried([*tags, page_tag(url)], self._limit).split()

    def changed(self, fields: Iterable[tuple[bytes, bytes]]) -> Fields:
        """The same for an answer that was overtaken by a change: nobody keeps it."""
        kept = [
            (name, value)
            for name, value in fields
            if name.lower() not in OURS and name.lower() not in {b"cache-control", b"expires"}
        ]
        return [(b"x-accel-expires", b"0"), (b"x-afresh-changed", b"1"), *_NO_STORE, *kept]

    def lifetime(self, status: int, fields: Iterable[tuple[bytes, bytes]], until: float = NEVER) -> int:
        """For how many seconds from now on an outer cache may keep it; 0: not at all."""
        given = list(fields)
        control = _control(given)
        said = _SHARED.search(control) or _MAX_AGE.search(control)
        if said is None or self._forbidden(status, given):
            return 0
        age = _line(given, b"age")
        left = min(int(said[1]), self._longest) - (int(age) if age.isdigit() else 0)
        return max(0, int(min(left, until - self._now())))

    def _forbidden(self, status: int, fields: list[tuple[bytes, bytes]]) -> bool:
        """Whether no outer cache may keep it."""
        return (
            status >= 500
            or status == 206
            or (status >= 400 and not _lasts(status, fields))
            or any(name.lower() == b"set-cookie" for name, _ in fields)
            or _FORBIDDEN.search(_control(fields)) is not None
            or b"*" in _line(fields, b"vary")
        )

    def current(self, tags: frozenset[int], stamp: int) -> bool:
        """Whether none of `tags` was marked since `stamp`, or is about to be."""
        proof = self.ledger.prove(tags, stamp)
        return proof is not None and not proof.held

    async def overtaken(self, url: str) -> None:
        """Announce that a page has to go: its head is sent, and it was made from something that has changed."""
        await self.ledger.announce([page_tag(url)])


def _lasts(status: int, fields: list[tuple[bytes, bytes]]) -> bool:
    """Whether an error is the page's. Others are often one request's fault, and would be another's page."""
    return status in LASTING or _FOR_ALL.search(_control(fields)) is not None


def _shortened(fields: Fields, lifetime: int) -> Fields:
    """The same for caches that go by `Cache-Control`; nothing is served beyond that."""
    control = _SPANS.sub(b"", _control(fields)).strip(b", ")
    which = b"cdn-cache-control" if _line(fields, b"cdn-cache-control") else b"cache-control"
    kept = [(name, value) for name, value in fields if name.lower() != which]
    said = b", ".join(filter(None, [control, b"s-maxage=%d" % lifetime]))
    return [*kept, (which, said)]


def _varying(fields: Fields) -> Fields:
    """What was compressed for one would come so for all: it says on what that depends."""
    varies = _line(fields, b"vary").lower()
    if not _line(fields, b"content-encoding") or b"accept-encoding" in varies or b"*" in varies:
        return fields
    return [*fields, (b"vary", b"Accept-Encoding")]


def _control(fields: Fields) -> bytes:
    """What caches in front go by: `CDN-Cache-Control` where there is one (RFC 9213)."""
    return _line(fields, b"cdn-cache-control") or _line(fields, b"cache-control")


def _line(fields: list[tuple[bytes, bytes]], wanted: bytes) -> bytes:
    return b", ".join(value for name, value in fields if name.lower() == wanted)
