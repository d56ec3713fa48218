"""What queries depend on: names, scopes, predicates, columns, and what is refused."""

import pytest
from shop import mysql_shop, postgres_shop, sqlite_shop

SQLITE, POSTGRES, MYSQL = sqlite_shop(), postgres_shop(), mysql_shop()


def carried(planner, sql, parameters=()):
    plan = planner.plan(sql)
    assert plan.kind == "read", plan.facts
    assert not plan.uncacheable, plan.uncacheable
    return {name.replace("row::", "").replace("table::", "table ") for name in plan.carried(parameters)}


def predicates(planner, sql, parameters=()):
    """The predicates, or `table`, that the tags of a query stand for, without their columns."""
    found = set()
    for name in carried(planner, sql, parameters):
        if name.startswith("table "):
            table, _, end = name.removeprefix("table ").rpartition(":" if ":" in name else ".")
            if end != "all":
                found.add(table)
        else:
            found.add(name.rpartition(":")[0] if name.endswith((":any", ":all")) else name.rpartition(".")[0])
    return found


@pytest.mark.parametrize(
    ("sql", "parameters", "expected"),
    [
        ("SELECT name FROM product WHERE id = ?", (7,), {"product:7"}),
        ("SELECT name FROM product WHERE id = 7", (), {"product:7"}),
        ("SELECT name FROM product WHERE ? = product.id", ("7",), {"product:7"}),
        ("SELECT name FROM product WHERE id = -7", (), {"product:-7"}),
        ("SELECT name FROM product WHERE id = :id", {"id": 7.0}, {"product:7"}),
        ("SELECT name FROM product WHERE id = ?2 AND name = ?1", ("x", 7), {"product:7"}),
        ('SELECT "p"."name" FROM "product" AS "p" WHERE ("p"."id" = ?)', (7,), {"product:7"}),
        ("SELECT name FROM main.product WHERE id = ?", (7,), {"product:7"}),
        ("SELECT name FROM Product WHERE ID = ?", (7,), {"product:7"}),
        ("SELECT name FROM product WHERE slug = 'it''s'", (), {"product:slug='it\\'s'"}),
        ("SELECT name FROM product WHERE id IN (?, ?)", (7, 8), {"product:7", "product:8"}),
        ("SELECT name FROM product WHERE id IN (7)", (), {"product:7"}),
        ("SELECT name FROM product WHERE id IN (?, 8) AND slug = 'a'", (7,), {"product:7", "product:8"}),
        ("SELECT stars FROM review WHERE author = 1 AND stars = 5", (), {"review:author=1,stars=5"}),
        ("SELECT since FROM member WHERE person = 2 AND club = 1", (), {"member:1,2"}),
        ("SELECT since FROM member WHERE club = 1", (), {"member:club=1"}),
        ("SELECT stars FROM review WHERE author IS NULL", (), {"review:author=None"}),
        ("SELECT name FROM product WHERE id = ? AND price > 3", (7,), {"product:7"}),
        # no predicate
        ("SELECT name FROM product WHERE id > 7", (), {"product"}),
        ("SELECT name FROM product WHERE id = 7 OR id = 8", (), {"product"}),
        ("SELECT name FROM product WHERE NOT id = 7", (), {"product"}),
        ("SELECT name FROM product WHERE abs(id) = 7", (), {"product"}),
        ("SELECT name FROM product WHERE id = ?", ("x1e",), {"product:'x1e'"}),
        ("SELECT name FROM product WHERE id = ?", ("1e1",), {"product"}),
        ("SELECT name FROM product WHERE id = ?", (), {"product"}),
        ("SELECT name FROM product WHERE slug = 'a' COLLATE NOCASE", (), {"product"}),
        (f"SELECT name FROM product WHERE id IN ({', '.join('?' * 65)})", tuple(range(65)), {"product"}),
        # joins
        (
            "SELECT r.stars FROM review r JOIN product p ON p.id = r.product WHERE p.id = ?",
            (7,), {"review:product=7", "product:7"},
        ),
        (
            "SELECT r.stars FROM product p, review r WHERE r.product = p.id AND r.product = 7",
            (), {"review:product=7", "product:7"},
        ),
        (
            "SELECT r.stars FROM product p LEFT JOIN review r ON r.product = p.id WHERE p.id = 7",
            (), {"review:product=7", "product:7"},
        ),
        # a condition on the left table within LEFT JOIN … ON chooses no rows of it
        (
            "SELECT p.name, r.stars FROM product p LEFT JOIN review r ON r.product = 7 AND p.id = 7",
            (), {"review:product=7", "product"},
        ),
        (
            "SELECT p.name, r.id FROM review r RIGHT JOIN product p ON r.product = 7 AND p.id = 7",
            (), {"review", "product"},
        ),
        (
            "SELECT p.name, r.id FROM review r FULL JOIN product p ON r.product = 7 AND p.id = 7",
            (), {"review", "product"},
        ),
        # the NULL is that of a row that isn't there
        (
            "SELECT p.name FROM product p LEFT JOIN review r ON r.product = p.id WHERE r.author IS NULL",
            (), {"review", "product"},
        ),
        (
            "SELECT p.name FROM product p FULL JOIN review r ON r.product = p.id WHERE r.author IS NULL",
            (), {"review", "product"},
        ),
        (
            "SELECT p.name FROM review r RIGHT JOIN product p ON r.product = p.id WHERE r.author IS NULL",
            (), {"review", "product"},
        ),
        # subqueries
        (
            "SELECT name FROM product p WHERE id = 7 AND EXISTS (SELECT 1 FROM review r WHERE r.product = p.id)",
            (), {"product:7", "review:product=7"},
        ),
        (
            "SELECT name FROM product WHERE id IN (SELECT product FROM review WHERE author = 1 AND stars = 2)",
            (), {"product", "review:author=1,stars=2"},
        ),
        ("SELECT s.name FROM (SELECT * FROM product WHERE id = 7) s WHERE s.id = 8", (), {"product:7"}),
        (
            "WITH x AS (SELECT product FROM review WHERE product = 7) SELECT name FROM product JOIN x ON id = x.product",
            (), {"review:product=7", "product"},
        ),
        ("WITH product AS (SELECT 1 AS id FROM author WHERE id = 3) SELECT id FROM product WHERE id = 1", (), {"author:3"}),
        (
            "SELECT id FROM product WHERE id = 1 UNION SELECT id FROM review WHERE id = 2 ORDER BY id",
            (), {"product:1", "review:2"},
        ),
        ("SELECT stars FROM good WHERE id = 3", (), {"review:product=7"}),
        ("SELECT x.value FROM product p, json_each(p.text) x WHERE p.id = 7", (), None),
    ],
)  # fmt: skip
def test_predicates(sql, parameters, expected):
    if expected is None:
        assert "text is no column" in SQLITE.plan(sql).uncacheable
    else:
        assert predicates(SQLITE, sql, parameters) == expected


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT name, price FROM product WHERE id = 7",
         {"product:7.name", "product:7.price", "product:7:all", "table product:all"}),
        ("SELECT count(*) FROM product WHERE id = 7", {"product:7:all", "table product:all"}),
        ("SELECT name FROM product WHERE id = 7 AND price > 3 ORDER BY section",
         {"product:7.name", "product:7.price", "product:7.section", "product:7:all", "table product:all"}),
        ("SELECT * FROM product WHERE id = 7", {"product:7:any", "table product:all"}),
        ("SELECT product.* FROM product WHERE id = 7", {"product:7:any", "table product:all"}),
        ("SELECT name FROM product", {"table product.name", "table product:rows", "table product:all"}),
        ("SELECT * FROM product", {"table product:any", "table product:all"}),
        ("SELECT views FROM product WHERE id = 7", {"product:7:all", "table product:all"}),
        ("SELECT rowid FROM product WHERE id = 7", {"product:7:any", "table product:all"}),
        ('SELECT "no column", name FROM product WHERE id = 7', {"product:7.name", "product:7:all", "table product:all"}),
    ],
)  # fmt: skip
def test_columns(sql, expected):
    assert carried(SQLITE, sql) == expected


