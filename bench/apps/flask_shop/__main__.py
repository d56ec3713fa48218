"""`python -m bench.apps.flask_shop [--quick] [--json FILE]`: a page of 50 products, by cache.

A request is a call of the application, without a server, on SQLite: what is measured is the processor
time that the cache leaves. Afterwards prices change, by ORM, bulk update and raw SQL, and two people and
a stranger ask at random: `stale` counts answers with an old price, `another's` those with another's name.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from werkzeug.test import create_environ

from bench import measure
from bench.apps.flask_shop import site

PEOPLE = ("stranger", "ann", "bob")


class Subject:
    """One application, asked by three people."""

    def __init__(self, name: str, file: Path) -> None:
        self.app = site.created(name, file)
        self.cookies: dict[str, str] = {}
        for person in PEOPLE[1:]:
            client = self.app.test_client()
            client.post(f"/login/{person}")
            cookie = client.get_cookie("session")
            assert cookie is not None
            self.cookies[person] = f"session={cookie.value}"

    def environ(self, person: str, shelf: int) -> dict[str, Any]:
        """The request of somebody for a shelf."""
        headers = {"Cookie": self.cookies[person]} if person in self.cookies else {}
        return dict(create_environ(f"/shelf/{shelf}", headers=headers))

    def ask(self, environ: dict[str, Any]) -> bytes:
        """The content of the answer."""
        answer: Any = self.app.wsgi_app(dict(environ), lambda status, headers, exc_info=None: bytes.join)
        try:
            return b"".join(answer)
        finally:
            if hasattr(answer, "close"):
                answer.close()

    def timed(self, person: str, requests: int) -> Callable[[], float]:
        """What a request costs, in microseconds."""
        environ = self.environ(person, 7)

        def cost() -> float:
            begun = time.process_time()
            for _ in range(requests):
                self.ask(environ)
            return (time.process_time() - begun) / requests * 1e6

        return cost


def wrong(subject: Subject, plain: Subject, steps: int) -> tuple[int, int]:
    """How many answers are stale, and how many another's, out of `steps`."""
    draw = random.Random(7)
    stale = others = 0
    for _ in range(steps):
        shelf, person = draw.randrange(4), draw.choice(PEOPLE)
        if draw.random() < 0.1:
            site.change(subject.app, draw.randrange(3), shelf, draw.randrange(10_000))
        got, right = subject.ask(subject.environ(person, shelf)), plain.ask(plain.environ(person, shelf))
        others += f"Hello {person}<".encode() not in got
        stale += got.partition(b"<table>")[2] != right.partition(b"<table>")[2]
    return stale, others


def main() -> int:
    """Measure, print, judge."""
    options = measure.parser(__doc__).parse_args()
    rounds, requests, steps = (5, 40, 200) if options.quick else (15, 200, 2_000)
    measure.pin()
    with tempfile.TemporaryDirectory() as folder:
        subjects = {name: Subject(name, Path(folder) / "shop.sqlite3") for name in site.SUBJECTS}
        plain = subjects["no cache"]
        site.fill(plain.app)
        by_person = {
            person: measure.interleave(
                {name: each.timed(person, requests) for name, each in subjects.items()}, rounds
            )
            for person in PEOPLE[:2]
        }
        table = measure.Table(f"A page of {site.PRODUCTS // site.SHELVES} products on Flask")
        for name, each in subjects.items():
            stranger, ann = (by_person[person] for person in PEOPLE[:2])
            stale, others = wrong(each, plain, steps)
            figures = {
                "us": sorted(stranger[name])[rounds // 2],
                "x no cache": 1 / measure.ratio(stranger, name, "no cache"),
                "signed in": 1 / measure.ratio(ann, name, "no cache"),
                "stale": stale,
                "another's": others,
            }
            table.add(name, figures, *_goals(name))
    table.remarks.append(f"stale, another's: out of {steps} answers. signed in: x no cache, too.")
    return measure.finish("apps.flask_shop", [table], options.json)


def _goals(name: str) -> list[measure.Goal]:
    if not name.startswith("afresh"):
        return []
    right = [measure.Goal("stale", 0), measure.Goal("another's", 0)]
    return right if name != "afresh, two lines" else [measure.Goal("x no cache", 10, at_least=True), *right]


if __name__ == "__main__":
    sys.exit(main())
