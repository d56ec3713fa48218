"""How django-oscar's figures are judged: the factor in the full size alone, the truth in each."""

from __future__ import annotations

from typing import Any

import pytest
from bench.apps.oscar import __main__ as oscar


def found(**speed: float) -> dict[str, Any]:
    """A run in which nothing was wrong; each subject so many times faster than uncached."""
    faster = {"plain": 1.0, "cachalot": 2.0, "cacheops": 3.0, "two lines": 200.0, "three more": 200.0} | speed
    samples = {name: [100 / times] * 3 for name, times in faster.items()}
    views = {"views": 60, "hits": 55, "counted": 60, "off by": 0}
    return {
        "seed": 1,
        "products": 600,
        "speed": {"catalogue": samples, "category": samples, "product": samples},
        "obstacles": {
            "said": ['afresh; fwd=uri-miss; detail="Set-Cookie"'],
            "reason": "they set the cookie 'oscar_history', write analytics_productrecord",
            "lines": "[[http.rule]]\npath = 1\ndrop_cookies = 2\nside_effects = 3",
        },
        "truth": {
            "queries": [0, 0, 1],
            "edits": {"edits": 24, "reads": 192, "hits": 144, "stale": 0},
            "race": {"edits": 12, "reads": 140, "hits": 99, "stale": 0},
            "people": {"requests": 200, "hits": 160, "another's": 0},
            "form": {"from a hit": 1, "accepted": 1, "forged": 0},
            "replay": dict(views),
            "skip": views | {"counted": 5},
            "wrong": [],
        },
    }


def missed(*tables: Any) -> list[str]:
    return [f"{row.what}: {goal}" for table in tables for row in table.rows for goal in row.missed()]


def test_the_full_size_judges_the_factor() -> None:
    assert missed(oscar.speeds(found(), quick=False)) == []
    slow = found(**{"two lines": 40.0})
    assert missed(oscar.speeds(slow, quick=False)) == [
        "catalogue: two lines >= 50.0",
        "category: two lines >= 50.0",
    ]
    assert missed(oscar.speeds(found(**{"three more": 49.0}), quick=False)) == ["product: three more >= 50.0"]


def test_the_quick_size_judges_the_order_and_says_so() -> None:
    table = oscar.speeds(found(**{"two lines": 40.0}), quick=True)
    assert missed(table) == []
    assert "the goal for the full size" in table.remarks[0]
    behind = missed(oscar.speeds(found(**{"two lines": 2.5}), quick=True))
    assert [each.partition(":")[0] for each in behind] == ["catalogue", "category"]


@pytest.mark.parametrize(
    ("part", "figure", "value"),
    [
        ("edits", "stale", 1), ("edits", "hits", 0), ("race", "stale", 1), ("race", "hits", 0), ("people", "another's", 1),
        ("form", "from a hit", 0), ("form", "accepted", 0), ("form", "forged", 1), ("replay", "off by", 1), ("skip", "off by", 1),
    ],
)  # fmt: skip
def test_what_is_wrong_is_missed_in_any_size(part: str, figure: str, value: int) -> None:
    assert missed(*oscar.truths(found())) == []
    broken = found()
    broken["truth"][part][figure] = value
    assert [figure in each for each in missed(*oscar.truths(broken))] == [True]


def test_a_hit_that_asks_twice_is_missed() -> None:
    broken = found()
    broken["truth"]["queries"] = [0, 2, 0]
    assert missed(*oscar.truths(broken)) == ["category: queries <= 1"]


@pytest.mark.parametrize(
    ("figure", "value"),
    [
        ("said", ["afresh; hit; ttl=59"]),
        ("reason", "they set the cookie 'oscar_history'"),
        ("lines", "[[http.rule]]\na = 1\nb = 2\nc = 3\nd = 4"),
    ],
)
def test_what_the_check_says_is_judged(figure: str, value: object) -> None:
    assert missed(oscar.obstacles(found())) == []
    assert (
        len(missed(oscar.obstacles({**found(), "obstacles": {**found()["obstacles"], figure: value}}))) == 1
    )