@pytest.mark.parametrize(
    ("planner", "sql", "word"),
    [
        (SQLITE, "SELECT random()", "random"),
        (SQLITE, "SELECT * FROM nowhere", "nowhere"),
        (SQLITE, "SELECT nothing FROM product", "nothing"),
        (SQLITE, "SELECT product.nothing FROM product", "nothing"),
        (SQLITE, "SELECT my_function(name) FROM product", "my_function"),
        (SQLITE, "SELECT last_insert_rowid()", "last_insert_rowid"),
        (SQLITE, "SELECT * FROM sqlite_master", "sqlite_master"),
        (SQLITE, "SELECT * FROM pragma_table_info('product')", "pragma_table_info"),
        (SQLITE, "SELECT * FROM product WHERE id IN review", "isn't understood"),
        (SQLITE, "SELECT * FROM (((", "parsed"),
        (POSTGRES, "SELECT current_user", "current_user"),
        (POSTGRES, "SELECT user, name FROM product", "user"),
        (POSTGRES, "SELECT name FROM product WHERE id = 1 FOR UPDATE", "locks"),
        (POSTGRES, "SELECT nextval('x')", "nextval"),
        (POSTGRES, "SELECT gen_random_uuid()", "gen_random_uuid"),
        (POSTGRES, "SELECT name FROM product TABLESAMPLE system(1)", "system"),
        (POSTGRES, "SELECT id FROM secret", "row security"),
        (POSTGRES, 'SELECT "ID" FROM product', "ID"),
        (POSTGRES, "SELECT * FROM other.product", "other.product"),
    ],
)
def test_what_is_refused_says_why(planner, sql, word):
    plan = planner.plan(sql)
    assert plan.kind == "read"
    assert word in plan.uncacheable


