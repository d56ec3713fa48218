"""From messages to the marks of transactions, without a server."""

from __future__ import annotations

import struct

import pytest

from afresh import Cache, tag
from afresh.core.tags import Row
from afresh.core.tags import Table as WholeTable
from afresh.db.watch.asking import Server
from afresh.db.watch.poll import Poll
from afresh.db.watch.schema import ANNOUNCED, PREFIX
from afresh.db.watch.slot import Slot
from afresh.db.watch.status import Status
from afresh.db.watch.targets import Targets
from afresh.db.watch.transactions import Transactions
from afresh.errors import BackendError, ConfigurationError
from afresh.sql import Column, Schema, Table
from afresh.sql.schema import kinds
from afresh.sql.tags.changes import Changes
from afresh.testing.faults import Faults

PRODUCT = Table("product", (Column("id", kinds.INTEGER), Column("name", kinds.TEXT)), ("id",))


def begin(xid: int = 7) -> bytes:
    return b"B" + struct.pack(">QqI", 100, 0, xid)


def commit(end: int = 200) -> bytes:
    return b"C" + struct.pack(">BQQq", 0, 100, end, 0)


def relation(
    *columns: str, number: int = 1, name: str = "product", key: str = "id", schema: str = "public"
) -> bytes:
    told = b"".join(
        struct.pack(">B", each == key) + each.encode() + b"\0" + struct.pack(">Ii", 23, -1)
        for each in columns
    )
    return (
        b"R"
        + struct.pack(">I", number)
        + f"{schema}\0{name}\0d".encode()
        + struct.pack(">H", len(columns))
        + told
    )


def values(*texts: str | None) -> bytes:
    told = [b"n" if each is None else b"t" + struct.pack(">I", len(each)) + each.encode() for each in texts]
    return struct.pack(">H", len(texts)) + b"".join(told)


def insert(*texts: str | None, number: int = 1) -> bytes:
    return b"I" + struct.pack(">I", number) + b"N" + values(*texts)


def update(*texts: str | None) -> bytes:
    return b"U" + struct.pack(">I", 1) + b"N" + values(*texts)


def note(content: bytes, prefix: str = PREFIX) -> bytes:
    return (
        b"M"
        + struct.pack(">BQ", 1, 100)
        + prefix.encode()
        + b"\0"
        + struct.pack(">I", len(content))
        + content
    )


class Log:
    """Transactions over a schema that can be replaced."""

    def __init__(self, *tables: Table) -> None:
        self.tables = tables
        self.renewed = 0
        self.transactions = Transactions(self.renew, self.changes())

    def changes(self) -> Changes:
        return Changes(Schema(self.tables, default="public", exact=True))

    def renew(self) -> Changes:
        self.renewed += 1
        return self.changes()

    def take(self, *messages: bytes):
        return list(self.transactions.take(messages))


def tells(transaction, dependency) -> bool:
    return not set(transaction.marks.names()).isdisjoint(dependency.carried())


def test_a_transaction_is_whole_or_nothing():
    log = Log(PRODUCT)
    assert log.take(begin(), relation("id", "name"), insert("7", "soup")) == []
    assert not log.transactions.between
    (found,) = log.take(commit(300))
    assert log.transactions.between
    assert (found.xid, found.end, found.rows) == (7, 300, 1)
    assert tells(found, Row("product", 7))
    assert not tells(found, Row("product", 8))
    assert log.renewed == 0


def test_our_own_tables_are_nobodys():
    log = Log(PRODUCT)
    ours = relation("id", "name", schema="afresh", name="change", number=3)
    (found,) = log.take(begin(), ours, insert("7", "soup", number=3), commit())
    assert (found.rows, found.marks.names(), found.schema, log.renewed) == (0, (), False, 0)


def test_who_made_a_transaction_may_say_where_it_is_announced():
    (found,) = Log(PRODUCT).take(
        begin(), relation("id", "name"), insert("7", "soup"), note(b"[3, 4]", ANNOUNCED), commit()
    )
    assert found.announced == {3, 4}
    assert tells(found, Row("product", 7))


def test_an_update_that_sends_no_old_row_has_not_changed_the_key():
    (found,) = Log(PRODUCT).take(begin(), relation("id", "name"), update("7", "stew"), commit())
    assert tells(found, Row("product", 7))
    assert not tells(found, Row("product", 8))


def test_rows_that_say_nothing_new_are_not_taken_apart():
    broken = insert("1", "x")[:-1]
    rows = [insert(str(number), "x") for number in range(300)]
    (found,) = Log(PRODUCT).take(begin(), relation("id", "name"), *rows, broken, commit())
    assert set(found.marks.names()) == set(WholeTable("product").marked())
    assert found.rows == 301


def test_a_table_that_is_not_known_is_looked_for_and_else_told_as_a_whole():
    log = Log()
    (found,) = log.take(begin(), relation("id", "name"), insert("7", "soup"), commit())
    assert log.renewed == 1
    assert set(found.marks.names()) == set(WholeTable("product").marked())


