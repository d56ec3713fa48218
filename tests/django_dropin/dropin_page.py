"""`python tests/django_dropin/dropin_page.py` writes the page of all options and methods from what tests prove."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from dropin_methods import CACHE_METHODS, METHODS
from dropin_options import BESIDE, OF_DJANGO_REDIS, OF_REDIS_CACHE

PAGE = Path(__file__).parent.parent.parent / "docs/reference/django-redis.md"
FOLDER = "tests/django_dropin"
BENCH = ", and by `python -m bench.dropin`, which asks the real one the same in an environment of its own"

HEAD = f"""# Options and methods of django-redis and django-redis-cache

Written by `{FOLDER}/dropin_page.py` from the tables that the tests beside it go through: each option and
method of django-redis 7 and django-redis-cache 3, and what becomes of it. A method of django-redis is asked
the same of the real one and of ours; “the same” means that both answered alike.
"""


def page() -> str:
    """The whole page."""
    return "\n".join([
        HEAD,
        _options("`OPTIONS` of django-redis", OF_DJANGO_REDIS),
        _options("Beside `OPTIONS`, and settings of the project", BESIDE),
        _methods("Methods of django-redis", {name: each.note for name, each in METHODS.items()}, "test_dropin_methods.py"),
        _options("`OPTIONS` of django-redis-cache", OF_REDIS_CACHE),
        _methods("Methods of django-redis-cache", CACHE_METHODS, "test_dropin_redis_cache.py", BENCH),
    ])  # fmt: skip


def _options(title: str, rows: Mapping[str, tuple[str, str]]) -> str:
    lines = [f"| `{name}` | {what} | `{test}` |" for name, (what, test) in rows.items()]
    return "\n".join([f"## {title}", "", "| | | proved by |", "| --- | --- | --- |", *lines, ""])


def _methods(title: str, rows: Mapping[str, str], test: str, more: str = "") -> str:
    lines = [f"| `{name}` | {what} |" for name, what in rows.items()]
    return "\n".join([
        f"## {title}", "", f"Proved by `{FOLDER}/{test}`{more}.", "", "| | |", "| --- | --- |", *lines, ""
    ])  # fmt: skip


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
