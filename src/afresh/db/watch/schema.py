"""Changes of the schema, told through the log: `pgoutput` itself says nothing of them.

Two event triggers write into the log, within the same transaction, which tables a statement was
about. A table that comes without a key gets REPLICA IDENTITY FULL at once, since its UPDATEs would be
refused otherwise.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from afresh.sql.tags.changes import Changes

OURS = "afresh"
"""The schema of what we make: nobody caches what is in it."""

PREFIX = "afresh.schema"
"""The prefix of the messages."""

ANNOUNCED = "afresh.announced"
"""The prefix of messages that say in which ledgers, by their epochs, their transaction is announced."""

_IDLE = (
    "'GRANT', 'REVOKE', 'COMMENT', 'SECURITY LABEL', 'ALTER DEFAULT PRIVILEGES', 'CREATE PUBLICATION',"
    " 'ALTER PUBLICATION', 'CREATE STATISTICS', 'CREATE SEQUENCE', 'ALTER SEQUENCE', 'CREATE SCHEMA'"
)

_CHANGED = """
CREATE OR REPLACE FUNCTION afresh.$name() RETURNS event_trigger LANGUAGE plpgsql AS $$
DECLARE
    each record;
    told jsonb := '[]';
    found text[] := '{}';
BEGIN
    IF tg_tag IN ($idle) OR current_setting('afresh.busy', true) = 'yes' THEN RETURN; END IF;
    FOR each IN
        SELECT d.object_type, d.command_tag, c.oid, c.relkind, c.relpersistence, c.relreplident,
               n.nspname, c.relname
        FROM pg_catalog.pg_event_trigger_ddl_commands() d
        LEFT JOIN pg_catalog.pg_class c ON d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
            AND c.oid = coalesce((SELECT i.indrelid FROM pg_catalog.pg_index i WHERE i.indexrelid = d.objid), d.objid)
        LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE NOT coalesce(d.schema_name LIKE 'pg\\_temp%' OR d.schema_name = 'afresh', false)
    LOOP
        IF each.relkind = 'S' OR each.relpersistence = 't' THEN
            NULL;
        ELSIF each.relkind IN ('r', 'p') THEN
            told := told || jsonb_build_array(jsonb_build_array(each.nspname, each.relname, each.command_tag));
            IF $wanted
            THEN
                found := found || format('%I.%I', each.nspname, each.relname);
            END IF;
        ELSE
            told := told || jsonb_build_array(jsonb_build_array(NULL, NULL, each.command_tag));
        END IF;
    END LOOP;
    IF told <> '[]' THEN $tell; END IF;
    FOR n IN 1 .. coalesce(array_length(found, 1), 0) LOOP
        $then;
    END LOOP;
END $$
"""

_DROPPED = """
CREATE OR REPLACE FUNCTION afresh.$name() RETURNS event_trigger LANGUAGE plpgsql AS $$
DECLARE
    told jsonb;
BEGIN
    SELECT jsonb_agg(CASE
        WHEN d.object_type = 'table' THEN jsonb_build_array(d.schema_name, d.object_name, 'DROP TABLE')
        ELSE jsonb_build_array(NULL, NULL, 'DROP ' || upper(d.object_type)) END)
    INTO told FROM pg_catalog.pg_event_trigger_dropped_objects() d
    WHERE NOT d.is_temporary AND (d.object_type = 'index' AND d.original OR d.object_type IN
        ('table', 'view', 'materialized view', 'foreign table', 'function', 'procedure', 'rule', 'policy', 'trigger'))
        AND d.schema_name IS DISTINCT FROM 'afresh' AND d.object_identity NOT LIKE 'afresh\\_%';
    IF told IS NOT NULL THEN $tell; END IF;
