"""The table of versions: made, looked at, dropped."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from afresh.backends.findings import Finding
from afresh.db.watch.asking import Asker, identifier, quoted, state_of
from afresh.db.watch.versions.sql import (
    EVENTS,
    FOREIGN,
    NAMES,
    events_dropped,
    events_sql,
    rest_dropped,
    tables_sql,
)

_FORBIDDEN = "42501"
_MANY = 1_000_000  # rows that wait to be deleted
_TOLD = f"SELECT count(*) FROM pg_event_trigger WHERE evtname IN ({', '.join(map(repr, EVENTS))})"  # noqa: S608
_OTHERS = """c.relpersistence <> 't'
    AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'afresh') AND n.nspname NOT LIKE 'pg\\_t%'"""
_BARE = f"""
    SELECT n.nspname::text, c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND {_OTHERS}
    AND (SELECT count(*) FROM pg_trigger t WHERE t.tgrelid = c.oid AND t.tgenabled = 'A'
        AND t.tgname IN ({", ".join(map(repr, NAMES))})) < {len(NAMES)} ORDER BY 1, 2
"""  # noqa: S608
# What a subscription applies fires no statement triggers.
_SUBSCRIBED = f"""
    SELECT n.nspname::text, c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE {_OTHERS} AND c.oid IN (SELECT srrelid FROM pg_subscription_rel) ORDER BY 1, 2
"""  # noqa: S608
_MADE_ANEW = f"""
    SELECT n.nspname::text, c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'm' AND {_OTHERS} ORDER BY 1, 2
"""  # noqa: S608

_GENERATION = """
    SELECT md5(string_agg(one, ',' ORDER BY one)) FROM (
        SELECT 'c' || c.oid || ':' || c.relname || ':' || c.relnamespace || ':' || c.relkind::text || c.relrowsecurity AS one
        FROM pg_class c WHERE c.oid >= 16384
        UNION ALL SELECT 'a' || a.attrelid || ':' || a.attnum || ':' || a.xmin FROM pg_attribute a WHERE a.attrelid >= 16384
        UNION ALL SELECT 'i' || i.indexrelid || ':' || i.xmin FROM pg_index i WHERE i.indexrelid >= 16384
        UNION ALL SELECT 't' || t.oid || ':' || t.xmin FROM pg_trigger t
        UNION ALL SELECT 'r' || r.oid || ':' || r.xmin FROM pg_rewrite r WHERE r.ev_class >= 16384
        UNION ALL SELECT 'p' || p.oid || ':' || p.xmin FROM pg_proc p WHERE p.oid >= 16384
        UNION ALL SELECT 'h' || h.inhrelid || ':' || h.inhparent || ':' || h.xmin FROM pg_inherits h
        UNION ALL SELECT 's' || s.srrelid || ':' || s.srsubid FROM pg_subscription_rel s
        UNION ALL SELECT 'o' || o.oid || ':' || o.xmin FROM pg_policy o
    ) everything
"""


class VersionTable:
    """The table of versions of one database, and its triggers.

    Args:
        asker: A connection to the database.
    """

    def __init__(self, asker: Asker) -> None:
        self._asker = asker

    def there(self) -> bool:
        """Whether it was made."""
        return self._asker.value("SELECT to_regclass('afresh.change')") is not None

    def create(self) -> None:
        """Make what is missing: as the owner of the tables; as a superuser also what covers later ones.

        Each table is locked against writers for a moment, one after the other.
        """
        for statement in tables_sql():
            self._asker.rows(statement)
        try:
            for statement in events_sql(there=self.told()):
                self._asker.rows(statement)
        except Exception as error:
            if state_of(error) != _FORBIDDEN:
                raise  # who may not, compares the schema each time instead
        for schema, name in self._named(_BARE):
            whose = quoted(f"{identifier(schema)}.{identifier(name)}")
            self._asker.rows(f"SELECT afresh.cover({whose})")
            told = quoted(json.dumps([[schema, name, "ALTER TABLE"]]))
            self._asker.rows(f"INSERT INTO afresh.change (operation, new) VALUES ('schema', {told})")  # noqa: S608

    def told(self) -> bool:
        """Whether changes of the schema are told."""
        return bool(self._asker.value(_TOLD) == len(EVENTS))

    def generation(self) -> str:
        """A digest of the schema, for where its changes are not told."""
        return str(self._asker.value(_GENERATION))

    def uncovered(self) -> Sequence[tuple[str, str]]:
        """Tables, with their schemas, whose changes are not written down, or not all of them."""
        made_anew = [] if self.told() else self._named(_MADE_ANEW)
        return [*self._named(_BARE), *self._named(_SUBSCRIBED), *made_anew]

    def _named(self, sql: str) -> list[tuple[str, str]]:
        return [(str(schema), str(name)) for schema, name in self._asker.rows(sql)]

    def trim(self, kept: float, most: int) -> int:
        """Delete at most so many rows that are older than so many seconds; says how many it were."""
        return int(self._asker.value(f"SELECT afresh.trim('{kept:f} seconds', {most:d})") or 0)

    def drop(self) -> None:
        """Drop everything that `create` made."""
        if self.told():
            for statement in events_dropped():
                self._asker.rows(statement)
        for statement in rest_dropped():
            self._asker.rows(statement)

    def findings(self) -> Iterator[Finding]:
        """What somebody should know, the worst first."""
        if not self.there():
            yield Finding(
                "error", "there is no table of versions", "start the watcher: it makes what is missing"
            )
            return
        if self._asker.rows(FOREIGN):
            yield Finding(
                "error",
                "the table of versions is another server's, played back from a copy: everything is announced each time",
                "start the watcher as the owner of the tables, or call create(): it begins anew",
            )
        if missing := [f"{schema}.{name}" for schema, name in self._named(_BARE)]:
            yield Finding(
                "warning",
                f"changes are not written down of {len(missing)} tables, {', '.join(missing[:5])}: what is made"
                " from them is never kept by a `strict` cache",
                "start the watcher as the owner of the tables, or enable their triggers (ENABLE ALWAYS)",
            )
        if applied := [f"{schema}.{name}" for schema, name in self._named(_SUBSCRIBED)]:
            yield Finding(
                "warning",
                f"a subscription writes {', '.join(applied[:5])}, and fires no statement triggers: what is made from"
                " them is never kept by a `strict` cache",
                "follow the log instead",
            )
        if not self.told():
            yield Finding(
                "note",
                "changes of the schema are not told: there are no event triggers, so the schema is compared each time",
                "start the watcher once as a superuser",
            )
        size = int(self._asker.value("SELECT count(*) FROM afresh.change") or 0)
        if size > _MANY:
            yield Finding(
                "warning",
                f"{size:,} rows of the table of versions wait to be deleted",
                "let a reader or watcher run",
            )
