"""An answer from the cache, whole."""

from __future__ import annotations

from typing import NamedTuple

from afresh.core.entry import Entry
from afresh.http.adjusting import outward
from afresh.http.page import Page
from afresh.rfc import Fields, Head, Serve


class Reply(NamedTuple):
    """What to send.

    Attributes:
        head: Status and fields, all of them.
        content: The content.
        refresh: It is stale: when it is sent, have it made anew.
        entry: The page that it is, as it stands in memory, where it is fresh and whole.
    """

    head: Head
    content: bytes = b""
    refresh: bool = False
    entry: Entry | None = None

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
