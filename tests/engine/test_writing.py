"""Blocks in which something is changed: announced at their end, wherever that is."""

from __future__ import annotations

import asyncio
import contextvars
import os
import random

import pytest

from afresh import Cache, Key, tag


@pytest.fixture
def row(cache):
    """A cached function over a value that tests change."""
    rows = {"a": 1}
    cached = cache.cached(tags=[tag("a")], prefix="row")(lambda: rows["a"])
    return rows, cached


def test_the_change_is_announced_at_the_end(cache, row):
    rows, cached = row
    cached()
    with cache.writing(tag("a")):
        rows["a"] = 2
    assert cached() == 2


def test_inside_reads_go_through_and_are_kept_nowhere(cache, row):
    rows, cached = row
    cached()
    with cache.writing(tag("a")):
        rows["a"] = 2
        assert cached() == 2
        rows["a"] = 1
    assert cached.peek() is None


def test_after_an_exception_too(cache, row):
    rows, cached = row
    cached()
    block = cache.writing(tag("a"))
    block.__enter__()
    rows["a"] = 2
    assert not block.__exit__(RuntimeError, RuntimeError(), None)
    assert cached() == 2


def test_what_turns_out_to_change_is_added(cache, row):
    rows, cached = row
    cached()
    with cache.writing() as writing:
        rows["a"] = 2
        writing.also(tag("a"))
    assert cached() == 2


def test_a_task_that_outlives_the_block_announces_for_itself(cache, row):
    rows, cached = row

    async def main():
        leave = asyncio.Event()

        async def later():
            await leave.wait()
            rows["a"] = 2
            cache.invalidate(tag("a"))

        with cache.writing(tag("other")):
            task = asyncio.create_task(later())
            await asyncio.sleep(0)
        cached()
        leave.set()
        await task
        return cached()

    assert asyncio.run(main()) == 2


def test_a_block_that_is_left_in_another_context(cache, row):
    rows, cached = row
    cached()
    block = cache.writing(tag("a"))
    contextvars.copy_context().run(block.__enter__)
    rows["a"] = 2
    contextvars.copy_context().run(block.__exit__, None, None, None)
    assert cached() == 2


def test_blocks_of_two_caches_keep_their_own(cache, row):
    rows, cached = row
    cached()
    with Cache("memory://") as other, cache.writing(), other.writing():
        cache.invalidate(tag("a"))
        assert cached() == 1
        rows["a"] = 2
    assert cached() == 2


def test_an_inner_block_is_announced_again_by_the_outer_one(cache, row):
    """Others see the inner one's change only when the outer transaction commits."""
    rows, cached = row
    cached()
    with cache.writing():
        with cache.writing(tag("a")):
            pass
        contextvars.Context().run(cached)
        rows["a"] = 2
    assert cached() == 2


def test_two_caches_over_one_folder_are_numbered_alike(tmp_path, monkeypatch):
    monkeypatch.setenv("AFRESH_DIR", str(tmp_path / "cache"))
    rows = {"a": 1}
    with Cache() as one, Cache(namespace="other") as other:
        part = one.cached(tags=[tag("a")], prefix="part")(lambda: rows["a"])
        whole = other.cached(prefix="whole")(lambda: part())
        assert whole() == 1
        rows["a"] = 2
        assert whole() == 1
        one.invalidate(tag("a"))
        assert whole() == 2


@pytest.mark.slow
def test_a_child_process_announces_for_itself(tmp_path, monkeypatch):
    monkeypatch.setenv("AFRESH_DIR", str(tmp_path / "cache"))
    with Cache() as cache:
        cached = cache.cached(tags=[tag("a")], prefix="row")(lambda: random.random())
        first = cached()
        with cache.writing(tag("other")):
            child = os.fork()
            if child == 0:
                cache.invalidate(tag("a"))
                os._exit(0)
            os.waitpid(child, 0)
        assert cached() != first


def test_keys_are_one_name_however_they_are_given(cache, loader):
    cached = cache.cached(tags=[Key("(odd)")], prefix="made")(lambda: loader())
    cached()
    cache.set("(odd)", 1)
    assert cached() == 2
    cache.invalidate(Key("(odd)"))
    assert cached() == 3
