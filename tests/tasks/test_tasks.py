"""A task outside of a request."""

from __future__ import annotations

import pytest

from afresh import Cache, ConfigurationError, tag
from afresh.engine.asking.confirm import current
from afresh.engine.asking.scope import Token
from afresh.engine.asking.tracker import asking
from afresh.tasks import position_of, task, token_in


def test_a_task_is_a_scope():
    with Cache("memory://") as cache:
        with task(cache) as scope:
            cache.get_or_load("key", lambda: 1, tags=[tag("t")])
            assert asking() is not None
        assert "tag:'t'" in scope.dependencies
        assert asking() is None


def test_what_it_stored_is_with_the_others_when_it_ends(tmp_path):
    url = f"sqlite:////{tmp_path}/cache.sqlite3"
    with Cache(url) as here, Cache(url) as there:
        for error in (None, ValueError):
            here.clear()
            try:
                with task(here):
                    here.set("key", 1)
                    if error is not None:
                        raise error
            except ValueError:
                pass
            assert there.get("key") == 1


def test_the_cache_may_be_opened_late():
    with Cache("memory://") as cache:
        with task(lambda: cache) as scope:
            assert scope.token == token_in(position_of(cache))
        with pytest.raises(ConfigurationError, match="no cache"), task(lambda: 7):
            pass


@pytest.mark.parametrize("message", [None, "ab", [1], [1, "2"], [True, 1], {"a": 1, "b": 2}])
def test_what_is_no_token_is_none(message):
    assert token_in(message) is None


def test_a_token_travels():
    assert token_in([1, 2]) == Token(1, 2)


def test_a_token_from_later_has_to_be_caught_up_with():
    with Cache("memory://", consistency="session") as cache:
        epoch, position = cache._engine.ledger.epoch, cache._engine.ledger.position()
        for later in (0, 1):
            with task(cache, Token(epoch, position + later)):
                assert current.get().owed is bool(later)
