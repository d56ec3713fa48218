"""A process that changes a row through a wrapped connection: `db_writer.py DATABASE URL PRICE [when it dies]`."""

from __future__ import annotations

import os
import sqlite3
import sys

from afresh import Cache
from afresh.db import Database, dbapi


def main(path: str, url: str, price: int, dies: str = "") -> None:
    cache = Cache(url)
    raw = sqlite3.connect(path)
    connection = dbapi.wrap(raw, Database("sqlite"))

    def commit() -> None:
        if dies == "before":
            os._exit(0)
        raw.commit()
        if dies == "after":
            os._exit(0)

    connection.execute("UPDATE product SET price = ? WHERE id = 1", (price,))
    connection._driven.committing(commit)
    connection.close()
    cache.close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), *sys.argv[4:])
