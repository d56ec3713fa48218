"""All benchmarks together: their goals are found, and one that is missed is not overlooked."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import __main__ as main


def test_goals_are_found_in_any_benchmarks_record() -> None:
    measured = {
        "tables": [
            {
                "title": "Cost",
                "rows": [
                    {
                        "what": "ours",
                        "ratio": 3.0,
                        "goals": [{"figure": "ratio", "goal": "ratio <= 2", "met": False}],
                    },
                    {"what": "theirs", "ratio": 1.0, "goals": []},
                ],
            }
        ]
    }
    assert list(main.judged(measured)) == [("Cost, ours, ratio <= 2", False)]
    traced = {
        "rows": [{"trace": "web", "part": 0.1, "met": True}, {"trace": "web", "part": 0.01, "met": False}]
    }
    assert list(main.judged(traced)) == [("web, 0.1", True), ("web, 0.01", False)]


@pytest.mark.parametrize(
    ("outcomes", "status"),
    [
        ([main.Outcome("a", 0, 1.0, [("x", True)]), main.Outcome("b", 0, 1.0, [])], 0),
        (
            [
                main.Outcome("a", 0, 1.0, [("x", True)]),
                main.Outcome("b", 1, 1.0, [("y", True), ("z", False)]),
            ],
            1,
        ),
        ([main.Outcome("a", 2, 1.0, [])], 1),
        ([main.Outcome("a", 0, 1.0, [("x", False)])], 1),
    ],
)
def test_one_missed_goal_or_failed_benchmark_fails_them_all(
    outcomes: list[main.Outcome], status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.summary(outcomes) == status
    printed = capsys.readouterr().out
    for outcome in outcomes:
        assert all((f"MISSED: {what}" in printed) is not met for what, met in outcome.goals)


def test_every_benchmark_that_is_run_exists() -> None:
    for name in main.QUICK:
        place = main.HERE / name.replace(".", "/")
        assert place.with_name(f"{place.name}.py").is_file() or (place / "__main__.py").is_file()


@pytest.mark.parametrize(
    ("body", "status"), [("raise SystemExit(0)", 0), ("raise ValueError", 1), ("while True: pass", 124)]
)
def test_a_benchmark_that_fails_or_hangs_has_failed(
    body: str, status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bench").mkdir()
    (tmp_path / "bench" / "planted.py").write_text(body)
    monkeypatch.setattr(main, "HERE", tmp_path / "bench")
    outcome = main.run("planted", [], tmp_path / "record", patience=0.3 if status == 124 else 60)
    assert outcome.status == status
    assert main.summary([outcome]) == (1 if status else 0)
