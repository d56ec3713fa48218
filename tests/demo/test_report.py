"""What is printed."""

from __future__ import annotations

import sys

import pytest

from afresh.demo.drive import report
from afresh.demo.drive.judge import Verdict
from afresh.demo.drive.phases import Kind, Outcome
from afresh.demo.drive.readers import Record


def _record(answers: int, latency: float) -> Record:
    record = Record(seconds=2.0)
    record.latencies.extend([latency] * answers)
    return record


@pytest.fixture
def outcome() -> Outcome:
    counters = {"hits": 0.0, "misses": 0.0, "loads": 5.0, "saved": 1234.0}
    return Outcome(
        before=_record(100, 0.1),
        first=_record(160, 0.1),
        cold=_record(400, 0.02),
        warm=_record(5_000, 0.002),
        edited=_record(2_000, 0.004),
        kinds={"lists": Kind(_record(20, 0.2), _record(6_000, 0.001))},
        marks=[
            {**counters, "hits": 10.0, "misses": 30.0},
            {**counters, "hits": 100.0, "misses": 100.0},
            {**counters, "hits": 400.0, "misses": 100.0},
            {**counters, "hits": 9_000.0, "misses": 100.0},
            {**counters, "hits": 9_099.0, "misses": 101.0},
        ],
        edits=77,
        elsewhere=40,
        verdict=Verdict(compared=8_000, checked=2_000),
    )


def test_the_table_says_what_was_measured(outcome: Outcome) -> None:
    _, before, lists, cold, warm, warm_lists, edited = report.lines(outcome)
    assert before == ("without afresh", "50", "", "100.0 ms", "100.0 ms", "")
    assert lists == ("  lists", "10", "", "200.0 ms", "200.0 ms", "")
    assert cold == ("with, cold", "200", "2.5 times", "20.0 ms", "20.0 ms", "25.0%")
    assert warm == ("with, warm", "2,500", "50 times", "2.0 ms", "2.0 ms", "100.0%")
    assert warm_lists == ("  lists", "3,000", "300 times", "1.0 ms", "1.0 ms", "")
    assert edited == ("with, edited", "1,000", "20 times", "4.0 ms", "4.0 ms", "99.0%")


@pytest.mark.parametrize("rich", [True, False])
def test_it_is_printed_with_rich_and_without(
    outcome: Outcome, rich: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if not rich:
        for name in ("rich", "rich.console", "rich.table"):
            monkeypatch.setitem(sys.modules, name, None)
    report.show(outcome)
    printed = capsys.readouterr().out
    for said in (
        "without afresh",
        "2,500",
        "400 requests took 2.0 s from an empty cache",
        "1,234 loads saved",
        "77 edits",
        "37 through the forms",
        "40 by another program",
        "0 stale",
    ):
        assert said in printed


def test_what_was_wrong_is_said(outcome: Outcome) -> None:
    outcome.verdict.stale = 3
    outcome.verdict.unchecked = 4
    said = " ".join(report.sentences(outcome))
    assert "3 stale" in said
    assert "For 4 more there was no time" in said
    assert not outcome.right


def test_nothing_checked_is_nothing_right(outcome: Outcome) -> None:
    assert outcome.right
    outcome.verdict.checked = 0
    assert not outcome.right
