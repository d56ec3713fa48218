"""Changes of the schema, told through the log: `pgoutput` itself says nothing of them.

Two event triggers write into the log, within the same transaction, which tables a statement was
about. A table that comes without a key gets REPLICA IDENTITY FULL at once, since its UPDATEs would be
refused otherwise.
"""

from __future__ import annotations

import json
from typing import NamedTuple

PREFIX = "afresh.schema"
"""The prefix of the messages."""

_IDLE = (
    "'GRANT', 'REVOKE', 'COMMENT', 'SECURITY LABEL', 'ALTER DEFAULT PRIVILEGES', 'CREATE PUBLICATION',"
    " 'ALTER PUBLICATION', 'CREATE STATISTICS', 'CREATE SEQUENCE', 'ALTER SEQUENCE', 'CREATE SCHEMA'"
)

_CHANGED = f"""
CREATE OR REPLACE FUNCTION afresh.schema_changed() RETURNS event_trigger LANGUAGE plpgsql AS $$
DECLARE
    each record;
    told jsonb := '[]';
    keyless text[] := '{{}}';
BEGIN
    IF tg_tag IN ({_IDLE}) THEN RETURN; END IF;
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
            IF each.relkind = 'r' AND each.relpersistence = 'p' AND each.relreplident = 'd'
                AND each.command_tag IN ('CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO')
                AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_index i WHERE i.indrelid = each.oid AND i.indisprimary)
            THEN
                keyless := keyless || format('%I.%I', each.nspname, each.relname);
            END IF;
        ELSE
            told := told || jsonb_build_array(jsonb_build_array(NULL, NULL, each.command_tag));
        END IF;
    END LOOP;
    IF told <> '[]' THEN PERFORM pg_catalog.pg_logical_emit_message(true, '{PREFIX}', told::text); END IF;
    FOR n IN 1 .. coalesce(array_length(keyless, 1), 0) LOOP
        EXECUTE 'ALTER TABLE ' || keyless[n] || ' REPLICA IDENTITY FULL';
    END LOOP;
END $$
"""  # noqa: S608

_DROPPED = f"""
CREATE OR REPLACE FUNCTION afresh.schema_dropped() RETURNS event_trigger LANGUAGE plpgsql AS $$
DECLARE
    told jsonb;
BEGIN
    SELECT jsonb_agg(CASE
        WHEN d.object_type = 'table' THEN jsonb_build_array(d.schema_name, d.object_name, 'DROP TABLE')
        ELSE jsonb_build_array(NULL, NULL, 'DROP ' || upper(d.object_type)) END)
    INTO told FROM pg_catalog.pg_event_trigger_dropped_objects() d
    WHERE NOT d.is_temporary AND (d.object_type = 'index' AND d.original OR d.object_type IN
        ('table', 'view', 'materialized view', 'foreign table', 'function', 'procedure', 'rule', 'policy', 'trigger'));
    IF told IS NOT NULL THEN PERFORM pg_catalog.pg_logical_emit_message(true, '{PREFIX}', told::text); END IF;
END $$
"""  # noqa: S608

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


def schema_sql(*, there: bool) -> list[str]:
    """What makes the triggers; of those that are there, the functions anew."""
    made = ["CREATE SCHEMA IF NOT EXISTS afresh", _CHANGED, _DROPPED]
    for name, (event, function) in () if there else TRIGGERS.items():
        made += [
            f"DROP EVENT TRIGGER IF EXISTS {name}",
            f"CREATE EVENT TRIGGER {name} ON {event} EXECUTE FUNCTION afresh.{function}()",
            f"ALTER EVENT TRIGGER {name} ENABLE ALWAYS",
        ]
    return made


def schema_dropped() -> list[str]:
    """What drops them."""
    functions = [f"DROP FUNCTION IF EXISTS afresh.{function}()" for _, function in TRIGGERS.values()]
    return [*(f"DROP EVENT TRIGGER IF EXISTS {name}" for name in TRIGGERS), *functions]