END $$
"""

_TELL = f"PERFORM pg_catalog.pg_logical_emit_message(true, '{PREFIX}', told::text)"
_KEYLESS = """each.relkind = 'r' AND each.relpersistence = 'p' AND each.relreplident = 'd'
                AND each.command_tag IN ('CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO')
                AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_index i WHERE i.indrelid = each.oid AND i.indisprimary)"""
_IDENTIFY = "EXECUTE 'ALTER TABLE ' || found[n] || ' REPLICA IDENTITY FULL'"


def changed_sql(name: str, *, tell: str, wanted: str, then: str) -> str:
    """The function of an event trigger that tells what a command changed.

    Args:
        name: Its name.
        tell: What is done with `told`, an array of tables as `Told` has them.
        wanted: Which tables (`each`) are noted,
        then: and what is done with each of them afterwards, `found[n]`.
    """
    filled = _CHANGED.replace("$name", name).replace("$idle", _IDLE).replace("$tell", tell)
    return filled.replace("$wanted", wanted).replace("$then", then)


def dropped_sql(name: str, *, tell: str) -> str:
    """The function of an event trigger that tells what was dropped."""
    return _DROPPED.replace("$name", name).replace("$tell", tell)


TRIGGERS = {
    "afresh_schema_changed": ("ddl_command_end", "schema_changed"),
    "afresh_schema_dropped": ("sql_drop", "schema_dropped"),
}

TRIGGERED = f"SELECT count(*) FROM pg_event_trigger WHERE evtname IN ({', '.join(map(repr, TRIGGERS))})"  # noqa: S608
"""How many of the two triggers there are."""


class Told(NamedTuple):
    """One table that a statement was about; no name: it may be any."""

    schema: str | None
    name: str | None
    command: str


def told(content: bytes) -> list[Told]:
    """What a message says; anything unexpected is about any table."""
    try:
        return [Told(*each) for each in json.loads(content)]
    except (ValueError, TypeError):
        return [Told(None, None, "unreadable")]


def epochs(content: bytes | str) -> frozenset[int]:
    """The ledgers in which a transaction is announced by whoever made it; anything unexpected is none."""
    try:
        return frozenset(int(each) for each in json.loads(content))
    except (ValueError, TypeError):
        return frozenset()


def reached(tables: Sequence[Told], changes: Changes, whole: set[str]) -> str:
    """Which tables may not be what they were.

    Args:
        tables: What was told.
        changes: By the schema as it was.
        whole: Names of tables; those that are reached are added.

    Returns:
        Why it may be any table; empty if not.
    """
    everything = ""
    for schema, table, command in tables:
        if schema is None or table is None:
            everything = f"{command}: its reach is not known"
            continue
        name = changes.name(schema, table)
        if command == "ALTER TABLE" and name not in whole and changes.table(schema, table) is None:
            everything = f"{command}: {name} had another name before"
        whole.add(name)
    return everything


def schema_sql(*, there: bool) -> list[str]:
    """What makes the triggers; of those that are there, the functions anew."""
    made = [
        "CREATE SCHEMA IF NOT EXISTS afresh",
        changed_sql("schema_changed", tell=_TELL, wanted=_KEYLESS, then=_IDENTIFY),
        dropped_sql("schema_dropped", tell=_TELL),
    ]
    return made if there else made + triggers_made(TRIGGERS)


def triggers_made(triggers: Mapping[str, tuple[str, str]]) -> list[str]:
    """What makes event triggers: their names, with event and function."""
    made = []
    for name, (event, function) in triggers.items():
        made += [
            f"DROP EVENT TRIGGER IF EXISTS {name}",
            f"CREATE EVENT TRIGGER {name} ON {event} EXECUTE FUNCTION afresh.{function}()",
            f"ALTER EVENT TRIGGER {name} ENABLE ALWAYS",
        ]
    return made


def triggers_dropped(triggers: Mapping[str, tuple[str, str]]) -> list[str]:
    """What drops them, and their functions."""
    functions = [f"DROP FUNCTION IF EXISTS afresh.{function}()" for _, function in triggers.values()]
    return [*(f"DROP EVENT TRIGGER IF EXISTS {name}" for name in triggers), *functions]


def schema_dropped() -> list[str]:
    """What drops them."""
    return triggers_dropped(TRIGGERS)
