"""Dependencies as people write them on a command line: `row:product:7`, `tag:menu`."""

from __future__ import annotations

from typing import Any

from afresh import Dependency, Key, Row, Table, Where, tag

_FORMS = "table:NAME, row:TABLE:KEY, where:TABLE:COLUMN=VALUE, key:KEY or tag:NAME"

_OPTIONS = {"columns", "db"}  # of `Where`: not names of columns here


class Written(ValueError):
    """This names no dependency; the message says how to write one."""


def dependency(written: str) -> Dependency:
    """The dependency that is written.

    Digits are a number, unless they stand in quotes: `row:product:7` is the row 7, `row:product:'7'`
    the row "7". A key of several columns is written with colons, as are several conditions.

    Raises:
        Written: There is no such form.
    """
    kind, _, rest = written.partition(":")
    first, *more = rest.split(":")
    if not first:
        raise Written(f"{written!r}: write {_FORMS}")
    if kind == "tag":
        return tag(*map(_value, [first, *more]))
    if kind == "key":
        return Key(rest)
    if kind == "table" and not more:
        return Table(first)
    if kind == "row" and all(more) and more:
        return Row(first, *map(_value, more))
    conditions = [each.partition("=") for each in more]
    if (
        kind == "where"
        and conditions
        and all(name and equals and name not in _OPTIONS for name, equals, _ in conditions)
    ):
        values: dict[str, Any] = {name: _value(value) for name, _, value in conditions}
        return Where(first, **values)
    raise Written(f"{written!r}: write {_FORMS}")


def _value(written: str) -> int | str:
    if len(written) >= 2 and written[0] == written[-1] and written[0] in "'\"":
        return written[1:-1]
    return int(written) if written.lstrip("-").isdecimal() and written.isascii() else written
