"""A database of a shop, and another program that writes to it."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from pathlib import Path

PRODUCTS = 20_000


def fill(file: Path, products: int = PRODUCTS) -> None:
    """Make the file."""
    chosen = random.Random(1)
    with closing(sqlite3.connect(file)) as shop, shop:
        shop.executescript("""
            PRAGMA journal_mode = WAL;
            CREATE TABLE maker (id INTEGER PRIMARY KEY, name TEXT);
            CREATE TABLE product (
                id INTEGER PRIMARY KEY, name TEXT, price REAL, maker INTEGER REFERENCES maker(id)
            );
            CREATE INDEX by_maker ON product(maker);
        """)
        shop.executemany("INSERT INTO maker (name) VALUES (?)", [(f"maker {n}",) for n in range(100)])
        rows = [(f"product {n}", chosen.random() * 100, chosen.randint(1, 100)) for n in range(products)]
        shop.executemany("INSERT INTO product (name, price, maker) VALUES (?, ?, ?)", rows)


class Writer:
    """Another program, as the file sees it."""

    def __init__(self, file: Path, seed: int, products: int = PRODUCTS) -> None:
        self._shop = sqlite3.connect(file, isolation_level=None, timeout=10)
        self._chosen = random.Random(seed)
        self._products = products
        self._number = 0

    def one(self) -> str:
        """Write something; what."""
        self._number += 1
        number, word = self._chosen.randint(1, self._products), f"word {self._number}"
        sql, values = self._chosen.choice(
            [
                ("UPDATE product SET price = price + 1 WHERE id <= ?", (number,)),
                ("UPDATE product SET name = ? WHERE id = 7", (word,)),
                ("INSERT INTO product (name, price, maker) VALUES (?, 1, 3)", (word,)),
                ("DELETE FROM product WHERE id = ?", (number,)),
                ("UPDATE maker SET name = ? WHERE id = 3", (word,)),
                (f"CREATE TABLE IF NOT EXISTS more{self._number % 3} (id INTEGER PRIMARY KEY)", ()),
            ]
        )
        self._shop.execute(sql, values)
        return sql

    def close(self) -> None:
        """Give it back."""
        self._shop.close()
