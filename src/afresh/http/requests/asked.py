"""A request as the cache sees it: what the rules see, and who asks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from hashlib import blake2b
from typing import NamedTuple

from afresh.http.options import Options
from afresh.http.pages.page import Spec
from afresh.http.requests.crumbs import crumbs
from afresh.http.requests.reading import QUERY
from afresh.rfc import Request, vary_key
from afresh.rfc.address import normalised

DEFAULT = Options()

UNKNOWN = "?"
"""In place of a digest: no key can say it."""

_SECRET_LENGTH = 64  # bytes of a key, BLAKE2b's limit


class Asked(NamedTuple):
    """A request.

    Attributes:
        request: What the rules see of it.
        client: The address of the client, as the server gives it.
        options: The settings for its path.
        apart: What tells it from requests for the same URL besides, whatever is read of it.
        known: Spells what a framework knows of the request (`session`, `user`); `None` where it can't.
    """

    request: Request
    client: str = ""
    known: Callable[[str], str | None] | None = None
    options: Options = DEFAULT
    apart: str = ""

    def passing(self, key: str) -> str:
        """What is remembered when nobody can share the answer: apart for those who say who they are."""
        names = self.request.fields.names()
        return f"{key}+" if b"cookie" in names or b"authorization" in names else key

    def values(self, reads: Iterable[str], secret: bytes) -> tuple[str, ...]:
        """The request's values of what was read of it beside whole fields, as digests.

        Args:
            reads: Names: `cookie:theme` is the value of one cookie, `client` the client's address, `QUERY`
                the query where that has another spelling than in the key, `spelling:accept` the lines of a
                field as they came; others are `known` to a framework.
            secret: Key of the digests: cookies stand nowhere in clear.
        """
        return tuple([self._digest(name, secret) for name in reads])

    def variant(self, spec: Spec, secret: bytes) -> str:
        """What tells this request from others for the same URL, if the answers depend on `spec`."""
        names, reads = spec
        digest = blake2b(digest_size=16, key=secret[:_SECRET_LENGTH], person=b"afresh-variant")
        for name, value in zip(names, vary_key(names, self.request), strict=True):
            digest.update(b"%b\0%b\0" % (name, b"-" if value is None else b"=" + value))
        for read, each in zip(reads, self.values(reads, secret), strict=True):
            digest.update(b"\0%b\0%b\0" % (read.encode(), each.encode()))
        return digest.hexdigest()

    def _digest(self, name: str, secret: bytes) -> str:
        kind, _, which = name.partition(":")
        if kind == "client":
            found = [self.client.encode()]
        elif kind == "cookie":
            found = self._cookies(which.encode())
        elif kind == "spelling":
            found = [*self.request.fields.get_all(which.encode("latin-1"))]
        elif kind == QUERY:
            query = self.request.query
            found = [] if query == normalised(query) else [query]
        else:
            spelled = None if self.known is None else self.known(name)
            if spelled is None:
                return UNKNOWN
            found = [spelled.encode()]
        key = secret[:_SECRET_LENGTH]
        joined = b"\0".join(found) if found else b""
        return f"{len(found)}{blake2b(joined, digest_size=16, key=key, person=b'afresh-read').hexdigest()}"

    def _cookies(self, name: bytes) -> list[bytes]:
        """The value of a cookie, if there is one; all of `Cookie` where applications may read it differently."""
        lines = self.request.fields.get_all(b"cookie")
        found = crumbs(lines)
        if found is None:
            return [b"", *lines]  # never as long as what a cookie alone gives
        return [found[name]] if name in found else []
