"""What the functions of a statement may do, by the names in its text.

Names come from the tokens and not from the parser, which translates them. A name that isn't here and
that the catalogue doesn't know may do anything.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from afresh.sql.schema.catalogue import Catalogue
from afresh.sql.text.lexer import Token
from afresh.sql.text.shape import CLOCK_WORDS

_PURE_WORDS = """
    abs acos age array_agg array_append array_cat array_length array_position array_prepend
    array_remove array_to_json array_to_string ascii asin atan atan2 avg bit_and bit_length bit_or
    bool_and bool_or btrim bytea cardinality cast ceil ceiling char char_length character_length chr
    coalesce collate concat concat_ws convert cos cot count cume_dist date_add date_format date_part
    date_sub date_trunc datediff day dayofmonth dayofweek dayofyear decimal decode degrees
    dense_rank div encode every exists exp extract field find_in_set first_value floor format
    fromisoformat generate_series generate_subscripts get_byte glob greatest group_concat grouping
    hex hour if ifnull iif initcap instr isnull json json_agg json_array json_array_length
    json_build_array json_build_object json_contains json_each json_each_text json_extract
    json_extract_path json_extract_path_text json_group_array json_group_object json_insert
    json_object json_object_agg json_patch json_quote json_remove json_replace json_set json_tree
    json_type json_typeof json_unquote json_valid jsonb jsonb_agg jsonb_array_elements
    jsonb_array_elements_text jsonb_array_length jsonb_build_array jsonb_build_object jsonb_each
    jsonb_each_text jsonb_extract_path jsonb_extract_path_text jsonb_object_agg jsonb_object_keys
    jsonb_set jsonb_strip_nulls jsonb_typeof justify_days justify_hours justify_interval lag
    last_value lcase lead least left length like likelihood likely ln locate log log10 log2 lower
    lpad ltrim make_date make_interval make_time make_timestamp max md5 microsecond mid min minute
    mod month monthname nth_value ntile nullif numeric nvl octet_length overlay percent_rank
    percentile_cont percentile_disc pi position pow power printf quarter quote radians rank
    regexp_like regexp_match regexp_matches regexp_replace regexp_split_to_array
    regexp_split_to_table repeat replace reverse right round row row_number row_to_json rpad rtrim
    second setweight sha1 sha2 sign similarity sin soundex split_part sqrt starts_with stddev
    stddev_pop stddev_samp str_to_date strcmp string_agg string_to_array strpos substr substring
    substring_index subtime sum tan timestampdiff to_char to_date to_json to_jsonb to_number
    to_timestamp to_tsquery to_tsvector phraseto_tsquery plainto_tsquery websearch_to_tsquery total
    translate trim trunc truncate ts_headline ts_rank ts_rank_cd typeof ucase unaccent unhex unicode
    unistr unlikely unnest upper var_pop var_samp variance varchar week weekday width_bucket
    word_similarity year zeroblob timestamp time interval date_bin isfinite corr covar_pop
    regr_slope any_value array numrange int4range int8range tsrange tstzrange daterange lower_inc
    upper_inc isempty
"""
PURE = frozenset(_PURE_WORDS.split())

SQLITE_TIME = frozenset(["date", "time", "datetime", "julianday", "strftime", "unixepoch", "timediff"])
"""These ask for the time when they are told `now`, or nothing."""

_CLOCK_WORDS = """
    now clock_timestamp statement_timestamp transaction_timestamp timeofday current_date
    current_time current_timestamp localtime localtimestamp sysdate curdate curtime utc_date
    utc_time utc_timestamp unix_timestamp getdate
"""
CLOCK = frozenset(_CLOCK_WORDS.split())

_UNKEPT_WORDS = """
    random rand randomblob random_normal gen_random_uuid uuid uuid_generate_v1 uuid_generate_v1mc
    uuid_generate_v4 uuidv4 uuidv7 setseed current_user session_user system_user current_role
    current_catalog current_schema current_schemas current_database database schema version
    current_setting pg_backend_pid inet_client_addr inet_client_port inet_server_addr txid_current
    pg_current_xact_id txid_current_snapshot pg_current_snapshot lastval currval last_insert_id
    last_insert_rowid changes total_changes connection_id row_count found_rows sqlite_version
    pg_sleep sleep pg_typeof pg_is_in_recovery has_table_privilege
"""
_MOVING = frozenset(["clock_timestamp", "statement_timestamp", "timeofday", "sysdate"])

UNKEPT = frozenset(_UNKEPT_WORDS.split())
"""What they give depends on chance, on who asks, or on what the connection did: no value to keep."""

BARE_CLOCK = frozenset(
    [
        "current_date",
        "current_time",
        "current_timestamp",
        "localtime",
        "localtimestamp",
        "sysdate",
        "utc_date",
        "utc_time",
        "utc_timestamp",
    ]
)
BARE_UNKEPT = frozenset(
    ["current_user", "session_user", "system_user", "current_role", "current_catalog", "current_schema"]
)

_BEFORE_BRACKETS_WORDS = """
    in and or not values exists from join on as over select any all some using filter group where
    when then else case by having union intersect except set returning like ilike between is into
    distinct limit offset with recursive partition lateral conflict key unique check primary
    references within materialized end only default escape regexp rlike similar to nothing cross
    inner outer table window interval
