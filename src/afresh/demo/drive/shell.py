"""Another program that changes the catalogue's file: Python's own `sqlite3`, and not a word of afresh.

Run as a script. Each line of its input is a statement with its values, in JSON; each line of its output
says that it was committed, or what went wrong.
"""

from __future__ import annotations

import json
import sqlite3
import sys
from contextlib import closing


def main(path: str) -> None:
    """Execute what comes, until the input ends."""
    with closing(sqlite3.connect(path, timeout=10)) as connection:
        for line in sys.stdin:
            sql, values = json.loads(line)
            try:
                with connection:
                    connection.execute(sql, values)
            except sqlite3.Error as error:
                print(error, flush=True)  # noqa: T201
            else:
                print("committed", flush=True)  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1])
