"""The tables of the page on Django's cache API have every option, and none that there isn't."""

from __future__ import annotations

import re
from pathlib import Path

from afresh.django.cache.options import ADVICE, LOGIN, MEANINGLESS, MEMCACHED, OWN, PYLIBMC_SECONDS, REDIS

PAGE = (Path(__file__).parents[2] / "docs/django-cache-backend.md").read_text()
BESIDE = {"behaviors", "ignore_exc", "BINARY", "USERNAME", "PASSWORD"}


def names(lines):
    return set(re.findall(r"`(\w+)`", "\n".join(lines)))


def test_every_option_is_in_a_table_and_no_other():
    options = PAGE.partition("## Options")[2].partition("## What it costs")[0]
    rows = [line for line in options.splitlines() if line.startswith("|")]
    ours = names(row.split("|")[1] for row in rows if not row.startswith(("| `Re", "| `Py")))
    theirs = names("|".join(row.split("|")[2:]) for row in rows if row.startswith(("| `Re", "| `Py")))
    known = {*REDIS, *LOGIN, *MEMCACHED, *PYLIBMC_SECONDS, *ADVICE, *BESIDE, "pool_class"}
    assert ours - {"OPTIONS"} == set(OWN)
    assert theirs - {"OPTIONS"} == known.union(*(names for kind, names in MEANINGLESS.items() if kind))
    assert MEANINGLESS[""] <= names(rows)
