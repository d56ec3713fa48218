"""The keys of resources: what is equal, what must not be (RFC 3986 §6, RFC 9111 §2)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rfc_messages import fields, get

from afresh.rfc import Fields, NoVarySearch, Request, Settings, no_vary_search, primary_key, target

PLAIN = Settings()


def key(
    path: str = "/", settings: Settings = PLAIN, search: NoVarySearch | None = None, **given: Any
) -> bytes:
    return primary_key(get(path, **given), settings, search)


def test_a_key_is_the_uri() -> None:
    assert key("/a", query="b=c") == b"https://example.org/a?b=c"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (get(host="EXAMPLE.org"), get(host="example.org:443")),
        (get("/%7ea"), get("/~a")),
        (get("/%2fa"), get("/%2Fa")),
        (get(query="q=%61"), get(query="q=a")),
        (get(method="HEAD"), get()),
        (get(method="POST"), get()),
        (get(accept="a", x_forwarded_for="192.0.2.1"), get()),
        (get(forwarded="for=192.0.2.1"), get()),
        (get(forwarded="for=192.0.2.1;host=a"), get(forwarded="host=a;by=x")),
    ],
)
def test_the_same(one: Request, other: Request) -> None:
    assert primary_key(one, PLAIN) == primary_key(other, PLAIN)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (get("/a"), get("/A")),
        (get("/a"), get("/a/")),
        (get("/a/b"), get("/a%2Fb")),
        (get("/a//b"), get("/a/b")),
        (get("/a/../b"), get("/b")),
        (get("/a", query="x=1"), get("/a", query="x=2")),
        (get("/a", query="x=1&y=2"), get("/a", query="y=2&x=1")),
        (get("/a", query="b"), get("/a%3Fb")),
        (get(host="example.org:8443"), get()),
        (get(host="example.org/a"), get("/a/")),
        (get("/b", host="example.org/a"), get("/a/b")),
        (get("/b", host="example.org?x"), get("/b", host="example.org")),
        (get("/", host="%2F"), get("/", host="/")),
        (get(x_forwarded_host="evil.example"), get()),
        (get(x_forwarded_host="a"), get(x_forwarded_host="b")),
        (get(x_forwarded_proto="http"), get()),
        (get(x_original_url="/admin"), get()),
        (get(forwarded="host=evil.example"), get()),
        (get(forwarded='for=x;host="a;b"'), get(forwarded="host=a")),
        (get(forwarded="for=1, host=a"), get(forwarded="for=1, host=b")),
    ],
)
def test_not_the_same(one: Request, other: Request) -> None:
    assert primary_key(one, PLAIN) != primary_key(other, PLAIN)


def test_schemes_are_different() -> None:
    assert primary_key(Request("GET", "http", b"h", b"/"), PLAIN) != primary_key(
        Request("GET", "https", b"h", b"/"), PLAIN
    )


def test_parameters_that_change_nothing_are_no_part_of_it() -> None:
    settings = Settings(ignored_parameters=("utm_*", "fbclid"))
    assert key("/a", settings, query="utm_source=x&b=1&fbclid=2&%75tm_x=3") == key(
        "/a", settings, query="b=1"
    )
    assert key("/a", settings, query="utm_source=x") == key("/a", settings)
    assert key("/a", settings, query="Utm_source=x") != key("/a", settings)
    assert key("/a", settings, query="fbclid2=1") != key("/a", settings)
    brackets = Settings(ignored_parameters=("page[a]",))
    assert key("/a", brackets, query="page[a]=1") == key("/a", brackets)
    assert key("/a", brackets, query="pagea=1") != key("/a", brackets)


def test_the_order_of_parameters_may_mean_nothing() -> None:
    settings = Settings(sorted_parameters=True)
    assert key("/", settings, query="b=1&a=2") == key("/", settings, query="a=2&b=1")
    assert key("/", settings, query="a=1&a=2") != key("/", settings, query="a=2&a=1")


def query_of(content: bytes, **given: Any) -> Request:
    return Request("QUERY", "https", b"example.org", b"/", b"", fields(given), content)


def test_the_content_of_a_query_is_a_part_of_its_key() -> None:
    one = primary_key(query_of(b"a", content_type="x/y"), PLAIN)
    assert one == primary_key(query_of(b"a", content_type="x/y", accept="z"), PLAIN)
    assert one != primary_key(query_of(b"b", content_type="x/y"), PLAIN)
    assert one != primary_key(query_of(b"a", content_type="x/z"), PLAIN)
    assert one != primary_key(query_of(b"a", content_type="x/y", content_encoding="gzip"), PLAIN)
    assert one != key()
    assert target(query_of(b"a"), PLAIN) == target(get(), PLAIN)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("key-order", NoVarySearch(any_order=True)),
        ('params=("a" "b c")', NoVarySearch(ignored=frozenset({"a", "b c"}))),
        ("params", NoVarySearch(ignored=None)),
        ('params, except=("q")', NoVarySearch(ignored=None, kept=frozenset({"q"}))),
        ("key-order, params, unknown=1", NoVarySearch(any_order=True, ignored=None)),
        ("", None),
        ("params=?0", None),
        ("key-order=1", None),
        ("params=a", None),
        ('params="a"', None),
        ("params=(a)", None),
        ('except=("q")', None),
        ('params=("a"), except=("q")', None),
        ("params=(", None),
    ],
)
def test_no_vary_search(text: str, found: NoVarySearch | None) -> None:
    assert no_vary_search(fields({"no_vary_search": text})) == found


def test_what_no_vary_search_does_to_a_key() -> None:
    some = NoVarySearch(ignored=frozenset({"b c", "\u00e9"}))
    assert key("/", PLAIN, some, query="b+c=1&d=2&b%20c=3&%C3%A9=4") == key("/", PLAIN, some, query="d=2")
    ordered = NoVarySearch(any_order=True)
    assert key("/", PLAIN, ordered, query="b=1&a=2") == key("/", PLAIN, ordered, query="a=2&b=1")
    assert key("/", PLAIN, some, query="x=1&y=2") != key("/", PLAIN, some, query="y=2&x=1")
    most = NoVarySearch(ignored=None, kept=frozenset({"q"}), any_order=True)
    assert key("/", PLAIN, most, query="x=1&q=2") == key("/", PLAIN, most, query="q=2&y=3")
    assert key("/", PLAIN, most, query="q=2") != key("/", PLAIN, most, query="q=3")


@given(st.binary(), st.binary(), st.binary(), st.binary())
def test_no_bytes_raise(host: bytes, path: bytes, query: bytes, value: bytes) -> None:
    settings = Settings(ignored_parameters=("utm_*",), sorted_parameters=True)
    request = Request(
        "QUERY", "https", host, path, query, Fields(((b"forwarded", value), (b"no-vary-search", value)))
    )
    primary_key(request, settings, no_vary_search(request.fields))


letters = st.text("/?#@:%.aA&=", max_size=6)


@given(letters, letters, letters, letters)
def test_two_hosts_never_share_a_key(host: str, path: str, other: str, other_path: str) -> None:
    one, two = get("/" + path, host=host), get("/" + other_path, host=other)
    if primary_key(one, PLAIN) == primary_key(two, PLAIN):
        assert host.lower().removesuffix(":443") == other.lower().removesuffix(":443")
