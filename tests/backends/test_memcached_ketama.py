"""Placement as libmemcached places keys."""

from __future__ import annotations

from collections import Counter

import pytest

from afresh.backends.endpoint import Endpoint
from afresh.backends.memcached.address import parse
from afresh.backends.memcached.ketama import Ring

SERVERS = "memcached://127.0.0.1,127.0.0.2,127.0.0.3:22122"

# Written by pylibmc 1.6.3 (`ketama_weighted`) to three memcacheds, then looked for on each of them:
# where `product:0`, `product:1` … were found.
EQUAL = (
    "211020101100012120202012121100022110112020011111211002110202211212000202212202202122121000201102101121"
)
WEIGHTED = (
    "200000100200002020200010021100020100002020001000211000110002210222000002202200002100121000201102002020"
)


@pytest.mark.parametrize(("url", "found"), [(SERVERS, EQUAL), (SERVERS + "?weights=3,1,2", WEIGHTED)])
def test_keys_stand_where_libmemcached_puts_them(url: str, found: str) -> None:
    ring = Ring(parse(url).endpoints)
    assert "".join(str(ring.owner(b"product:%d" % number)) for number in range(len(found))) == found


def test_a_server_more_takes_its_share_and_moves_nothing_else() -> None:
    four = [Endpoint(f"10.0.0.{number}", 11211) for number in range(4)]
    before, after = Ring(four), Ring([*four, Endpoint("10.0.0.9", 11211)])
    keys = [b"key:%d" % number for number in range(5000)]
    moved = [key for key in keys if before.owner(key) != after.owner(key)]
    assert {after.owner(key) for key in moved} == {4}
    assert len(keys) / 10 < len(moved) < len(keys) / 3


def test_the_order_of_the_url_does_not_matter() -> None:
    some = [Endpoint("a", 11211), Endpoint("b", 11212), Endpoint(path="/run/c.sock")]
    there, back = Ring(some), Ring(some[::-1])
    assert all(there.owner(key) == 2 - back.owner(key) for key in (b"%d" % number for number in range(1000)))


def test_weights_are_shares() -> None:
    ring = Ring([Endpoint("a", 11211, weight=3), Endpoint("b", 11211, weight=1)])
    owners = Counter(ring.owner(b"key:%d" % number) for number in range(10_000))
    assert 0.6 < owners[0] / 10_000 < 0.9