def test_a_table_that_is_told_again_may_have_other_indexes():
    log = Log(PRODUCT)
    log.take(begin(), relation("id", "name"), insert("7", "soup"), commit())
    (found,) = log.take(begin(), relation("id", "name"), insert("8", "stew"), commit())
    assert log.renewed == 1
    assert not tells(found, Row("product", 7))


def test_a_table_of_other_columns_is_told_as_a_whole():
    log = Log(PRODUCT)
    log.take(begin(), relation("id", "name"), insert("7", "soup"), commit())
    (found,) = log.take(begin(), relation("id"), insert("8"), commit())
    assert found.schema
    assert tells(found, Row("product", 9))


def test_columns_that_the_schema_does_not_have_yet_make_it_whole():
    (found,) = Log(PRODUCT).take(begin(), relation("id", "name", "price"), insert("7", "soup", "1"), commit())
    assert tells(found, Row("product", 9))


def test_what_the_schema_messages_mean():
    def told(content: bytes, prefix: str = PREFIX):
        return Log(PRODUCT).take(begin(), note(content, prefix), commit())[0]

    altered = told(b'[["public", "product", "ALTER TABLE"]]')
    assert altered.schema
    assert not altered.everything
    assert tells(altered, Row("product", 7))
    assert not told(b'[["public", "new", "CREATE TABLE"], ["public", "new", "ALTER TABLE"]]').everything
    assert "another name" in told(b'[["public", "renamed", "ALTER TABLE"]]').everything
    assert "reach" in told(b'[[null, null, "CREATE VIEW"]]').everything
    other = told(b"[]", prefix="somebody")
    assert not other.schema


def test_messages_outside_of_a_transaction_change_nothing():
    assert Log(PRODUCT).take(relation("id", "name"), insert("7", "soup"), note(b"[]"), commit()) == []


# What is told, and to whom.


class FakeCache:
    def __init__(self, broken: bool = False) -> None:
        self.broken = broken
        self.values: dict[str, object] = {}

    def get(self, key: str) -> object:
        if self.broken:
            raise BackendError("away")
        return self.values.get(key)

    def set(self, key: str, value: object, ttl: object) -> None:
        if self.broken:
            raise BackendError("away")
        self.values[key] = value


SERVER = Server("1", 1, "now", "shop")


def test_one_cache_that_is_away_keeps_nothing_from_the_others():
    menu = tag("menu")
    with Cache("memory://") as away, Cache("memory://") as there:
        there.set("k", 1, tags=[menu])
        away._engine.ledger = Faults(1, onwards=True).on(away._engine.ledger)
        with pytest.raises(BackendError):
            Targets([away, there], "afresh").announce(list(menu.marked()))
        assert there.get("k") is None


def test_what_can_not_be_kept_is_not_known():
    targets = Targets([FakeCache(broken=True)], "afresh")  # type: ignore[list-item]
    targets.remember(SERVER, 5)
    assert not targets.know(SERVER, 5)


def test_a_cache_knows_how_far_it_was_told():
    cache = FakeCache()
    targets = Targets([cache], "afresh")  # type: ignore[list-item]
    assert not targets.know(SERVER, 0)
    targets.remember(SERVER, 5)
    assert targets.know(SERVER, 5)
    assert not targets.know(SERVER, 6)
    assert not targets.know(SERVER._replace(timeline=2), 5)
    assert not targets.know(SERVER._replace(started="later"), 5)


def test_lags():
    status = Status()
    assert status.lag() == 0
    status.lags.extend([3.0, 1.0, 2.0])
    assert (status.lag(), status.lag(0.99)) == (2.0, 3.0)


@pytest.mark.parametrize("name", ["", "Shop", "a-b", "x" * 64])
def test_names_that_no_slot_can_have(name):
    with pytest.raises(ConfigurationError, match="slot"):
        Slot(name)


class FakeAsker:
    """Answers a poll."""

    def __init__(self, *until: int) -> None:
        self.until = list(until)
        self.asked: list[str] = []

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        self.asked.append(sql)
        return [(self.until.pop(0),)] if "flush_lsn" in sql else [(memoryview(b"B"),)]

    def close(self) -> None:
        self.asked.append("closed")


def test_polling_looks_only_when_the_log_has_grown():
    asker = FakeAsker(5, 5, 2**33)
    poll = Poll(asker, Slot("s"), interval=0)  # type: ignore[arg-type]
    assert poll.read(1) == [b"B"]
    assert poll.idle == 5
    assert poll.read(1) == []
    assert poll.read(1) == [b"B"]
    assert "'2/0'::pg_lsn" in asker.asked[-1]
    poll.confirm(2**32 + 255)
    assert "'1/FF'::pg_lsn" in asker.asked[-1]
    poll.close()
    assert asker.asked[-1] == "closed"