@pytest.mark.parametrize(
    ("sql", "parameters", "expected"),
    [
        ('SELECT "product"."name" FROM "product" WHERE "product"."id" = %s LIMIT 21', (7,), {"product:7"}),
        ("SELECT name FROM product WHERE id = %(id)s", {"id": "7"}, {"product:7"}),
        ("SELECT name FROM product WHERE id = ANY(%s)", ([7, 8],), {"product:7", "product:8"}),
        ("SELECT name FROM product WHERE id IN %s", ((7, 8),), {"product:7", "product:8"}),
        ("SELECT name FROM product WHERE id = %s::INTEGER", (7,), {"product:7"}),
        ("SELECT name FROM product WHERE id = %s::INTEGER", ("7",), {"product"}),
        ("SELECT name FROM product WHERE name = %s::VARCHAR", ("a",), {"product:name='a'"}),
        ("SELECT name FROM product WHERE name LIKE '%%s' AND id = %s", (7,), {"product:7"}),
        ("SELECT name FROM product WHERE name LIKE '%s' AND id = %s", ("x", 7), {"product:7"}),
        ("SELECT name FROM product WHERE name = E'a\\'b' AND id = 7", (), {"product:7"}),
        ("SELECT name FROM product WHERE name = $$a'b$$ AND id = 7", (), {"product:7"}),
        ("SELECT stars FROM review WHERE key = %s", ("12345678123456781234567812345678",),
         {"review:key=UUID(12345678123456781234567812345678)"}),
        ("SELECT count FROM stock.product WHERE id = 7", (), {"stock.product:7"}),
        ("SELECT stars FROM good WHERE product = 7", (), {"review"}),
        ("SELECT stars FROM strange", (), {"review"}),
        ("SELECT p.name, x.stars FROM product p LEFT JOIN LATERAL (SELECT stars FROM review r WHERE r.product = p.id"
         " LIMIT 1) x ON true WHERE p.id = 7", (), {"product:7", "review"}),
        ("SELECT name FROM product p, generate_series(1, 3) g WHERE p.id = 7", (), {"product:7"}),
        ("SELECT DISTINCT ON (name) name FROM ONLY product WHERE id = 7", (), {"product:7"}),
        ("SELECT count(*) FILTER (WHERE stars > 3), string_agg(text, ',') FROM review WHERE product = 7",
         (), {"review:product=7"}),
        ("SELECT my_pure(name) FROM product WHERE id = 7", (), {"product:7"}),
        ("SELECT p FROM product p WHERE id = 7", (), {"product:7"}),
        ("TABLE product", (), {"product"}),
    ],
)  # fmt: skip
def test_postgres(sql, parameters, expected):
    assert predicates(POSTGRES, sql, parameters) == expected


