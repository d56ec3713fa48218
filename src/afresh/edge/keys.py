"""The names by which outer caches know what a page was made from.

A tag goes out as a keyed hash, so that nobody can tell from a page which rows it shows, or find out
whether two pages show the same. It is short, because one page may have hundreds: eight characters,
and all of them in one header of at most 4 KB. Where they don't fit, each is cut to its first three
characters, then to its first: a shorter name stands for more tags, so such a page is purged more
often, never less. A purge names a tag in all three lengths.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Iterable, Iterator
from functools import lru_cache, partial
from hashlib import blake2b

from afresh.core.tags import hashed
from afresh.errors import ConfigurationError

LIMIT = 4096
"""Bytes of names in one response. Varnish takes 8 KB a header, Fastly 16 KB (its documentation of
`Surrogate-Key`), Cloudflare 16 KB (its documentation of purging by tag)."""

LENGTHS = (8, 3, 1)

EVERYTHING = "afresh"
"""The name that every page has: for edges that can only purge all at once by a name."""


_LONGEST_SECRET = 64  # BLAKE2b's


class Keys:
    """Makes outward names, the same in every process that has the same secret.

    Args:
        secret: At most 64 bytes.
    """

    def __init__(self, secret: bytes = b"") -> None:
        if not isinstance(secret, bytes) or len(secret) > _LONGEST_SECRET:
            raise ConfigurationError(f"the secret of outward names: give at most {_LONGEST_SECRET} bytes.")
        self._full = lru_cache(maxsize=65_536)(lambda tag: _full(secret, tag))

    def carried(self, tags: Iterable[int], limit: int = LIMIT) -> str:
        """What a page carries that was made from `tags`: names with a space between them."""
        full = {self._full(tag) for tag in tags}
        return " ".join([EVERYTHING, *next(filter(partial(_fit, limit), _cuts(full)), ())])

    def purged(self, tags: Iterable[int]) -> set[str]:
        """The names to purge when `tags` were marked."""
        return {name[:length] for name in map(self._full, tags) for length in LENGTHS}


def _cuts(full: set[str]) -> Iterator[list[str]]:
    return (sorted({name[:length] for name in full}) for length in LENGTHS)


def _fit(limit: int, names: list[str]) -> bool:
    return len(EVERYTHING) + sum(len(name) + 1 for name in names) <= limit


def _full(secret: bytes, tag: int) -> str:
    digest = blake2b(tag.to_bytes(8, "little"), digest_size=6, key=secret, person=b"afresh edge").digest()
    return urlsafe_b64encode(digest).decode()


def page_tag(url: str) -> int:
    """The tag of one page by itself: what is announced when only this page has to go."""
    return hashed(f"page:{url}")
