"""A part of an answer has a key of its own, in which the page's address is not."""

from __future__ import annotations

from afresh.http.requests.reading import Reads, part_of_the_answer
from afresh.rfc import Fields


def test_what_is_in_the_key_of_the_page_is_not_in_that_of_its_part():
    reads = Reads(Fields.of([(b"host", b"example.org")]), frozenset([b"user-agent"]))
    with part_of_the_answer() as part:
        for name in (b"Host", b"X-Forwarded-Host", b"Accept", b"User-Agent"):
            reads.header(name)
    assert part.headers == {b"host", b"x-forwarded-host", b"accept"}
    assert reads.headers == {b"accept"}
