"""Half of a character, as file names and broken JSON have it: it may stand in keys and tags like any other."""

from __future__ import annotations

import pytest

from afresh import Cache, ConfigurationError, Key, Row, tag

HALF = "\ud800"


def test_by_hand(cache):
    cache.set(HALF, 1)
    assert (cache.get(HALF), cache.get_many([HALF])) == (1, {HALF: 1})
    assert cache.incr(HALF) == 2
    assert cache.mutate(HALF, lambda value: value + 1) == 3
    assert cache.explain(HALF).state == "fresh"
    assert cache.delete(HALF)
    assert cache.add(HALF, 4)
    assert cache.delete_many([HALF]) == 1
    assert cache.get("\ud801") is None


def test_in_keys_and_tags(cache, loader):
    @cache.cached(prefix="part", tags=lambda name: [tag(name), Row("part", name)])
    def part(name: str) -> int:
        return loader()

    assert [part(HALF), part(HALF), part(HALF * 300), part("\ud801" * 300)] == [1, 1, 2, 3]
    for number, dependency in enumerate((tag(HALF), Row("part", HALF), Key(part.key(HALF))), 4):
        cache.invalidate(dependency)
        assert part(HALF) == number


def test_not_in_a_namespace():
    with pytest.raises(ConfigurationError, match="UTF-8"):
        Cache("memory://", namespace=HALF)
