"""The URL by which edges know a page. What its head says is tested with the middlewares, in test_edge_outward."""

from __future__ import annotations

import pytest

from afresh.edge.leaving import url_of
from afresh.rfc import Fields, Request


@pytest.mark.parametrize(
    ("path", "query", "url"),
    [
        (b"/", b"", "http://shop.example/"),
        (b"/a%2Fb", b"c=%20&d", "http://shop.example/a%2Fb?c=%20&d"),
        ("/ä".encode("latin-1"), b"", "http://shop.example/ä"),
    ],
)
def test_a_page_is_known_by_its_address_as_it_came(path: bytes, query: bytes, url: str) -> None:
    request = Request("GET", "http", b"shop.example", path, query, Fields(()), None)
    assert url_of(request) == url
