"""What is wrong with a database that is watched, or may become so."""

from __future__ import annotations

from collections.abc import Iterator

from afresh.backends.findings import Finding
from afresh.db.watch.asking import Asker
from afresh.db.watch.schema import TRIGGERED, TRIGGERS
from afresh.db.watch.slot import COARSE, KEYLESS, Slot, SlotState

_UNLOGGED = """
    SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'r' AND c.relpersistence = 'u' ORDER BY 1
"""
_MANY = 5


def findings(asker: Asker, slot: Slot) -> Iterator[Finding]:
    """What somebody should know, the worst first.

    Args:
        asker: A connection to the database.
        slot: The slot that watches it.
    """
    if asker.value("SELECT current_setting('wal_level')") != "logical":
        yield Finding(
            "error",
            "the server's log says nothing of rows (wal_level)",
            "set wal_level = logical and restart it",
        )
        return
    yield from _of_slot(slot, slot.look(asker), published=slot.published(asker))
    yield from _of_tables(asker)
    if asker.value(TRIGGERED) != len(TRIGGERS):
        yield Finding(
            "warning",
            "changes of the schema are not told: there are no event triggers",
            "create the slot once as a superuser; until then, announce tables that you drop or alter yourself",
        )
    if asker.value("SELECT current_setting('max_slot_wal_keep_size')") == "-1":
        yield Finding(
            "warning",
            "nothing bounds the log that is kept for a watcher that is away: it may fill the disk",
            "set max_slot_wal_keep_size; a slot that is lost by it is noticed, and everything announced",
        )


def _of_slot(slot: Slot, state: SlotState | None, *, published: bool) -> Iterator[Finding]:
    if state is None or not published:
        missing = "slot" if state is None else "publication"
        yield Finding(
            "error", f"there is no {missing} {slot.name}", "start the watcher: it makes what is missing"
        )
    elif state.lost:
        yield Finding(
            "error",
            f"the slot {slot.name} has lost its place in the log",
            "start the watcher: it makes another slot, and everything is announced",
        )
    elif not state.active:
        yield Finding(
            "warning", f"nobody reads the slot {slot.name} now", "start the watcher, or drop the slot"
        )


def _of_tables(asker: Asker) -> Iterator[Finding]:
    keyless = _listed(asker, KEYLESS)
    if keyless:
        yield Finding(
            "error",
            f"no key says which row changed, so PostgreSQL refuses UPDATE and DELETE: {keyless}",
            "ALTER TABLE … REPLICA IDENTITY FULL, or give them a primary key",
        )
    unlogged = _listed(asker, _UNLOGGED)
    if unlogged:
        yield Finding(
            "warning", f"unlogged tables are in no log: {unlogged}", "announce their changes yourself"
        )
    coarse = _listed(asker, COARSE)
    if coarse:
        yield Finding(
            "note",
            "old rows are not logged, so an UPDATE is one of all columns, and where there are other indexes than"
            f" the key, of the whole table: {coarse}. REPLICA IDENTITY FULL (--full all) makes them precise and"
            " the log longer",
        )


def _listed(asker: Asker, sql: str) -> str:
    found = [str(row[0]) for row in asker.rows(sql)]
    more = f" and {len(found) - _MANY} more" if len(found) > _MANY else ""
    return ", ".join(found[:_MANY]) + more
