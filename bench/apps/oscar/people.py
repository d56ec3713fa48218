"""People with baskets and without, interleaved on both processes: each has to see his own. And the forms they send."""

from __future__ import annotations

import random
from typing import Any

from bench.apps.oscar.comparing import Uncached, difference, together
from bench.apps.oscar.goods import Goods
from bench.apps.oscar.visitors import Answer, Visitor


class People:
    """One run.

    Args:
        goods: What they look at.
        ports: The processes that are asked.
        chosen: Decides.
    """

    def __init__(self, goods: Goods, ports: list[int], chosen: random.Random) -> None:
        self._goods, self._ports, self._chosen = goods, ports, chosen
        self._uncached = Uncached()
        self.wrong: list[str] = []

    def run(self, requests: int) -> dict[str, Any]:
        """Two who are signed in, three with baskets, two without a cookie of their own."""
        cookies = self._cookies()
        paths = [*self._goods.pages(), "/basket/"]
        expected = {
            (name, path): self._uncached.page(path, cookies[name]) for name in cookies for path in paths
        }
        found = {"requests": 0, "hits": 0, "another's": 0}

        def ask() -> None:
            visitor = Visitor(self._ports[0])
            chosen = random.Random(self._chosen.random())
            for _ in range(requests // 4):
                name, path = chosen.choice(list(expected))
                visitor.move(chosen.choice(self._ports))
                visitor.cookies = dict(cookies[name])
                answer = visitor.get(path)
                found["requests"] += 1
                found["hits"] += "hit" in answer.said
                if answer.plain != expected[name, path]:
                    found["another's"] += 1
                    told = difference(answer.plain, expected[name, path])
                    self.wrong.append(f"{name}: {path} {answer.said}: {told}")

        together([ask] * 4)
        return found

    def _cookies(self) -> dict[str, dict[str, str]]:
        """Those of everybody, with what they have put into their baskets."""
        visitors = {name: Visitor(self._ports[0]) for name in ("ann", "bob", "basket", "nobody")}
        for name in ("ann", "bob"):
            visitors[name].sign_in(name)
        for at, name in enumerate(("ann", "bob", "basket")):
            self._put_into_basket(visitors[name], self._goods.some[at])
        visitors["nobody"].get("/catalogue/")
        cookies = {name: dict(visitor.cookies) for name, visitor in visitors.items()}
        cookies["bob"].pop("oscar_history", None)  # the others have looked at something before
        return {**cookies, "crawler": {}}

    def _put_into_basket(self, visitor: Visitor, product: Any) -> None:
        """From a page that is kept: its token has to be good."""
        page = self._kept(product, visitor)
        answer = _ordered(visitor, page, product, "1")
        if answer.status != 302:
            raise RuntimeError(f"a form of a kept page is refused: {answer.status}")
        visitor.get("/basket/")  # it tells once that something was added
        visitor.cookies.pop("messages", None)

    def _kept(self, product: Any, visitor: Visitor) -> Answer:
        """The page of a product, for somebody who isn't the first to ask."""
        path = product.get_absolute_url()
        Visitor(self._ports[0]).get(path), Visitor(self._ports[0]).get(path)
        return visitor.get(path)

    def form(self) -> dict[str, Any]:
        """A new visitor gets a kept page, and puts something into a basket; another one sends that visitor's form."""
        product = self._goods.some[5]
        visitor = Visitor(self._ports[0])
        page = self._kept(product, visitor)
        accepted = _ordered(visitor, page, product, "2")
        forger = Visitor(self._ports[0])
        forger.get("/catalogue/")
        return {
            "from a hit": int("hit" in page.said),
            "accepted": int(accepted.status == 302),
            "forged": int(_ordered(forger, page, product, "2").status == 302),
        }


def _ordered(visitor: Visitor, page: Answer, product: Any, quantity: str) -> Answer:
    fields = {"quantity": quantity}
    return visitor.send(product.get_absolute_url(), page.text, fields, to=f"/basket/add/{product.pk}/")
