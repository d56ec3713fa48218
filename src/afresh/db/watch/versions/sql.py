"""What makes the table of versions, and the triggers that write it.

The table is only added to, so writers never wait for each other. A statement adds one row for each table
that it changes: images of the rows before and after, or, of many rows, that there were many. Long values
stand as a digest: they tell whether a column changed, and are no keys. A trigger that fails would take
the user's statement with it, so what can't be written as JSON is a change of unknown extent.
"""

from __future__ import annotations

from afresh.db.watch.schema import changed_sql, dropped_sql, triggers_dropped, triggers_made

MOST_ROWS = 64
"""A statement that changes more rows of a table is told as a change of the whole table."""

_LONG, _WIDE = 200, 4000  # characters of a value, and of a row
_SAFE = "SECURITY DEFINER SET search_path = pg_catalog, pg_temp"

_TABLES = [
    "CREATE SCHEMA IF NOT EXISTS afresh",
    """CREATE TABLE IF NOT EXISTS afresh.change (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
        at timestamptz NOT NULL DEFAULT clock_timestamp(),
        schema text, name text, operation text NOT NULL, old json, new json
    )""",
    "CREATE INDEX IF NOT EXISTS change_xid ON afresh.change (xid)",
    "CREATE TABLE IF NOT EXISTS afresh.horizon (one boolean PRIMARY KEY CHECK (one), xid xid8 NOT NULL)",
    "INSERT INTO afresh.horizon VALUES (true, '0') ON CONFLICT DO NOTHING",
]


def _images(table: str, into: str) -> str:
    return f"""SELECT count(*), json_agg(CASE WHEN length(image::text) <= {_WIDE} THEN image ELSE (
                    SELECT json_object_agg(key, CASE WHEN length(value::text) <= {_LONG} THEN value
                        ELSE json_build_object('md5', md5(value::text)) END) FROM json_each(image)) END)
                INTO {into}
                FROM (SELECT row_to_json(afresh_row.*) AS image FROM {table} AS afresh_row LIMIT {MOST_ROWS + 1}) few"""  # noqa: S608


_CHANGED = f"""
CREATE OR REPLACE FUNCTION afresh.changed() RETURNS trigger LANGUAGE plpgsql {_SAFE}
SET extra_float_digits = 1 SET bytea_output = 'hex' AS $$
DECLARE
    before json; after json; gone bigint := 0; come bigint := 0; told text := lower(tg_op);
BEGIN
    IF tg_op <> 'TRUNCATE' THEN
        BEGIN
            IF tg_op <> 'INSERT' THEN
                {_images("afresh_old", "gone, before")};
            END IF;
            IF tg_op <> 'DELETE' THEN
                {_images("afresh_new", "come, after")};
            END IF;
        EXCEPTION WHEN OTHERS THEN
            gone := {MOST_ROWS + 1};
        END;
        IF gone = 0 AND come = 0 THEN RETURN NULL; END IF;
    END IF;
    IF tg_op = 'TRUNCATE' OR gone > {MOST_ROWS} OR come > {MOST_ROWS} THEN
        told := 'whole'; before := NULL; after := NULL;
    END IF;
    INSERT INTO afresh.change (schema, name, operation, old, new)
    VALUES (tg_table_schema, tg_table_name, told, before, after);
    RETURN NULL;
END $$
"""  # noqa: S608

_REFERENCED = {
    "insert": "REFERENCING NEW TABLE AS afresh_new",
    "update": "REFERENCING OLD TABLE AS afresh_old NEW TABLE AS afresh_new",
    "delete": "REFERENCING OLD TABLE AS afresh_old",
    "truncate": "",
}
NAMES = tuple(f"afresh_{event}" for event in _REFERENCED)
"""The triggers of each table."""

