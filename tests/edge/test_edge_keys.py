"""Names that go outward: a purge always reaches whatever carries the tag, and nothing tells which tag it is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from afresh.core.tags import hashed
from afresh.edge.keys import LIMIT, Keys

TAGS = st.integers(1, 2**64 - 1)


@given(st.frozensets(TAGS, min_size=1, max_size=1500), st.integers(400, LIMIT), st.data())
def test_a_purge_names_what_a_page_carries(tags: frozenset[int], limit: int, data: st.DataObject) -> None:
    keys = Keys(b"secret")
    carried = keys.carried(tags, limit)
    assert len(carried) <= limit
    marked = data.draw(st.sampled_from(sorted(tags)))
    assert keys.purged([marked]) & set(carried.split())


def test_a_page_of_few_tags_is_not_purged_for_others() -> None:
    keys = Keys()
    carried = set(keys.carried(map(hashed, map(str, range(400)))).split())
    others = [hashed(f"other {number}") for number in range(1000)]
    assert not carried & keys.purged(others)


def test_many_tags_get_shorter_names_that_still_tell_pages_apart() -> None:
    keys = Keys()
    for count, length in ((450, 8), (900, 3), (5000, 1)):
        names = keys.carried(map(hashed, map(str, range(count)))).split()
        assert {len(name) for name in names} == {6, length}
    carried = set(keys.carried(map(hashed, map(str, range(900)))).split())
    purged = sum(bool(carried & keys.purged([hashed(f"other {number}")])) for number in range(1000))
    assert purged < 20


def test_names_hang_on_the_secret() -> None:
    one, other = Keys(b"one"), Keys(b"other")
    tags = [hashed("table::product:any")]
    assert one.carried(tags) != other.carried(tags)
    assert one.carried(tags) == Keys(b"one").carried(tags)
