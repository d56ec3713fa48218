"""Foreign writes to SQLite: triggers write a log within the writer's transaction, and each process reads it."""

from afresh.db.watch.sqlite.watcher import SQLiteWatcher

__all__ = ["SQLiteWatcher"]