_MADE = "\n".join(
    f"    EXECUTE 'CREATE OR REPLACE TRIGGER afresh_{event} AFTER {event.upper()} ON ' || whose ||\n"
    f"        ' {referenced} FOR EACH STATEMENT EXECUTE FUNCTION afresh.changed()';"
    for event, referenced in _REFERENCED.items()
)
_COVER = f"""
CREATE OR REPLACE FUNCTION afresh.cover(whose text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('afresh.busy', 'yes', true);
{_MADE}
    EXECUTE 'ALTER TABLE ' || whose || ' {", ".join(f"ENABLE ALWAYS TRIGGER {name}" for name in NAMES)}';
    PERFORM set_config('afresh.busy', '', true);
END $$
"""

_TRIM = f"""
CREATE OR REPLACE FUNCTION afresh.trim(kept interval, most integer) RETURNS integer LANGUAGE plpgsql {_SAFE} AS $$
DECLARE
    numbers bigint[]; last xid8;
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtext('afresh.trim')) THEN RETURN 0; END IF;
    SELECT array_agg(id), (array_agg(xid ORDER BY xid DESC))[1] INTO numbers, last FROM (
        SELECT id, xid, at FROM afresh.change WHERE xid < pg_snapshot_xmin(pg_current_snapshot())
        ORDER BY xid LIMIT most
    ) first WHERE at < clock_timestamp() - kept;
    IF numbers IS NULL THEN RETURN 0; END IF;
    UPDATE afresh.horizon SET xid = last WHERE xid < last;
    DELETE FROM afresh.change WHERE id = ANY(numbers);
    RETURN cardinality(numbers);
END $$
"""  # noqa: S608

_ANNOUNCED = f"""
CREATE OR REPLACE FUNCTION afresh.announced(epochs text) RETURNS void LANGUAGE sql {_SAFE} AS $$
    INSERT INTO afresh.change (operation, new) VALUES ('announced', epochs::json)
$$
"""  # noqa: S608

FOREIGN = "SELECT 1 FROM afresh.horizon WHERE xid >= pg_snapshot_xmax(pg_current_snapshot())"
"""Whether the table was played back from a copy: it speaks of transactions that are still to come here."""

_ITS_OWN = [
    "DELETE FROM afresh.change WHERE xid >= pg_snapshot_xmax(pg_current_snapshot())",
    "UPDATE afresh.horizon SET xid = '0' WHERE xid >= pg_snapshot_xmax(pg_current_snapshot())",
]

EVENTS = {
    "afresh_versions_changed": ("ddl_command_end", "versions_changed"),
    "afresh_versions_dropped": ("sql_drop", "versions_dropped"),
}
"""The event triggers: they need a superuser."""

_TELL = "INSERT INTO afresh.change (operation, new) VALUES ('schema', told::json)"
_UNCOVERED = f"""each.relpersistence <> 't' AND (SELECT count(*) FROM pg_catalog.pg_trigger t
                WHERE t.tgrelid = each.oid AND t.tgname = ANY('{{{",".join(NAMES)}}}')) < {len(NAMES)}"""  # noqa: S608


def tables_sql() -> list[str]:
    """What makes the table and the functions."""
    return [*_TABLES, *_ITS_OWN, _CHANGED, _COVER, _TRIM, _ANNOUNCED]


def events_sql(*, there: bool) -> list[str]:
    """What makes the event triggers; of those that are there, the functions anew."""
    made = [
        _definer(
            changed_sql(
                "versions_changed", tell=_TELL, wanted=_UNCOVERED, then="PERFORM afresh.cover(found[n])"
            )
        ),
        _definer(dropped_sql("versions_dropped", tell=_TELL)),
    ]
    return made if there else made + triggers_made(EVENTS)


def _definer(function: str) -> str:
    """Whoever changes the schema needs no right to the table of versions."""
    return function.replace("LANGUAGE plpgsql AS", f"LANGUAGE plpgsql {_SAFE} AS", 1)


def events_dropped() -> list[str]:
    """What drops the event triggers."""
    return triggers_dropped(EVENTS)


def rest_dropped() -> list[str]:
    """What drops the table, and with its function the triggers of all tables."""
    functions = ["changed() CASCADE", "cover(text)", "trim(interval, integer)", "announced(text)"]
    return [
        *(f"DROP FUNCTION IF EXISTS afresh.{each}" for each in functions),
        "DROP TABLE IF EXISTS afresh.change, afresh.horizon",
    ]
