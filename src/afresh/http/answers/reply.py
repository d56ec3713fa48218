"""An answer from the cache, whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from afresh.core.entry import Entry
from afresh.http.answers.adjusting import outward
from afresh.http.hits.duties import OnHit
from afresh.http.holes import Values, filled
from afresh.http.pages.page import Page
from afresh.rfc import Fields, Head, Request, Serve, serve


class Reply(NamedTuple):
    """What to send.

    Attributes:
        head: Status and fields, all of them.
        content: The content.
        refresh: It is stale: when it is sent, have it made anew.
        entry: The page that it is, as it stands in memory, where it is fresh and whole.
        holes: What has to be filled for this visitor, and
        fill: makes the answer of it.
        doing: What is to be done for it before it is sent.
    """

    head: Head
    content: bytes = b""
    refresh: bool = False
    entry: Entry | None = None
    holes: frozenset[str] = frozenset()
    fill: Callable[[Values], Reply] | None = None
    doing: OnHit | None = None

    @classmethod
    def of(cls, served: Serve, page: Page, fields: Fields) -> Reply:
        """What the rules decided, for a stored page.

        Servers add a `Date` of their own: where the application gave none, none is sent, or there
        would be two.
        """
        plain = fields if page.dated else fields.without((b"date",))
        sent = outward(plain, page.stored.vary, page.reads)
        whole = served.start == 0 and served.stop == len(page.body)
        content = page.body if whole else page.body[served.start : served.stop]
        return cls(Head(served.head.status, sent), content, served.refresh)

    @classmethod
    def for_visitor(
        cls, served: Serve, page: Page, request: Request, now: float, told: Callable[[Serve], Fields]
    ) -> Reply:
        """The same; where the page has holes, to be filled first.

        His conditions and ranges are about what he gets, so they are answered after that.

        Args:
            served: What the rules decided for the page as it is stored.
            page: The page.
            request: The request.
            now: Seconds since 1970.
            told: The fields of what is served, with what there is to say.
        """
        if not page.holes:
            return cls.of(served, page, told(served))

        def fill(values: Values) -> Reply:
            his = filled(page, values)
            again = serve(request, his.stored, now=now, refresh=served.refresh)
            return cls.of(again, his, told(again))

        names = frozenset(name for _, name in page.holes)
        return cls(served.head, refresh=served.refresh, holes=names, fill=fill)
