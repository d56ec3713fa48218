"""Views that the shop counts: each of them with `side_effects = "replay"`, those of the view itself with "skip"."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

from bench.apps.oscar.comparing import together
from bench.apps.oscar.goods import Goods
from bench.apps.oscar.visitors import Visitor

_PATIENCE = 30.0
_BATCH = 1.5
"""Seconds; more than a batch waits: what came twice would show."""


def counted(goods: Goods, ports: list[int], views: int, *, skipped: bool) -> dict[str, Any]:
    """Look at a product so often, and ask the shop what it has counted.

    Args:
        goods: With the product.
        ports: The processes that are asked.
        views: How often.
        skipped: Hits are declared not to count; else each has to.

    Returns:
        How many views, hits and counted ones there are, and how many more or less than there have to be.
    """
    product, said = goods.some[4], list[str]()
    path = product.get_absolute_url()
    # Of two first views at once the shop itself loses one: both insert the row of the counter.
    Visitor(ports[0]).get(path)
    time.sleep(_BATCH)
    before = goods.views(product)

    def ask(visitor: Visitor) -> None:
        for _ in range(views // 4):
            visitor.cookies.clear()
            said.append(visitor.get(path).said)

    together(partial(ask, Visitor(port)) for port in ports for _ in range(4 // len(ports)))
    answered = sum("hit" in each or "collapsed" in each for each in said)
    expected = len(said) - answered if skipped else len(said)
    deadline = time.monotonic() + _PATIENCE
    while goods.views(product) < before + expected and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(_BATCH)
    found = goods.views(product) - before
    return {"views": len(said), "hits": answered, "counted": found, "off by": abs(expected - found)}