"""
_BEFORE_BRACKETS = frozenset(_BEFORE_BRACKETS_WORDS.split())
_TYPES_WORDS = """
    varchar char character numeric decimal bit varying timestamp time float double int
"""
_TYPES = frozenset(_TYPES_WORDS.split())


@dataclass(frozen=True, slots=True)
class Calls:
    """What the functions of a statement do.

    Args:
        clock: The result depends on the time.
        refused: Why it can't be kept; empty if nothing speaks against it.
        effects: A function is called that may write; its name.
    """

    clock: bool = False
    refused: str = ""
    effects: str = ""


def calls(found: Iterable[Token], dialect: str, catalogue: Catalogue, aliases: Counter[str]) -> Calls:
    """What the functions that these tokens name do.

    Args:
        found: The tokens of the statement.
        dialect: Of the statement.
        catalogue: Knows the database's own functions.
        aliases: Names that brackets follow without being called, and how often: `v(a, b)`.
    """
    listed = list(found)
    clock, refused, effects = False, "", ""
    remaining = Counter(aliases)
    for index, token in enumerate(listed):
        name = _called(listed, index)
        if name is None:
            bare = _bare(listed, index, dialect)
            clock = clock or bare == "clock"
            refused = refused or (f"{token.text} depends on who asks" if bare == "unkept" else "")
        elif remaining[name] > 0:
            remaining[name] -= 1
        elif name in SQLITE_TIME and dialect == "sqlite":
            clock = clock or _tells_now(listed, index)
        elif name in CLOCK or (name == "age" and not _comma(listed, index)):
            clock = True
        elif name in UNKEPT:
            refused = refused or f"{name}() has no value to keep"
        elif not _harmless(name, dialect):
            known = catalogue.function(name)
            clock = clock or known == "clock"
            if known in {None, "unknown", "reads"}:
                refused = refused or f"what {name}() reads is not known"
            if known in {None, "unknown"} and dialect != "sqlite":
                effects = effects or name
    return Calls(clock, refused, effects)


def steady(found: Iterable[Token], dialect: str) -> bool:
    """Whether a condition finds the same rows when it is asked again in the same transaction, if nobody changes them.

    Not if it asks chance or the clock on the wall. Where others commit between two statements (every
    database but SQLite), not if it looks at other rows either: in a subquery, in a function of one's own.
    """
    listed = list(found)
    alone = dialect == "sqlite"
    for index, token in enumerate(listed):
        name = _called(listed, index)
        if name is None:
            if token.type == "word" and not alone and token.text.lower() in {"select", "current", "table"}:
                return False
        elif name in UNKEPT | _MOVING or not (alone or name in CLOCK or _harmless(name, dialect)):
            return False
    return True


def _harmless(name: str, dialect: str) -> bool:
    # Django's functions for SQLite, which are written in Python and look at their arguments alone.
    return (
        name in PURE
        or name in _TYPES
        or name == "date"
        or (dialect == "sqlite" and name.startswith("django_"))
    )


def _called(found: list[Token], index: int) -> str | None:
    """The name of the function that is called here, folded."""
    token = found[index]
    if token.type not in {"word", "quoted"} or index + 1 >= len(found) or found[index + 1].text != "(":
        return None
    name = token.text.lower() if token.type == "word" else token.text[1:-1].lower()
    return None if token.type == "word" and name in _BEFORE_BRACKETS else name


def _bare(found: list[Token], index: int, dialect: str) -> str | None:
    token = found[index]
    if token.type == "string":  # those that mean no time have become holes, or are compared here again
        return "clock" if token.text[1:-1].strip().lower() in CLOCK_WORDS else None
    if token.type != "word" or (index and found[index - 1].text == "."):
        return None
    name = token.text.lower()
    if name in BARE_CLOCK:
        return "clock"
    unkept = name in BARE_UNKEPT or (name == "user" and dialect == "postgres")
    return "unkept" if unkept and dialect != "sqlite" else None


def _arguments(found: list[Token], index: int) -> list[Token]:
    depth, taken = 0, []
    for token in found[index + 1 :]:
        depth += (token.text == "(") - (token.text == ")") if token.type == "mark" else 0
        if depth == 0:
            break
        taken.append(token)
    return taken[1:]


def _comma(found: list[Token], index: int) -> bool:
    return any(token.text == "," for token in _arguments(found, index))


def _tells_now(found: list[Token], index: int) -> bool:
    """Whether one of SQLite's functions of time may be told `now`: by a parameter, or by saying nothing."""
    inside = _arguments(found, index)
    least = 3 if found[index].text.lower() == "strftime" else 1
    words = {token.text.strip("'").strip().lower() for token in inside if token.type == "string"}
    return (
        len(inside) < least or bool(words & CLOCK_WORDS) or any(token.type == "parameter" for token in inside)
    )
