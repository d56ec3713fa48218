"""An application of Celery's: `price` is kept by the cache, and changed by whoever sends tasks."""

from __future__ import annotations

import os

import celery
import redis

import afresh.celery
from afresh import Cache
from afresh.engine.asking.tracker import asking

URL = os.environ["SHOP_REDIS"]
app = celery.Celery("celery_shop", broker=URL, backend=URL)
cache = Cache(f"{URL}?timeout=30", consistency="session")
afresh.celery.install(cache)
store = redis.Redis.from_url(URL)


@cache.cached
def price() -> str:
    return store.get("price").decode()  # type: ignore[union-attr]


@app.task
def ask() -> str:
    return f"{price()}:{asking() is not None}"
