"""`side_effects = "replay"`: the counters that a view has counted up are counted up for each hit, in batches.

What is done again is the statement that the view has sent, as long as it is a counter: an `UPDATE`
that adds to columns what they had (`F("views") + 1`). Whatever else a view writes can't be done
again without knowing what it means, so its page isn't kept.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from django.db import close_old_connections, connections, transaction

from afresh.django.database.written import Written
from afresh.http.effects import Effect, effect

COUNT = "count again"
"""The name of what does it."""

_NAME = r'(?:"[^"]+"|`[^`]+`|\w+)'
_COUNTS = re.compile(rf"\s*UPDATE\s+{_NAME}\s+SET\s+(?P<set>.+?)\s+WHERE\s+.+", re.IGNORECASE | re.DOTALL)
_ADDS = re.compile(
    rf"\s*(?P<column>{_NAME})\s*=\s*\(?\s*(?:{_NAME}\.)?(?P=column)\s*[+-]\s*(?:%s|\d+)\s*\)?\s*",
    re.IGNORECASE,
)
_PLAIN = (int, float, str, type(None))
"""What can wait as JSON; drivers have classes of their own for numbers of a certain size."""


def is_counter(written: Written) -> bool:
    """Whether a statement adds to what was there, and nothing else."""
    if written.many or not isinstance(written.sql, str) or ";" in written.sql:
        return False
    match = _COUNTS.fullmatch(written.sql)
    parameters = written.parameters or ()
    if match is None or not isinstance(parameters, (list, tuple)):
        return False
    adds = all(_ADDS.fullmatch(each) for each in match["set"].split(","))
    return adds and all(isinstance(each, _PLAIN) for each in parameters)


def note(written: Sequence[Written]) -> None:
    """Have hits of the page that is being made count, if all that it has written were counters."""
    if written and all(map(is_counter, written)):
        for each in written:
            effect(COUNT, each.alias, each.sql, list(each.parameters or ()))


def count(effects: Sequence[Effect]) -> None:
    """Count for a batch of hits, all of it or nothing (for each database)."""
    close_old_connections()
    try:
        for alias, group in groupby(sorted(effects, key=_database), key=_database):
            times = Counter((each.arguments[1], tuple(each.arguments[2])) for each in group)
            whole: Any = transaction.atomic(using=alias)
            connection: Any = connections[alias]
            with whole, connection.cursor() as cursor:
                for (sql, parameters), number in times.items():
                    for _ in range(number):
                        cursor.execute(sql, parameters)
    finally:
        connections.close_all()


def _database(each: Effect) -> str:
    name: Any = each.arguments[0]
    return str(name)
