"""Dependencies as they are written on a command line."""

from __future__ import annotations

import pytest

from afresh import Dependency, Key, Row, Table, Where, tag
from afresh.cli.written import Written, dependency


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("tag:menu", tag("menu")),
        ("tag:user:7", tag("user", 7)),
        ("table:review", Table("review")),
        ("row:product:7", Row("product", 7)),
        ("row:product:-7", Row("product", -7)),
        ("row:product:'7'", Row("product", "7")),
        ("row:product:7:de", Row("product", 7, "de")),
        ("where:review:product=7", Where("review", product=7)),
        ("where:review:product=7:lang=de", Where("review", product=7, lang="de")),
        ("key:shop.menu('de')", Key("shop.menu('de')")),
    ],
)
def test_what_is_written_is_what_the_program_says(written: str, meant: Dependency) -> None:
    assert dependency(written) == meant


@pytest.mark.parametrize(
    "written",
    [
        "",
        "menu",
        "tag:",
        "col:x",
        "table:a:b",
        "row:product",
        "row:product:",
        "where:a",
        "where:a:b",
        "where:a:=1",
        "where:a:db=1",
    ],
)
def test_what_means_nothing_is_refused_with_the_forms(written: str) -> None:
    with pytest.raises(Written, match="row:TABLE:KEY"):
        dependency(written)
