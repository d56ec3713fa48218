"""The test kit: what afresh is tested with, for tests of code that uses it and of other backends.

* `FakeClock`, `capture`, `watch`, `compared`: time, events, callers that change cached values, and reads
  that serve what a fresh load would not give.
* `explore`, `World`, `pause` …: run a concurrent scenario in every order it can happen in;
  `ExplorerRuntime` and `paused` do so with the engine itself.
* `Faults`, `Hangs`, `every_fault`: backends that fail or hang at a chosen operation.
* `afresh.testing.contracts`: what every store, ledger, leases and codec must do, as pytest classes.
* `Reference…`: a backend in plain lists and dictionaries.

Each name is imported when it is first used, so that pytest's loading of the plugin stays light.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from afresh.testing.capture import Captured, capture  # now: later, the module would hide the function

if TYPE_CHECKING:
    from afresh.testing.actors import block_here, block_until, driven, pause, pause_here
    from afresh.testing.clock import FakeClock
    from afresh.testing.compare import Compared, Stale, StaleRead, compared
    from afresh.testing.explorer import Explored, Schedule, ScheduleFailed, explore, replay
    from afresh.testing.exploring import ExplorerRuntime
    from afresh.testing.faults import Faults, Hangs, every_fault, failing, hanging
    from afresh.testing.intercept import intercepted, paused
    from afresh.testing.mutation import CachedValueChanged, Change, Watch, watch
    from afresh.testing.reference import ReferenceLeases, ReferenceLedger, ReferenceStore
    from afresh.testing.world import Deadlock, World, spawn

__all__ = [
    "CachedValueChanged",
    "Captured",
    "Change",
    "Compared",
    "Deadlock",
    "Explored",
    "ExplorerRuntime",
    "FakeClock",
    "Faults",
    "Hangs",
    "ReferenceLeases",
    "ReferenceLedger",
    "ReferenceStore",
    "Schedule",
    "ScheduleFailed",
    "Stale",
    "StaleRead",
    "Watch",
    "World",
    "block_here",
    "block_until",
    "capture",
    "compared",
    "driven",
    "every_fault",
    "explore",
    "failing",
    "hanging",
    "intercepted",
    "pause",
    "pause_here",
    "paused",
    "replay",
    "spawn",
    "watch",
]

_MODULES = {
    "actors": "block_here block_until driven pause pause_here",
    "clock": "FakeClock",
    "compare": "Compared Stale StaleRead compared",
    "explorer": "Explored Schedule ScheduleFailed explore replay",
    "exploring": "ExplorerRuntime",
    "faults": "Faults Hangs every_fault failing hanging",
    "intercept": "intercepted paused",
    "mutation": "CachedValueChanged Change Watch watch",
    "reference": "ReferenceLeases ReferenceLedger ReferenceStore",
    "world": "Deadlock World spawn",
}
_HOME = {name: module for module, names in _MODULES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    return found


def __dir__() -> list[str]:
    return __all__
