"""Settings: arguments first, then `AFRESH_*` from the environment, then a file."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from afresh.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ("url", "fallback", "namespace", "l1", "consistency", "mode", "max_loads", "max_stale")
"""What `AFRESH_URL`, `AFRESH_NAMESPACE` … and a file's `[cache]` table may set."""

_LIMITS = ("l1", "max_loads")
"""Those of them that are numbers, or `none`."""


def environment() -> dict[str, Any]:
    """What the environment sets; `AFRESH_L1=none` turns the cache in this process's memory off."""
    found: dict[str, Any] = {}
    for name in NAMES:
        written = os.environ.get(f"AFRESH_{name.upper()}")
        if written is not None:
            found[name] = _limit(written) if name in _LIMITS else written
    return found


def from_toml(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The `[cache]` table of a file.

    Raises:
        ConfigurationError: It can't be read, it is no TOML, or it has a setting that isn't one.
    """
    import tomllib
    from pathlib import Path

    try:
        table = tomllib.loads(Path(path).read_text("utf-8")).get("cache")
    except OSError as error:
        raise ConfigurationError(f"{str(path)!r} can't be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{str(path)!r} is not TOML: {error}") from None
    if not isinstance(table, dict):
        raise ConfigurationError(
            f'{str(path)!r} has no [cache] table. Write, for instance: [cache]\\nl1 = "64MB"'
        )
    for name in table:
        if name not in (*NAMES, "policy", "pools"):
            raise ConfigurationError(
                f"{str(path)!r}: {name!r} is not a setting of [cache]: there are {', '.join(NAMES)}, [cache.policy] and [cache.pools]."
            )
    for name in ("policy", "pools"):
        if not isinstance(table.get(name, {}), dict):
            raise ConfigurationError(
                f"{str(path)!r}: {name} = {table[name]!r}: write a table, [cache.{name}]."
            )
    for name in _LIMITS:
        if isinstance(table.get(name), str):
            table[name] = _limit(table[name])
    return table


def _limit(written: str) -> int | str | None:
    if written.lower() == "none":
        return None
    return int(written) if written.isdecimal() else written


def application_root() -> Path:
    """The folder that stands for this application: the nearest that looks like a project's.

    All workers of an application, and its scripts, are to find the same folder, whatever started
    them. `AFRESH_DIR` says it outright.
    """
    from pathlib import Path

    here = Path.cwd()
    for folder in (here, *here.parents):
        if any((folder / mark).exists() for mark in ("pyproject.toml", "manage.py", "setup.py", ".git")):
            return folder
    return here
