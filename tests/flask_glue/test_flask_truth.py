"""Two users and a crawler, at random: each gets what the application without a cache would answer.

Two workers with a cache and one without have one database and one place for sessions. After each
step everybody is compared: the uncached application is asked with the same cookies.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask_shop import Person, Product, create_app, db, fill

from afresh import Cache
from afresh.flask import Afresh
from sizes import seed, size

pytestmark = pytest.mark.slow

ROUNDS, STEPS = size((1, 200), (10, 1_000))
WRITES = size(25, 500)


@pytest.fixture(params=["file", pytest.param("redis", marks=pytest.mark.servers)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "file":
        return f"sqlite:////{tmp_path}/cache.sqlite3"
    return f"{request.getfixturevalue('flask_redis').url}?timeout=30"


@pytest.fixture
def workers(place: str, tmp_path: Path) -> Iterator[tuple[list[Flask], Flask]]:
    """Two workers that cache, and one that doesn't."""
    uri = f"sqlite:///{tmp_path}/shop.sqlite3"
    caches = [Cache(place, consistency="strict") for _ in range(2)]
    cached = [create_app(uri, AFRESH_SESSIONS=place) for _ in caches]
    plain = create_app(uri, AFRESH_SESSIONS=place, AFRESH_PAGES=False)
    for app, cache in zip((*cached, plain), (*caches, caches[0]), strict=True):
        Afresh(app, cache=cache)
    fill(plain)
    yield cached, plain
    for app in (*cached, plain):
        app.session_interface.sessions.close()  # type: ignore[attr-defined]
        with app.app_context():
            db.session.remove()
            for engine in db.engines.values():
                engine.dispose()
    for cache in caches:
        cache.close()


class Visitor:
    """A browser: its cookie, and who has signed in with it."""

    def __init__(self) -> None:
        self.cookie: str | None = None

    def ask(self, app: Flask, path: str, method: str = "GET") -> Any:
        client = app.test_client()
        if self.cookie is not None:
            client.set_cookie("session", self.cookie)
        answer = client.open(path, method=method)
        if method == "POST":
            cookie = client.get_cookie("session")
            self.cookie = None if cookie is None else cookie.value
        return answer


def path_of(draw: random.Random) -> str:
    return draw.choice(["/", "/basket", f"/shelf/{draw.randrange(3)}", f"/product/{draw.randrange(1, 11)}"])


def written(draw: random.Random, plain: Flask) -> None:
    """A change past the web, by one way or another."""
    number, price = draw.randrange(1, 10), draw.randrange(1000)
    with plain.app_context():
        way = draw.randrange(6)
        if way == 0:
            product = db.session.get(Product, number)
            if product is not None:
                product.price = price
        elif way == 1:
            db.session.execute(db.update(Product).where(Product.shelf == number % 3).values(price=price))
        elif way == 2:
            statement = db.text("UPDATE product SET price = :price WHERE name = :name")
            db.session.execute(statement, {"price": price, "name": f"p{number}"})
        elif way == 3:
            db.session.execute(db.text(f"UPDATE product SET shelf = (shelf + 1) % 3 WHERE id = {number}"))
        elif way == 4:
            db.session.execute(
                db.update(Person).where(Person.id == draw.choice([1, 2])).values(active=draw.random() < 0.8)
            )
        else:
            db.session.execute(db.delete(Product).where(Product.id == number))
            db.session.add(Product(id=number, name=f"p{number}", price=price, shelf=draw.randrange(3)))
        db.session.commit() if draw.random() < 0.9 else db.session.rollback()


def acted(draw: random.Random, people: dict[int, Visitor], app: Flask) -> None:
    """Somebody does something."""
    number = draw.choice([1, 2])
    paths = [
        f"/login/{number}",
        "/logout",
        f"/basket/{draw.randrange(10)}",
        f"/product/{draw.randrange(1, 10)}/7",
    ]
    people[number].ask(app, draw.choices(paths, [4, 2, 3, 2])[0], "POST")


@pytest.mark.parametrize("number", range(ROUNDS))
def test_everybody_gets_what_the_uncached_application_answers(
    workers: tuple[list[Flask], Flask], number: int
) -> None:
    cached, plain = workers
    draw = random.Random(seed() + number)
    people = {1: Visitor(), 2: Visitor(), 0: Visitor()}
    asked = 0
    for _ in range(STEPS):
        kind = draw.random()
        if kind < 0.1:
            written(draw, plain)
        elif kind < 0.2:
            acted(draw, people, draw.choice(cached))
        else:
            visitor, path = people[draw.choice([0, 1, 2])], path_of(draw)
            got, right = visitor.ask(draw.choice(cached), path), visitor.ask(plain, path)
            assert (got.status_code, got.data) == (right.status_code, right.data), f"seed {seed()}: {path}"
            asked += 1
    ran = sum(len([path for path in app.runs if path_is_read(path)]) for app in cached)  # type: ignore[attr-defined]
    assert 0 < ran < asked * 0.8  # a cache that never answers is always right


def path_is_read(path: str) -> bool:
    return path in {"/", "/basket"} or (path.count("/") == 2 and path.startswith(("/shelf/", "/product/")))


def test_no_reader_gets_what_was_before_a_change_that_he_could_know_of(shop: Any) -> None:
    app = shop(SQLALCHEMY_ENGINE_OPTIONS={"connect_args": {"timeout": 30}})
    committed, ended, found = [0], threading.Event(), []

    def read() -> None:
        client = app.test_client()
        while not ended.is_set():
            before = committed[0]
            price = int(client.get("/product/1").text.partition("p1: ")[2].partition("<")[0])
            found.append((before, price))

    def write() -> None:
        for price in range(1, WRITES + 1):
            with app.app_context():
                if price % 2:
                    db.session.execute(
                        db.text("UPDATE product SET price = :price WHERE id = 1"), {"price": price}
                    )
                else:
                    db.session.get_one(Product, 1).price = price
                db.session.commit()
            committed[0] = price
        ended.set()

    with app.app_context():
        db.session.execute(db.text("UPDATE product SET price = 0 WHERE id = 1"))
        db.session.commit()
    app.test_client().get("/product/1")  # it is known by now what an application sets up at its first request
    threads = [threading.Thread(target=each) for each in (read, read, read, write)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert [(before, price) for before, price in found if price < before] == []
    app.runs.clear()
    assert len({app.test_client().get("/product/1").text for _ in range(3)}) == 1
    assert len(app.runs) <= 1
