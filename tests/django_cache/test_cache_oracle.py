"""Random calls are answered as Django's own `LocMemCache` answers them."""

from __future__ import annotations

import random
import uuid

import pytest
from cache_faces import Face, backend
from django.core.cache.backends.locmem import LocMemCache

from sizes import seed, size

KEYS = ("a", "b", "c")
VALUES = (0, 1, -7, True, None, 1.5, "text", "7", b"bytes", [1, [2]], {"k": (1, 2)}, frozenset({1}), 2**70)
TIMEOUTS = (None, 1000, 0, -1, 2.5e9)


def call(draw):
    """One call: its name and arguments."""
    key, value, version = draw.choice(KEYS), draw.choice(VALUES), draw.choice([1, 1, 2])
    timeout = {"timeout": draw.choice(TIMEOUTS)} if draw.random() < 0.5 else {}
    some = draw.sample(KEYS, draw.randrange(4))
    name, *arguments = draw.choice(
        [
            ("get", key),
            ("get", key, "default"),
            ("set", key, value),
            ("add", key, value),
            ("touch", key),
            ("delete", key),
            ("incr", key, draw.choice([1, -3, 0.5])),
            ("decr", key, 2),
            ("has_key", key),
            ("get_many", some),
            ("set_many", dict.fromkeys(some, value)),
            ("delete_many", some),
            ("get_or_set", key, value),
            ("get_or_set", key, lambda: value),
            ("incr_version", key, draw.choice([1, -1, 2])),
            ("clear",),
        ]
    )
    if name not in {"set", "add", "touch", "set_many", "get_or_set"}:
        timeout = {}
    named = {} if name == "clear" else {"version": version, **timeout}
    return name, arguments, named


def answer(cache, name, arguments, named):
    try:
        return getattr(cache, name)(*arguments, **named)
    except (TypeError, ValueError) as error:
        return type(error)


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_random_calls_are_answered_as_by_locmem(location, is_async):
    draw, prefix = random.Random(seed()), uuid.uuid4().hex
    theirs = LocMemCache(prefix, {"KEY_PREFIX": prefix})
    ours = Face(backend(location, KEY_PREFIX=prefix), is_async=is_async)
    done = []
    for _ in range(size(150 if is_async else 400, 5000)):
        name, arguments, named = call(draw)
        done.append((name, arguments, named))
        # LocMemCache says of what has expired that it was there; so does memcached of what was cleared.
        there = name != "delete" or theirs.has_key(*arguments, **named)
        expected = answer(theirs, name, arguments, named)
        found = answer(ours, name, arguments, named)
        if name == "clear" or not there:
            continue
        assert (found, type(found)) == (expected, type(expected)), (seed(), done[-1], done[-12:])
