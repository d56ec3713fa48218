"""Edits of every kind, and after each of them readers of both processes: is what they get true?"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from bench.apps.oscar.comparing import Uncached, difference, together
from bench.apps.oscar.goods import Goods
from bench.apps.oscar.visitors import Visitor

READERS = 4
"""Of each process."""


class Edits:
    """One run.

    Args:
        goods: What is edited.
        ports: The processes that are asked.
        chosen: Decides.
    """

    def __init__(self, goods: Goods, ports: list[int], chosen: random.Random) -> None:
        self._goods, self._chosen = goods, chosen
        self._uncached = Uncached()
        self._keeper = Visitor(ports[0])
        self._readers = [Visitor(port) for port in ports for _ in range(READERS)]
        self.reads = self.hits = 0
        self.wrong: list[str] = []

    def run(self, edits: int) -> dict[str, Any]:
        """Edit, and let all readers compare."""
        self._keeper.sign_in("keeper")
        hows: list[Callable[[int], object]] = [
            self._save, self._update, self._bulk, self._sql, self._dashboard, self._admin,
        ]  # fmt: skip
        for number in range(edits):
            how = hows[number % len(hows)]
            how(number)
            path = self._chosen.choice([*self._goods.pages()[:2], self._one().get_absolute_url()])
            expected = self._uncached.page(path, {})
            what = f"edit {number} ({how.__name__[1:]}): {path}"
            if number % 100 == 99:
                print(f"edits: {number + 1} …", file=sys.stderr, flush=True)
            together(partial(self._compare, each, path, expected, what) for each in self._readers)
        return {
            "edits": edits,
            "kinds": len(hows),
            "reads": self.reads,
            "hits": self.hits,
            "stale": len(self.wrong),
        }

    def _compare(self, reader: Visitor, path: str, expected: str, what: str) -> None:
        reader.cookies.clear()
        answer = reader.get(path)
        self.reads += 1
        self.hits += "hit" in answer.said
        if answer.plain != expected:
            self.wrong.append(f"{what} {answer.said}: {difference(answer.plain, expected)}")

    def _one(self) -> Any:
        return self._chosen.choice(self._goods.some)

    def _save(self, number: int) -> None:
        one = self._goods.product.get(pk=self._one().pk)
        one.title = f"saved {number}"
        one.save()

    def _update(self, number: int) -> None:
        chosen = [each.pk for each in self._goods.some[:2]]
        self._goods.product.filter(pk__in=chosen).update(title=f"updated {number}")

    def _bulk(self, number: int) -> None:
        rows = list(self._goods.stock.filter(product__in=self._goods.some))
        for each in rows:
            each.price = number + 1
        self._goods.stock.bulk_update(rows, ["price"])

    def _sql(self, number: int) -> None:
        from django.db import connection

        with connection.cursor() as cursor:
            sql = "UPDATE catalogue_product SET title = %s WHERE id = %s"
            cursor.execute(sql, [f"by SQL {number}", self._one().pk])

    def _dashboard(self, number: int) -> None:
        """As a person does it: the form of the page, filled in and sent."""
        shelf = self._goods.shelf
        path = f"/dashboard/catalogue/categories/{shelf.pk}/update/"
        self._keeper.fill_in(path, name=f"by hand {number}")
        if self._goods.category.get(pk=shelf.pk).name != f"by hand {number}":
            raise RuntimeError(f"{path}: the name is another")

    def _admin(self, number: int) -> None:
        """The same in Django's admin, for a product."""
        one = self._one()
        path = f"/admin/catalogue/product/{one.pk}/change/"
        self._keeper.fill_in(path, title=f"by an admin {number}", _save="Save")
        if self._goods.product.get(pk=one.pk).title != f"by an admin {number}":
            raise RuntimeError(f"{path}: the title is another")
