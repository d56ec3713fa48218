"""The measuring helper: ratios, rounds, goals and the exit status."""

from __future__ import annotations

import gc
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from bench import measure


def scripted(costs: list[float]) -> Callable[[], float]:
    left = iter(costs)
    return lambda: next(left)


def test_a_ratio_is_taken_within_a_round_and_is_the_median_of_those() -> None:
    samples = {"reference": [1.0, 10.0, 100.0], "ours": [2.0, 20.0, 900.0]}
    assert measure.ratio(samples, "ours", "reference") == 2.0
    # The ratio of the medians would be the same here, but not when the machine slows down half-way:
    samples = {"reference": [1.0, 10.0, 10.0], "ours": [3.0, 3.0, 30.0]}
    assert measure.ratio(samples, "ours", "reference") == 3.0


def test_rounds_are_interleaved_and_begin_with_another_each() -> None:
    order: list[str] = []

    def timed(name: str) -> measure.Timed:
        return lambda: (order.append(name), 0.0)[1]

    samples = measure.interleave({name: timed(name) for name in "abc"}, 3, warm_up=0)
    assert "".join(order) == "abc" + "bca" + "cab"
    assert {name: len(values) for name, values in samples.items()} == {"a": 3, "b": 3, "c": 3}


def test_the_warm_up_is_not_among_the_samples() -> None:
    samples = measure.interleave({"a": scripted([99.0, 98.0, 1.0, 2.0])}, 2, warm_up=2)
    assert samples == {"a": [1.0, 2.0]}


def test_no_garbage_is_collected_while_timing() -> None:
    seen: list[bool] = []
    measure.interleave({"a": lambda: (seen.append(gc.isenabled()), 0.0)[1]}, 2, warm_up=0)
    assert seen == [False, False]
    assert gc.isenabled()


@pytest.mark.parametrize(("part", "value"), [(0.0, 1), (0.5, 50), (0.99, 99), (0.991, 100), (1.0, 100)])
def test_a_percentile_is_exceeded_by_no_more_than_the_rest(part: float, value: float) -> None:
    assert measure.percentile([float(number) for number in range(100, 0, -1)], part) == value


@pytest.mark.parametrize(
    ("goal", "value", "met"),
    [
        (measure.Goal("x", 2.0), 2.0, True),
        (measure.Goal("x", 2.0), 2.001, False),
        (measure.Goal("x", 2.0, at_least=True), 2.0, True),
        (measure.Goal("x", 2.0, at_least=True), 1.999, False),
        (measure.Goal("x", 2.0), float("nan"), False),
        (measure.Goal("x", 2.0, at_least=True), float("nan"), False),
    ],
)
def test_a_goal_is_a_bound(goal: measure.Goal, value: float, met: bool) -> None:
    assert goal.met(value) is met


@pytest.mark.parametrize(("figure", "status"), [(2.0, 0), (2.1, 1)])
def test_a_missed_goal_is_marked_written_and_the_exit_status(
    figure: float, status: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = measure.Table("Cost")
    table.add("reference", {"ratio": 1.0})
    table.add("ours", {"ratio": figure, "loads": 1}, measure.Goal("ratio", 2.0), measure.Goal("loads", 1))
    assert measure.finish("cost", [table], tmp_path / "cost.json") == status
    printed = capsys.readouterr().out
    assert ("MISSED" in printed) is bool(status)
    assert f"{2 - status} of 2 goals met" in printed
    record = json.loads((tmp_path / "cost.json").read_text())
    ours = record["tables"][0]["rows"][1]
    assert ours["ratio"] == figure
    assert [goal["met"] for goal in ours["goals"]] == [not status, True]
