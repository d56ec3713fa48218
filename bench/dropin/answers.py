"""What the methods of django-redis-cache answer, in an environment that has it, or has ours.

python answers.py BACKEND LOCATION OPTIONS PREFIX
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any


def _raised(call: Callable[..., Any], *args: Any) -> Any:
    try:
        return call(*args)
    except ValueError:
        return "ValueError"


def _set(c: Any) -> list[Any]:
    return [bool(c.set("k", [1])), c.get("k"), c.get("no", 7)]


def _add(c: Any) -> list[Any]:
    return [bool(c.add("k", 1, 30)), bool(c.add("k", 2)), c.get("k"), c.ttl("k")]


def _delete(c: Any) -> list[Any]:
    c.set("k", 1)
    return [bool(c.delete("k")), bool(c.delete("k")), c.get("k")]


def _many(c: Any) -> list[Any]:
    c.set_many({"a": 1, "b": [2]}, 50)
    found = c.get_many(["a", "b", "z"]), c.ttl("a")
    c.delete_many(["a"])
    return [*found, c.get("a"), c.get("b")]


def _incr(c: Any) -> list[Any]:
    c.set("n", 41, 100)
    return [c.incr("n"), c.incr("n", 10), c.ttl("n"), _raised(c.incr, "no")]


def _incr_version(c: Any) -> list[Any]:
    c.set("k", "v", 100)
    found = c.incr_version("k"), c.get("k"), c.get("k", version=2), c.ttl("k", version=2)
    return [*found, _raised(c.incr_version, "no")]


def _touch(c: Any) -> list[Any]:
    c.set("k", 1, 60)
    found = bool(c.touch("k", 20)), c.ttl("k"), bool(c.has_key("k")), bool(c.has_key("no"))
    return [*found, bool(c.persist("k")), c.ttl("k"), bool(c.persist("k")), c.ttl("no")]


def _delete_pattern(c: Any) -> list[Any]:
    c.set_many({"user:1": 1, "menu": 2})
    c.delete_pattern("user:*")
    return [c.get_many(["user:1", "menu"])]


def _clear(c: Any) -> list[Any]:
    c.set("k", 1)
    c.set("k", 2, version=2)
    c.clear(version=2)
    return [c.get("k"), c.get("k", version=2)]


def _lock(c: Any) -> list[Any]:
    key = f"{c.key_prefix} lock"
    return [c.lock(key, timeout=5).acquire(blocking=False), c.lock(key).acquire(blocking=False)]


def _get_or_set(c: Any) -> list[Any]:
    return [c.get_or_set("k", lambda: [1], 30), c.get_or_set("k", lambda: [2], 30)]


SCENARIOS = {
    "add": _add,
    "clear": _clear,
    "delete": _delete,
    "delete_pattern": _delete_pattern,
    "get_or_set": _get_or_set,
    "incr": _incr,
    "incr_version": _incr_version,
    "lock": _lock,
    "many": _many,
    "set": _set,
    "touch": _touch,
}


def main() -> None:
    """Print all answers."""
    backend, location, options, prefix = sys.argv[1:]
    import django
    from django.conf import settings

    settings.configure(SECRET_KEY="the same one in all workers of it", CACHES={})
    django.setup()
    module, _, name = backend.rpartition(".")
    kind = getattr(import_module(module), name)
    answers = {}
    for number, (method, scenario) in enumerate(SCENARIOS.items()):
        params = {"KEY_PREFIX": f"{prefix}{number}", "OPTIONS": json.loads(options)}
        answers[method] = scenario(kind(location, params))
    print(json.dumps(answers))


if __name__ == "__main__":
    main()
