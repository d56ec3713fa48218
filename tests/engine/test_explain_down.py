"""`explain` where the store doesn't answer tells what is known here."""

from __future__ import annotations

import asyncio

import pytest

from afresh import Cache


@pytest.fixture(params=["redis", "memcached"])
def cache(request, tmp_path, monkeypatch):
    monkeypatch.setenv("AFRESH_DIR", str(tmp_path))
    with Cache(f"{request.param}://127.0.0.1:1") as opened:
        yield opened


def test_a_key_that_only_the_store_would_know(cache):
    for explained in (cache.explain("k"), asyncio.run(cache.aio.explain("k"))):
        assert (explained.state, explained.layer) == ("unknown", "nowhere")
        assert "127.0.0.1:1" in explained.reason
        assert "doesn't answer" in str(explained)
