"""What the RFCs would let a cache store, and this one doesn't."""

from __future__ import annotations

import pytest

from afresh.http.answers.unkept import unkept
from afresh.http.options import Options
from afresh.rfc import Fields, Head, Request, Settings, storable


def why(status=200, options=None, **headers):
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    fields = Fields.of(
        [*pairs] if "cache_control" in headers else [(b"cache-control", b"max-age=60"), *pairs]
    )
    head = Head(status, fields)
    request = Request("GET", "https", b"example.org", b"/")
    stored = storable(request, head, requested_at=0.0, received_at=0.0, settings=Settings())
    return unkept(head, stored, options or Options())


@pytest.mark.parametrize(
    "kind", ["text/event-stream", "Text/Event-Stream; charset=utf-8", "multipart/x-mixed-replace"]
)
def test_what_has_no_end(kind):
    assert why(content_type=kind) == "it has no end"


def test_what_is_too_long_is_known_by_its_head():
    options = Options(max_body=10)
    assert why(options=options, content_length="10") == ""
    assert why(options=options, content_length="11") == "it is too long"
    assert why(options=options, content_length="many") == ""


@pytest.mark.parametrize(
    ("status", "kept"), [(200, True), (404, True), (410, True), (400, False), (500, False), (403, False)]
)
def test_errors_of_one_request_or_one_moment(status, kept):
    assert (why(status) == "") is kept
    assert why(status, cache_control="public, max-age=60") == "", "it says that it is for everybody"
    assert why(status, Options(errors=True)) == ""


def test_where_visitors_sign_out():
    options = Options(clear_site_data=("cache",))
    assert why(options=options) == "it has the browser forget the site"
    assert why(404, options) == "", "nobody has signed out"
