"""Readers and a writer at once: is what is read ever older than what was acknowledged before the question?

The titles of a product are numbered. Who asks may get the number that was committed last before he did, or
a later one. Between two edits there are as many answers as there are readers, however fast the machine is.
"""

from __future__ import annotations

import random
import re
import threading
from functools import partial
from typing import Any

from bench.apps.oscar.comparing import together
from bench.apps.oscar.goods import Goods
from bench.apps.oscar.visitors import Visitor

READERS = 4
"""Of each process."""
_TITLE = re.compile(r"race (\d+)")


class Race:
    """One run.

    Args:
        goods: What is edited.
        ports: The processes that are asked.
        chosen: Decides.
    """

    def __init__(self, goods: Goods, ports: list[int], chosen: random.Random) -> None:
        self._goods, self._chosen = goods, chosen
        self._product = goods.some[3]
        self._readers = [Visitor(port) for port in ports for _ in range(READERS)]
        self._acknowledged, self._reads, self._hits = 0, 0, 0
        self._ended = False
        self._answered = threading.Condition()
        self.wrong: list[str] = []

    def run(self, edits: int) -> dict[str, Any]:
        """Edit so often, while all read."""
        self._write(0)
        together([partial(self._edit, edits), *(partial(self._read, each) for each in self._readers)])
        return {
            "edits": edits,
            "reads": self._reads,
            "hits": self._hits,
            "stale": len(self.wrong),
        }

    def _edit(self, edits: int) -> None:
        try:
            for number in range(1, edits + 1):
                self._write(number)
                with self._answered:
                    self._acknowledged = number
                    until = self._reads + len(self._readers)
                    self._answered.wait_for(partial(self._since, until))
        finally:
            self._end()

    def _since(self, reads: int) -> bool:
        return self._ended or self._reads >= reads

    def _end(self) -> None:
        with self._answered:
            self._ended = True
            self._answered.notify_all()

    def _write(self, number: int) -> None:
        from django.db import connection

        title, own = f"race {number}", self._goods.product.filter(pk=self._product.pk)
        if number % 3 == 0:
            one = own.get()
            one.title = title
            one.save()
        elif number % 3 == 1:
            own.update(title=title)
        else:
            with connection.cursor() as cursor:
                sql = "UPDATE catalogue_product SET title = %s WHERE id = %s"
                cursor.execute(sql, [title, self._product.pk])

    def _read(self, reader: Visitor) -> None:
        try:
            while not self._ended:
                since = self._acknowledged
                path = self._chosen.choice(["/catalogue/", self._product.get_absolute_url()])
                reader.cookies.clear()
                answer = reader.get(path)
                seen = [int(each) for each in _TITLE.findall(answer.text)]
                with self._answered:
                    self._reads += 1
                    self._hits += "hit" in answer.said
                    if not seen or min(seen) < since:
                        self.wrong.append(f"{path} {answer.said}: {seen[:3]}, and {since} was acknowledged")
                    self._answered.notify_all()
        finally:
            self._end()
