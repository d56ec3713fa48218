"""Within a transaction a value is what it was told to be; what was loaded from its old state is gone at its end."""

from __future__ import annotations

import pytest
from cache_faces import backend

from afresh import Row
from afresh.engine.changes import transaction
from afresh.engine.changes.transaction import Transaction
from afresh.runtime.drive import drive


class Writing:
    """A database's transaction, as this package sees it, that has written."""

    def __init__(self, cache):
        self.of = Transaction(cache._operations.engine)
        self.of.writes(["row:product:7"])

    def __enter__(self):
        self.token = transaction.current.set(self.of)
        drive(self.of.prepare())
        return self

    def __exit__(self, *_):
        transaction.current.reset(self.token)
        drive(self.of.commit())


@pytest.fixture
def cache(location):
    return backend(location)


def test_what_is_put_loaded_and_removed_is_so_at_once(cache):
    with Writing(cache):
        assert cache.get_or_set("token", lambda: "first") == "first"
        assert cache.get_or_set("token", lambda: "second") == "first"
        cache.set("a", 1)
        assert cache.get("a") == 1
        assert cache.incr("a") == 2
        assert cache.delete("token") is True
        assert cache.get("token") is None
    assert cache.get("a") == 2


def test_what_another_loads_from_the_old_state_is_gone_at_the_end(cache, location):
    other = backend(location)
    state = ["old"]
    cache.get_or_set("row", lambda: state[0])
    with Writing(cache):
        cache.delete("row")
        token = transaction.current.set(None)  # another request, meanwhile
        assert other.get_or_set("row", lambda: state[0]) == "old"
        transaction.current.reset(token)
        state[0] = "new"
    assert other.get_or_set("row", lambda: state[0]) == "new"


def test_a_load_that_a_delete_overtakes_is_not_kept(cache, location):
    other = backend(location)

    def load():
        other.delete("row")
        return "old"

    cache.get_or_set("row", load)
    assert cache.get_or_set("row", lambda: "new") == "new"


def test_a_load_that_a_put_overtakes_does_not_replace_it(cache, location):
    other = backend(location)

    def load():
        other.set("row", "put")
        return "loaded"

    cache.get_or_set("row", load)
    assert other.get("row") == "put"


def test_the_time_alone_ends_what_was_loaded_unless_dependencies_are_asked_for(location):
    for asked, found in ((False, "old"), (True, None)):
        cache = backend(location, options={"DEPENDENCIES": asked}, KEY_PREFIX=str(asked))
        behind = cache._operations.engine

        def load(cache=cache):
            cache.afresh.depends_on(Row("product", 7))
            return "old"

        assert cache.get_or_set("row", load, 1000) == "old"
        from afresh.engine.changes.invalidate import invalidate

        drive(invalidate(behind, (Row("product", 7),)))
        assert cache.get("row") == found


def test_writes_that_are_not_announced_are_one_trip_and_nothing_is_made_from_them(location):
    cache = backend(location, options={"ANNOUNCE": False})
    ledger, pages = cache._operations.engine.ledger, cache.afresh
    before = ledger.position()
    cache.set("a", 1)
    cache.incr("a")
    cache.add("b", 1)
    cache.touch("a", 100)
    assert ledger.position() == before
    made = []
    for _ in range(2):
        pages.get_or_load("page", lambda: made.append(cache.get("a")))
    assert made == [2, 2]


def test_a_page_made_from_a_value_goes_with_it(location):
    cache = backend(location)
    cache.set("a", 1)
    page = lambda: cache.afresh.get_or_load("page", lambda: [cache.get("a"), cache.get("b")])  # noqa: E731
    assert page() == page() == [1, None]
    cache.set("b", 2)
    assert page() == [1, 2]
    cache.incr("a")
    assert page() == [2, 2]
    cache.delete("a")
    assert page() == [None, 2]