@pytest.mark.parametrize(
    ("paramstyle", "sql", "parameters"),
    [
        ("qmark", "SELECT name FROM product WHERE name <> ? AND id = ?", ("a", 7)),
        ("numeric", "SELECT name FROM product WHERE name <> :1 AND id = :2", ("a", 7)),
        ("named", "SELECT name FROM product WHERE name <> :a AND id = :b::int", {"a": "a", "b": 7}),
        ("format", "SELECT name FROM product WHERE name <> %s AND id = %s", ("a", 7)),
        ("pyformat", "SELECT name FROM product WHERE name <> %(a)s AND id = %(b)s", {"a": "a", "b": 7}),
        ("dollar", "SELECT name FROM product WHERE name <> $2 AND id = $1::INTEGER", (7, "a")),
    ],
)
def test_paramstyles(paramstyle, sql, parameters):
    assert predicates(postgres_shop(paramstyle), sql, parameters) == {"product:7"}


def test_mysql():
    assert predicates(MYSQL, "SELECT price FROM `product` WHERE `id` = %s # end", (7,)) == {"product:7"}
    assert predicates(MYSQL, 'SELECT price FROM product WHERE name = "Foo"') == {"product:name='foo'"}
    assert predicates(MYSQL, "SELECT price FROM product WHERE name = %s", ("fö",)) == {"product"}
    assert predicates(MYSQL, r"SELECT price FROM product WHERE name = 'a\'b' AND id = 7") == {"product:7"}
    assert MYSQL.plan("SELECT /*! 1 */ 1").uncacheable


@pytest.mark.parametrize(
    ("planner", "sql", "clock"),
    [
        (SQLITE, "SELECT date('now')", True),
        (SQLITE, "SELECT datetime(?)", True),
        (SQLITE, "SELECT strftime('%Y', since) FROM member", False),
        (SQLITE, "SELECT name FROM product WHERE slug = CURRENT_TIMESTAMP", True),
        (POSTGRES, "SELECT now()", True),
        (POSTGRES, "SELECT name FROM product WHERE price > extract(epoch FROM localtimestamp)", True),
        (POSTGRES, "SELECT 'today'::date", True),
        (POSTGRES, "SELECT name FROM product WHERE id = 1", False),
    ],
)
def test_the_clock_is_noticed(planner, sql, clock):
    plan = planner.plan(sql)
    assert not plan.uncacheable
    assert plan.clock is clock


def test_volatile_columns_are_said():
    assert SQLITE.plan("SELECT views FROM product").volatile
    assert not SQLITE.plan("SELECT name FROM product").volatile


def test_a_value_that_only_equals_a_known_one_is_no_such_value():
    class Spelled(str):
        """What an adapter may turn into anything."""

        __slots__ = ()

    plan = SQLITE.plan("SELECT name FROM product WHERE slug = ?")
    text = plan.carried(("7",))
    assert "row::product:slug='7'.name" in text
    assert plan.carried(("7",)) == text
    assert "row::product:slug='7'.name" not in plan.carried((Spelled("7"),))
    assert plan.carried((7,)) == text  # SQLite compares it as text
    assert plan.carried((7.0,)) != text


def test_the_tags_of_a_short_text_are_found_again_and_a_long_one_is_not_remembered():
    plan = SQLITE.plan("SELECT name FROM product WHERE slug = ?")
    assert plan.carried(("s" * 64,)) is plan.carried(("s" * 64,))
    assert plan.carried(("s" * 65,)) is not plan.carried(("s" * 65,))
    assert plan.carried(("s" * 65,)) == plan.carried(("s" * 65,))
