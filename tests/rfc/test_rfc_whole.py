"""Properties of all rules together, on messages that nobody would write."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rfc_messages import NOW

from afresh.rfc import (
    Fields,
    Forward,
    Head,
    Refuse,
    Request,
    Serve,
    Settings,
    Stored,
    Validate,
    answer,
    failing,
    finished,
    groups,
    headed,
    invalidates,
    no_vary_search,
    primary_key,
    serve,
    storable,
    validated,
)

NAMES = [
    b"age", b"authorization", b"cache-control", b"cache-groups", b"cdn-cache-control", b"connection", b"content-length",
    b"content-location", b"cookie", b"date", b"etag", b"expires", b"if-match", b"if-modified-since", b"if-none-match",
    b"if-range", b"last-modified", b"location", b"no-vary-search", b"pragma", b"range", b"set-cookie", b"vary",
]  # fmt: skip
VALUES = [
    b"max-age=60", b"max-age=0", b"s-maxage=5", b"no-store", b"no-cache", b"private", b"public", b"must-revalidate",
    b"stale-while-revalidate=9", b"stale-if-error=9", b"immutable", b"must-understand", b"only-if-cached", b"max-stale",
    b'"a"', b'W/"a"', b"*", b"bytes=0-1", b"bytes=-3", b"Fri, 15 Jan 2027 08:00:00 GMT", b"Sun, 06 Nov 1994 08:49:37 GMT",
    b"accept", b"cookie", b"0", b"5", b"10", b"/", b'no-cache="set-cookie"',
]  # fmt: skip

lines = st.lists(st.sampled_from(VALUES), max_size=3).map(b", ".join) | st.binary(max_size=20)
many_fields = st.lists(st.tuples(st.sampled_from(NAMES), lines), max_size=8).map(
    lambda pairs: Fields(tuple(pairs))
)
methods = st.sampled_from(["GET", "GET", "GET", "HEAD", "POST", "QUERY", "PUT", "x"])
requests = st.builds(
    Request, methods, st.just("https"), st.just(b"h") | st.binary(max_size=5), st.just(b"/"), st.binary(max_size=5), many_fields,
    st.just(b"") | st.none(),
)  # fmt: skip
heads = st.builds(
    Head, st.sampled_from([200, 200, 200, 204, 206, 301, 304, 404, 500, 503, 599, 103]), many_fields
)
settings = st.builds(
    Settings, shared=st.booleans(), set_cookie=st.booleans(), cookies=st.booleans(), authorization=st.booleans(),
    obey_requests=st.booleans(), stale_if_error=st.sampled_from([0.0, 9.0]), stale_while_revalidate=st.sampled_from([0.0, 9.0]),
)  # fmt: skip


@given(requests, requests, heads, heads, settings, st.floats(-100, 1000))
def test_no_message_raises(
    one: Request, two: Request, first: Head, second: Head, chosen: Settings, later: float
) -> None:
    times = {"requested_at": NOW, "received_at": NOW + 1}
    primary_key(one, chosen, no_vary_search(first.fields))
    groups(one, first.fields)
    invalidates(one, first, chosen)
    found = storable(one, first, **times, settings=chosen)
    stored = finished(found, 10) if isinstance(found, Stored) else None
    decision = answer(two, [stored] if isinstance(stored, Stored) else [], now=NOW + later, settings=chosen)
    assert isinstance(decision, Serve | Validate | Forward | Refuse)
    if isinstance(stored, Stored):
        validated(two, stored, Head(304, second.fields), **times, settings=chosen)
        headed(two, stored, second, **times, settings=chosen)
        failing(two, stored, now=NOW + later, settings=chosen)
        serve(two, stored, now=NOW + later)


def says(fields: Fields, name: bytes, word: bytes) -> bool:
    return any(word == part.strip().lower() for line in fields.get_all(name) for part in line.split(b","))


@given(requests, heads, settings)
def test_what_must_not_be_stored_is_not(request: Request, head: Head, chosen: Settings) -> None:
    stored = storable(request, head, requested_at=NOW, received_at=NOW, settings=chosen)
    if not isinstance(stored, Stored):
        return
    targeted = b"cdn-cache-control" in head.fields
    if not targeted:
        assert not says(head.fields, b"cache-control", b"no-store") or says(
            head.fields, b"cache-control", b"must-understand"
        )
        assert not (chosen.shared and says(head.fields, b"cache-control", b"private"))
    assert not says(head.fields, b"vary", b"*")
    assert head.status not in {206, 304, 103}
    assert not says(request.fields, b"cache-control", b"no-store")
    if chosen.shared and not chosen.set_cookie:
        assert b"set-cookie" not in stored.head.fields
    if chosen.shared and not chosen.cookies and b"cookie" in request.fields:
        assert stored.open or b"cookie" in stored.vary
    assert stored.initial_age >= 0
    assert stored.lifetime >= 0


@given(requests, requests, heads, st.floats(0, 200))
def test_what_is_served_is_fresh_or_allowed_to_be_stale(
    one: Request, two: Request, head: Head, later: float
) -> None:
    found = storable(one, head, requested_at=NOW, received_at=NOW, settings=Settings())
    stored = finished(found, 10) if isinstance(found, Stored) else None
    if not isinstance(stored, Stored):
        return
    decision = answer(two, [stored], now=NOW + later)
    if not isinstance(decision, Serve):
        return
    assert not stored.validate
    assert two.method in {"GET", "HEAD", "QUERY"}
    fresh = NOW + later < stored.fresh_until
    assert decision.stale is not fresh
    wished = says(two.fields, b"cache-control", b"max-stale")
    assert fresh or NOW + later < stored.stale_until or (wished and not stored.must_revalidate)
    if says(head.fields, b"cache-control", b"must-revalidate") and b"cdn-cache-control" not in head.fields:
        assert fresh
    assert int(decision.head.fields.get(b"age") or b"-1") >= int(stored.initial_age)
    assert 0 <= decision.start <= decision.stop <= 10


def test_no_status_raises() -> None:
    request = Request("GET", "https", b"h", b"/")
    for status in range(-1, 1001):
        head = Head(status, Fields(((b"cache-control", b"max-age=60"),)))
        stored = storable(request, head, requested_at=NOW, received_at=NOW, settings=Settings())
        assert not isinstance(stored, Stored) or 200 <= status < 600
