"""`python -m bench.apps.oscar.oracle SIZE SEED PORT PORT`: is what two processes serve what is true?

This process writes, through the ORM, in bulk, by raw SQL and by the forms of the dashboard, and renders
each page without any cache, to compare. The two processes share a cache with it.
"""

from __future__ import annotations

import json
import random
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import django
from django.conf import settings
from django.test import Client, override_settings

from bench.apps.oscar.visitors import Visitor, plain

EDITS = {"quick": 24, "full": 1000}
REQUESTS = {"quick": 200, "full": 10_000}
VIEWS = {"quick": 60, "full": 2000}


class Uncached:
    """The application without the first of its middlewares."""

    def __init__(self) -> None:
        with override_settings(MIDDLEWARE=settings.MIDDLEWARE[1:]):
            self._client = Client(SERVER_NAME="127.0.0.1")
            self._client.handler.load_middleware()

    def page(self, path: str, cookies: dict[str, str]) -> str:
        """A page, without what may differ."""
        self._client.cookies.clear()
        for name, value in cookies.items():
            self._client.cookies[name] = value
        return plain(self._client.get(path).content.decode())


class Oracle:
    """One run."""

    def __init__(self, size: str, seed: int, ports: list[int]) -> None:
        from oscar.core.loading import get_model

        self.size, self.ports = size, ports
        self.chosen = random.Random(seed)
        self.product: Any = get_model("catalogue", "Product").objects
        self.category: Any = get_model("catalogue", "Category").objects
        self.stock: Any = get_model("partner", "StockRecord").objects
        self.uncached = Uncached()
        self.some = list(self.product.order_by("-date_created", "-pk")[:6])
        self.shelf = self.category.order_by("path")[3]
        self.wrong: list[str] = []
        self.hits = self.reads = 0

    # -- edits ----------------------------------------------------------------------------------

    def edits(self) -> dict[str, Any]:
        """Write, and let four readers of each process compare."""
        keeper = Visitor(self.ports[0])
        self._sign_in(keeper, "keeper")
        hows: list[Callable[[int], object]] = [
            self._save, self._update, self._bulk, self._sql, lambda number: self._dashboard(keeper, number),
        ]  # fmt: skip
        readers = [Visitor(port) for port in self.ports for _ in range(4)]
        for number in range(EDITS[self.size]):
            hows[number % len(hows)](number)
            path = self.chosen.choice(
                ["/catalogue/", self.shelf.get_absolute_url(), self._one().get_absolute_url()]
            )
            expected = self.uncached.page(path, {})
            self._together(readers, lambda reader: self._compare(reader, path, expected, number))  # noqa: B023
        return {"edits": EDITS[self.size], "reads": self.reads, "hits": self.hits, "stale": len(self.wrong)}

    def _compare(self, reader: Visitor, path: str, expected: str, number: int) -> None:
        reader.cookies.clear()
        answer = reader.get(path)
        self.reads += 1
        self.hits += "hit" in answer.said
        if answer.plain != expected:
            self.wrong.append(f"edit {number}: {path} {answer.said}: {_difference(answer.plain, expected)}")

    def _one(self) -> Any:
        return self.chosen.choice(self.some)

    def _save(self, number: int) -> None:
        one = self.product.get(pk=self._one().pk)
        one.title = f"saved {number}"
        one.save()

    def _update(self, number: int) -> None:
        self.product.filter(pk__in=[each.pk for each in self.some[:2]]).update(title=f"updated {number}")

    def _bulk(self, number: int) -> None:
        rows = list(self.stock.filter(product__in=self.some))
        for each in rows:
            each.price = number + 1
        self.stock.bulk_update(rows, ["price"])

    def _sql(self, number: int) -> None:
        from django.db import connection

        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE catalogue_product SET title = %s WHERE id = %s", [f"by SQL {number}", self._one().pk]
            )

    def _dashboard(self, keeper: Visitor, number: int) -> None:
        """As a person does it: the form of the page, filled in and sent."""
        path = f"/dashboard/catalogue/categories/{self.shelf.pk}/update/"
        answer = keeper.post(path, name=f"by hand {number}")
        if answer.status != 302:
            raise RuntimeError(f"{path}: {answer.status}")
        if self.category.get(pk=self.shelf.pk).name != f"by hand {number}":
            raise RuntimeError(f"{path}: the name is another")

    def _sign_in(self, visitor: Visitor, name: str) -> None:
        path = "/accounts/login/"
        page = visitor.get(path)
        fields = {
            "login-username": f"{name}@example.com", "login-password": name, "login-redirect_url": "/catalogue/",
            "login_submit": "Log In",
        }  # fmt: skip
        answer = visitor.send(path, page.text, fields)
        if answer.status != 302:
            raise RuntimeError(f"{name} can't sign in: {answer.status}")

    # -- people ---------------------------------------------------------------------------------

    def people(self) -> dict[str, Any]:
        """Visitors with and without baskets, interleaved on both processes: each sees his own."""
        visitors = {name: Visitor(self.ports[0]) for name in ("ann", "bob", "basket", "nobody", "crawler")}
        for name in ("ann", "bob"):
            self._sign_in(visitors[name], name)
        for at, name in enumerate(("ann", "bob", "basket")):
            self._put_into_basket(visitors[name], self.some[at])
        paths = ["/catalogue/", self.shelf.get_absolute_url(), "/basket/", self.some[0].get_absolute_url()]
        cookies = {name: dict(visitor.cookies) for name, visitor in visitors.items()}
        cookies["crawler"] = {}
        for each in cookies.values():
            each.pop("oscar_history", None)
        expected = {
            (name, path): self.uncached.page(path, cookies[name]) for name in visitors for path in paths
        }
        found = {"requests": 0, "hits": 0, "another's": 0}

        def ask(visitor: Visitor) -> None:
            chosen = random.Random(self.chosen.random())
            for _ in range(REQUESTS[self.size] // 4):
                name, path = chosen.choice(list(expected))
                visitor.move(chosen.choice(self.ports))
                visitor.cookies = dict(cookies[name])
                answer = visitor.get(path)
                found["requests"] += 1
                found["hits"] += "hit" in answer.said
                if answer.plain != expected[name, path]:
                    found["another's"] += 1
                    difference = _difference(answer.plain, expected[name, path])
                    self.wrong.append(f"{name}: {path} {answer.said}: {difference}")

        self._together([Visitor(self.ports[0]) for _ in range(4)], ask)
        return found

    def _put_into_basket(self, visitor: Visitor, product: Any) -> None:
        """From a page that is kept: its token has to be good."""
        path = product.get_absolute_url()
        Visitor(self.ports[0]).get(path), Visitor(self.ports[0]).get(path)
        page = visitor.get(path)
        answer = visitor.send(path, page.text, {"quantity": "1"}, to=f"/basket/add/{product.pk}/")
        if answer.status != 302:
            raise RuntimeError(f"a form of a kept page is refused: {answer.status}")
        visitor.get("/basket/")  # it tells once that something was added
        visitor.cookies.pop("messages", None)

    def form(self) -> dict[str, Any]:
        """A new visitor gets a kept page, and puts something into a basket."""
        path = self.some[5].get_absolute_url()
        Visitor(self.ports[0]).get(path), Visitor(self.ports[0]).get(path)
        visitor = Visitor(self.ports[0])
        page = visitor.get(path)
        answer = visitor.send(path, page.text, {"quantity": "2"}, to=f"/basket/add/{self.some[5].pk}/")
        forged = Visitor(self.ports[0])
        forged.get("/catalogue/")
        refused = forged.send(path, page.text, {"quantity": "2"}, to=f"/basket/add/{self.some[5].pk}/")
        return {
            "from a hit": int("hit" in page.said),
            "accepted": int(answer.status == 302),
            "forged": int(refused.status == 302),
        }

    # -- counters -------------------------------------------------------------------------------

    def views(self) -> dict[str, Any]:
        """`num_views` counts each view, whoever answered it."""
        product, number = self.some[4], VIEWS[self.size]
        before, path = self._views(product), product.get_absolute_url()
        hits = []

        def ask(visitor: Visitor) -> None:
            for _ in range(number // 4):
                visitor.cookies.clear()
                hits.append("hit" in visitor.get(path).said)

        self._together([Visitor(port) for port in self.ports for _ in range(2)], ask)
        deadline = time.monotonic() + 30
        while self._views(product) < before + len(hits) and time.monotonic() < deadline:
            time.sleep(0.1)
        time.sleep(1.5)  # as much as a batch waits: what came twice would show
        return {"views": len(hits), "hits": sum(hits), "counted": self._views(product) - before}

    def _views(self, product: Any) -> int:
        from oscar.core.loading import get_model

        found = (
            get_model("analytics", "ProductRecord").objects.filter(product=product).values_list("num_views")
        )
        return found[0][0] if found else 0

    @staticmethod
    def _together(visitors: list[Visitor], ask: Callable[[Visitor], None]) -> None:
        failed: list[BaseException] = []

        def run(visitor: Visitor) -> None:
            try:
                ask(visitor)
            except BaseException as error:
                failed.append(error)

        threads = [threading.Thread(target=run, args=(each,)) for each in visitors]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        if failed:
            raise failed[0]


def _difference(got: str, expected: str) -> str:
    """The first line that differs."""
    lines = zip(got.splitlines(), expected.splitlines(), strict=False)
    return next(
        (f"{one.strip()!r}, not {other.strip()!r}" for one, other in lines if one != other), "its length"
    )


def queries_of_hits(paths: list[str]) -> dict[str, int]:
    """How many queries hits send, in this process."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    found = {}
    for path in paths:
        for _ in range(3):
            client = Client(SERVER_NAME="127.0.0.1")
            with CaptureQueriesContext(connection) as queries:
                answer = client.get(path)
        if "hit" not in answer.headers["Cache-Status"]:
            raise RuntimeError(f"{path}: {answer.headers['Cache-Status']}")
        found[path] = len(queries)
    return found


def main(size: str, seed: int, ports: list[int]) -> None:
    """All of it."""
    django.setup()
    oracle = Oracle(size, seed, ports)
    paths = ["/catalogue/", oracle.shelf.get_absolute_url(), oracle.some[0].get_absolute_url()]
    found: dict[str, Any] = {
        "queries": queries_of_hits(paths),
        "edits": oracle.edits(),
        "people": oracle.people(),
        "form": oracle.form(),
        "views": oracle.views(),
        "wrong": oracle.wrong[:5],
    }
    print("FOUND", json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), list(map(int, sys.argv[3:])))
