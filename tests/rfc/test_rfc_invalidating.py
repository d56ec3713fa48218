"""What unsafe methods make stale (RFC 9111 §4.4), and cache groups (RFC 9875)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rfc_messages import fields, get, ok

from afresh.rfc import Fields, Head, Invalidation, Request, Settings, groups, invalidates, target

HERE = b"https://example.org/a/b"


def gone(method: str = "POST", status: int = 200, **given: Any) -> Invalidation:
    return invalidates(get("/a/b", method=method, host="example.org"), ok(status, **given))


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "M-SEARCH", "BREW", "get"])
@pytest.mark.parametrize("status", [200, 201, 204, 302, 303])
def test_an_unsafe_method_that_succeeds_makes_its_resource_stale(method: str, status: int) -> None:
    assert gone(method, status) == Invalidation((HERE,))


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "TRACE", "QUERY"])
def test_a_safe_one_does_not(method: str) -> None:
    assert gone(method, location="/x", cache_group_invalidation='"g"') == Invalidation()


@pytest.mark.parametrize("status", [100, 400, 404, 500, 503])
def test_nor_does_one_that_fails(status: int) -> None:
    assert gone(status=status, location="/x", cache_group_invalidation='"g"') == Invalidation()


def test_a_method_in_a_field_may_be_unsafe() -> None:
    assert invalidates(get("/a/b", x_http_method_override="DELETE"), ok()) == Invalidation((HERE,))


@pytest.mark.parametrize(
    ("reference", "found"),
    [
        ("/c", b"https://example.org/c"),
        ("c?d=%7e", b"https://example.org/a/c?d=~"),
        ("../c", b"https://example.org/c"),
        ("?q", b"https://example.org/a/b?q"),
        ("https://EXAMPLE.org:443/c", b"https://example.org/c"),
        ("//example.org", b"https://example.org/"),
        ("/c#part", b"https://example.org/c"),
        ("", HERE),
    ],
)
def test_location_and_content_location_name_more(reference: str, found: bytes) -> None:
    for name in ("location", "content_location"):
        assert set(gone(**{name: reference}).targets) == {HERE, found}


@pytest.mark.parametrize(
    "reference",
    [
        "https://evil.example/c",
        "http://example.org/c",
        "https://example.org:8443/c",
        "https://u@example.org/c",
        "http://[",
        "mailto:x",
        "//[::1",
    ],
)
def test_not_of_another_origin(reference: str) -> None:
    assert gone(location=reference).targets == (HERE,)


def test_a_target_is_named_as_it_is_stored() -> None:
    settings = Settings(ignored_parameters=("utm_*",))
    request = get("/a", query="utm_x=1&b=2", method="POST")
    found = invalidates(request, ok(location="/a?b=2&utm_y=3"), settings)
    assert found.targets == (target(get("/a", query="b=2"), settings),)


def test_groups() -> None:
    found = groups(get(), fields({"cache_groups": ['"one", "two";x=1', '"one", token, 3']}))
    assert found == (b"https://example.org one", b"https://example.org two")
    assert gone(cache_group_invalidation='"two"').groups == found[1:]


def test_groups_belong_to_an_origin() -> None:
    given = fields({"cache_groups": '"g"'})
    assert groups(get(host="a"), given) != groups(get(host="b"), given)


@pytest.mark.parametrize("text", ["", "one", '"one', '"one",', "(", '"' + "x" * 257 + '"'])
def test_what_names_no_group(text: str) -> None:
    assert groups(get(), fields({"cache_groups": text})) == ()


def test_the_number_of_groups_is_bounded() -> None:
    many = ", ".join(f'"{n}"' for n in range(1000))
    assert len(groups(get(), fields({"cache_groups": many}))) == 128


@given(st.binary(), st.binary(), st.binary())
def test_no_bytes_raise(host: bytes, reference: bytes, names: bytes) -> None:
    head = Head(200, Fields(((b"location", reference), (b"cache-group-invalidation", names))))
    found = invalidates(Request("POST", "https", host, b"/" + reference), head)
    assert found.targets
