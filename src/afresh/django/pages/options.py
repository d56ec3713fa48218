"""How the pages of a project are kept: its settings, and the rules of `afresh.toml`."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from afresh.cache import Cache
from afresh.core.durations import seconds
from afresh.django.pages.holes import fillers
from afresh.django.pages.replaying import COUNT, count
from afresh.django.project import project_cache
from afresh.django.settings import given, settings_file
from afresh.errors import ConfigurationError
from afresh.http.answers.flow import Flow

UNSEEN = 60.0
"""Seconds: what nobody announces (a file, another service) may be so old."""


_made: dict[tuple[Any, ...], Flow] = {}
_lock = threading.Lock()


def flow_of() -> Flow:
    """The decisions about a project's pages: one for all handlers of a process, which share pages that way.

    Raises:
        ConfigurationError: A setting makes no sense.
    """
    cache, file, auto = project_cache(), settings_file(), given("AUTO", UNSEEN)
    lifetime = 0.0 if auto is None else seconds(auto, "AFRESH['AUTO']")
    made_of = cache, lifetime, file, file and file.is_file() and file.read_bytes()
    with _lock:
        for former in [each for each in _made if each[0]._engine.closed]:
            del _made[former]
        if made_of not in _made:
            _made[made_of] = _flow(cache, lifetime, file)
        return _made[made_of]


def _flow(cache: Cache, lifetime: float, file: Path | None) -> Flow:
    options: dict[str, Any] = {"holes": fillers(), "cookies": True, "replay": {COUNT: count}}
    if file is not None:
        options["rules"] = file
    flow = Flow(cache, options)
    flow.rely_on_reads(lifetime)
    return flow


def unkeyed() -> frozenset[bytes]:
    """Fields that are read and make no difference.

    Raises:
        ConfigurationError: It is no list.
    """
    names = given("UNKEYED", ())
    if isinstance(names, str):
        raise ConfigurationError(f"AFRESH['UNKEYED'] = {names!r}: give a list, [{names!r}].")
    return frozenset(name.lower().encode() for name in names)
