"""Conditions and ranges, answered from a stored response (RFC 9110 §13, §14)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rfc_messages import NOW, get, kept, ok

from afresh.rfc import Fields, Head, Request, Serve, serve
from afresh.rfc.ranges import parse_ranges

MODIFIED = "Sun, 06 Nov 1994 08:49:37 GMT"
PAGE = ok(
    cache_control="max-age=60",
    etag='"a"',
    last_modified=MODIFIED,
    content_type="text/plain",
    content_location="/x",
    x_own="1",
    vary="foo",
)


def served(head: Head = PAGE, method: str = "GET", **given: Any) -> Serve:
    return serve(get(method=method, **given), kept(head), now=NOW + 5)


@pytest.mark.parametrize(
    "tags",
    [
        '"a"',
        'W/"a"',
        '"x", "a"',
        '"x" , W/"a" ,',
        ["*"],
        ['"x"', '"a"'],
        '"x,", "a"',
        '"\u00fc", "a"',
        ', "a"',
    ],
)
def test_a_client_that_has_it_gets_304(tags: Any) -> None:
    found = served(if_none_match=tags)
    assert (found.head.status, found.start, found.stop) == (304, 0, 0)


@pytest.mark.parametrize(
    "tags", ['"b"', "a", '"A"', 'w/"a"', '"x" "a"', '"b*"', "", 'garbage, "a"', '"x', '*, "x"']
)
def test_another_gets_the_content(tags: str) -> None:
    found = served(if_none_match=tags, if_modified_since=MODIFIED)
    assert (found.head.status, found.start, found.stop) == (200, 0, 10)


@pytest.mark.parametrize("tag", [{}, {"etag": "a"}, {"etag": ['"a"', '"a"']}])
def test_without_one_tag_of_its_own_nothing_matches(tag: dict[str, Any]) -> None:
    head = ok(cache_control="max-age=60", **tag)
    assert served(head, if_none_match='"a", a').head.status == 200


def test_a_weak_tag_matches_weakly() -> None:
    head = ok(cache_control="max-age=60", etag='W/"a"')
    assert served(head, if_none_match='"a"').head.status == 304


@pytest.mark.parametrize(
    ("since", "status"),
    [
        (MODIFIED, 304),
        ("Sunday, 06-Nov-94 08:49:37 GMT", 304),
        ("Sun, 06 Nov 1994 08:49:38 GMT", 304),
        ("Sun, 06 Nov 1994 08:49:36 GMT", 200),
        ("garbage", 200),
        ([MODIFIED, MODIFIED], 200),
    ],
)
def test_if_modified_since(since: Any, status: int) -> None:
    assert served(if_modified_since=since).head.status == status


def test_without_last_modified_the_date_counts() -> None:
    head = ok(cache_control="max-age=60")
    assert served(head, if_modified_since="Fri, 15 Jan 2027 08:00:00 GMT").head.status == 304
    assert served(head, if_modified_since="Fri, 15 Jan 2027 07:59:59 GMT").head.status == 200


def test_a_304_says_what_caches_need_and_nothing_of_the_content() -> None:
    found = served(if_none_match='"a"').head.fields.names()
    assert found == {
        b"cache-control",
        b"content-location",
        b"date",
        b"etag",
        b"last-modified",
        b"vary",
        b"age",
        b"x-own",
    }


def test_an_error_is_sent_whole_whatever_the_conditions() -> None:
    head = ok(404, cache_control="max-age=60", etag='"a"')
    assert served(head, if_none_match='"a"', range="bytes=0-1").head.status == 404


def test_head_gets_the_head_of_get() -> None:
    found = served(method="HEAD")
    assert (found.head.status, found.start, found.stop) == (200, 0, 0)
    assert found.head.fields.get(b"content-length") == b"10"
    assert served(method="HEAD", if_none_match='"a"').head.status == 304
    assert served(method="HEAD", range="bytes=0-1").head.status == 200


@pytest.mark.parametrize(
    ("wish", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=2-", 2, 10),
        ("bytes=-3", 7, 10),
        ("BYTES=5-99", 5, 10),
        ("bytes=-99", 0, 10),
        ("bytes=0-1,2-3", 0, 4),
        ("bytes=4-5, 0-4", 0, 6),
        ("bytes=0-1,90-", 0, 2),
    ],
)
def test_one_range(wish: str, start: int, stop: int) -> None:
    found = served(range=wish)
    assert (found.head.status, found.start, found.stop) == (206, start, stop)
    assert found.head.fields.get(b"content-range") == f"bytes {start}-{stop - 1}/10".encode()
    assert found.head.fields.get_all(b"content-length") == (str(stop - start).encode(),)
    assert found.head.fields.get(b"content-type") == b"text/plain"


@pytest.mark.parametrize("wish", ["bytes=10-", "bytes=99-100", "bytes=-0", "bytes=10-,20-"])
def test_a_range_that_is_not_there(wish: str) -> None:
    found = served(range=wish)
    assert (found.head.status, found.start, found.stop) == (416, 0, 0)
    assert found.head.fields.get(b"content-range") == b"bytes */10"
    assert found.head.fields.get(b"content-length") == b"0"


@pytest.mark.parametrize(
    "wish",
    [
        "bytes=0-1,5-6",
        "lines=0-1",
        "bytes",
        "bytes=",
        "bytes=,",
        "bytes=-",
        "bytes=3-2",
        "bytes=a-b",
        "bytes=1",
        "bytes=0x1-2",
        ["bytes=0-1", "bytes=0-1"],
        "bytes=" + "0-0," * 17,
        "bytes=" + "9" * 50 + "-",
    ],
)
def test_a_range_that_is_ignored(wish: Any) -> None:
    found = served(range=wish)
    assert (found.head.status, found.start, found.stop) == (200, 0, 10)


@pytest.mark.parametrize(
    ("if_range", "status"),
    [
        ('"a"', 206),
        ('"b"', 200),
        ('W/"a"', 200),
        (MODIFIED, 206),
        ("Sun, 06 Nov 1994 08:49:38 GMT", 200),
        ("Sunday, 06-Nov-94 08:49:37 GMT", 200),
        ("garbage", 200),
        (['"a"', '"a"'], 200),
    ],
)
def test_if_range(if_range: Any, status: int) -> None:
    assert served(range="bytes=0-1", if_range=if_range).head.status == status


def test_a_weak_validator_guards_no_range() -> None:
    weak = ok(cache_control="max-age=60", etag='W/"a"', last_modified="Fri, 15 Jan 2027 08:00:00 GMT")
    assert served(weak, range="bytes=0-1", if_range='W/"a"').head.status == 200
    assert served(weak, range="bytes=0-1", if_range="Fri, 15 Jan 2027 08:00:00 GMT").head.status == 200


def test_a_condition_comes_before_a_range() -> None:
    assert served(range="bytes=0-1", if_none_match='"a"').head.status == 304


@given(st.binary(max_size=60), st.binary(max_size=60))
@example(b"\n", b"\n")  # for which "$" matched again and again
def test_no_bytes_raise(one: bytes, other: bytes) -> None:
    for first, second in (
        (b"if-none-match", b"if-modified-since"),
        (b"range", b"if-range"),
        (b"etag", b"last-modified"),
    ):
        request = Request("GET", "https", b"h", b"/", b"", Fields(((first, one), (second, other))))
        found = serve(request, kept(PAGE), now=NOW)
        assert 0 <= found.start <= found.stop <= 10


specs = st.tuples(st.integers(0, 30), st.integers(0, 30)).map(lambda pair: f"{pair[0]}-{pair[1]}")
endings = st.integers(0, 30).map(lambda last: f"-{last}")


@given(st.lists(specs | endings, min_size=1, max_size=8), st.integers(0, 25))
def test_ranges_are_those_of_a_set_of_bytes(wishes: list[str], length: int) -> None:
    found = parse_ranges(b"bytes=" + ",".join(wishes).encode(), length)
    wanted: set[int] = set()
    for wish in wishes:
        first, _, last = wish.partition("-")
        if first and int(last) < int(first):
            assert found == []
            return
        wanted |= set(
            range(int(first), int(last) + 1) if first else range(max(0, length - int(last)), length)
        )
    wanted &= set(range(length))
    if not wanted:
        assert found is None
        return
    assert found is not None
    assert sorted(wanted) == [at for start, stop in found for at in range(start, stop)]
