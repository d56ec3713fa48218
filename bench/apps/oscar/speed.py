"""How long the pages take: without a cache, with two other packages, with two lines of ours, and with three more."""

from __future__ import annotations

import math
import re
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

from bench.apps.oscar.shops import Place, Shop
from bench.apps.oscar.timed import timed
from bench.apps.oscar.visitors import Visitor

SUBJECTS = {
    "plain": "plain",
    "cachalot": "cachalot",
    "cacheops": "cacheops",
    "two lines": "afresh",
    "three more": "afresh",
}
"""The variant of the settings of each."""
PEERS = ("cachalot", "cacheops")
_MORE = {"plain": 1, "cachalot": 2, "cacheops": 2, "two lines": 40, "three more": 40}
"""So many times as many requests of each take about as long; of a page that isn't kept, one."""


class Speed:
    """One run.

    Args:
        places: Of each subject.
        quick: Fewer rounds.
    """

    def __init__(self, places: Mapping[str, Place], *, quick: bool) -> None:
        self._places = places
        self._rounds, self._requests = (3, 3) if quick else (9, 8)
        self.pages = _pages(places["plain"])

    def obstacles(self) -> dict[str, Any]:
        """Why the product page isn't kept with the two lines, and the lines that the system check prints: they are used."""
        place = self._places["two lines"]
        with Shop(place, workers=1, name="first") as shop:
            path = self.pages["product"]
            said = [Visitor(shop.port).get(path).said for _ in range(3)]
            deadline = time.monotonic() + 20
            while "W002" not in (printed := place.run("manage.py", "check")) and time.monotonic() < deadline:
                time.sleep(0.2)
        reason = re.search(r"\(afresh\.W002\) (Pages of .*)", printed)
        lines = re.search(r"(\[\[http\.rule\]\]\n(?:.+\n?)+?)(?=\n|\Z|\?:|System)", printed)
        if lines is None or reason is None:
            raise RuntimeError(f"the system check prints no lines:\n{printed}")
        text = "\n".join(line.strip() for line in lines[1].splitlines() if "=" in line or "[[" in line)
        self._places["three more"].rules(text + "\n")
        return {"said": said, "reason": reason[1], "lines": text}

    def measured(self) -> dict[str, dict[str, list[float]]]:
        """Milliseconds of a request over four connections, by turns."""
        found: dict[str, Any] = {page: {name: [] for name in SUBJECTS} for page in self.pages}
        with ExitStack() as stack:
            shops = {name: stack.enter_context(Shop(place)) for name, place in self._places.items()}
            for page, path in self.pages.items():
                many = {name: self._requests * _more(name, shop, path) for name, shop in shops.items()}
                for number in range(self._rounds + 1):
                    first = number % len(shops)
                    for name in [*shops][first:] + [*shops][:first]:
                        took = _timed(name, shops[name], path, many[name] if number else 4)
                        if number:
                            found[page][name].append(took)
        return found


def _pages(place: Place) -> dict[str, str]:
    code = "import django; django.setup(); from bench.apps.oscar.goods import Goods; print(*Goods().pages())"
    return dict(zip(("catalogue", "category", "product"), place.run("-c", code).split()[-3:], strict=True))


def _more(name: str, shop: Shop, path: str) -> int:
    """Asks first: a new process links files that four requests at once stumble over."""
    said = [Visitor(shop.port).get(path).said for _ in range(6)]
    return _MORE[name] if name in PEERS or "hit" in said[-1] else 1


def _timed(name: str, shop: Shop, path: str, requests: int) -> float:
    try:
        return timed(shop.port, path, requests)
    except RuntimeError as error:
        if name in PEERS:
            print(f"{name}: {error}", file=sys.stderr)
            return math.inf  # it answers with an error
        raise RuntimeError(f"{name}: {error}\n{shop.log[-3000:]}") from None
