"""Foreign writes to SQLite: triggers write a log within the writer's transaction, and each process reads it."""

from afresh.db.watch.sqlite.check import drop, findings
from afresh.db.watch.sqlite.watcher import SQLiteWatcher, path_of

__all__ = ["SQLiteWatcher", "drop", "findings", "path_of"]
