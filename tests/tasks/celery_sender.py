"""Changes a price, and asks a worker for it at once."""

from __future__ import annotations

from celery_shop import ask, cache, price, store

for number in range(10):
    store.set("price", number)
    price.invalidate_all()
    print(ask.delay().get(timeout=30))
cache.close()
