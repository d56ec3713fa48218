"""All phases, in a short size: right with afresh, and found out with caches that are wrong."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from afresh.demo.dataset import Facts
from afresh.demo.drive import report
from afresh.demo.drive.phases import Outcome, Settings, measure
from afresh.demo.drive.servers import AFRESH, Workers
from sizes import size

pytestmark = pytest.mark.slow


def _run(path: Path, facts: Facts, variant: str, folder: Path) -> Outcome:
    settings = Settings(seconds=size(1.5, 10.0), patience=size(6.0, 60.0), packages=12, variant=variant)
    search = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    environment = {"AFRESH_DIR": str(folder / "cache"), "PYTHONPATH": search}
    with Workers(path, variant, environment=environment) as fast:
        return asyncio.run(measure(path, facts, fast, settings, lambda _: None))


def test_with_afresh_every_answer_is_right(whole: Path, facts: Facts, tmp_path: Path) -> None:
    outcome = _run(whole, facts, AFRESH, tmp_path)
    assert outcome.right, outcome.verdict
    assert len(outcome.cold.latencies) == len(outcome.first.latencies) < len(outcome.before.latencies)
    assert outcome.cold.seen.keys() == outcome.first.seen.keys()
    assert outcome.edits > outcome.elsewhere > 0
    assert outcome.verdict.checked == len(outcome.edited.latencies)
    assert outcome.verdict.compared > len(outcome.warm.latencies) > 0
    assert outcome.marks[-1]["hits"] > outcome.marks[-1]["misses"]
    assert outcome.marks[-1]["invalidations"] > 0
    assert outcome.warm.rate > 2 * outcome.before.rate
    assert "by another program, in plain SQL" in " ".join(report.sentences(outcome))
    assert "0 stale" in " ".join(report.sentences(outcome))


def test_a_cache_that_edits_do_not_reach_is_found_out(whole: Path, facts: Facts, tmp_path: Path) -> None:
    outcome = _run(whole, facts, "planted:stale", tmp_path)
    assert not outcome.right
    assert outcome.verdict.stale > 0
    assert outcome.verdict.different > 0
    assert outcome.verdict.leaked == 0


def test_a_cache_that_forgets_who_asks_is_found_out(whole: Path, facts: Facts, tmp_path: Path) -> None:
    outcome = _run(whole, facts, "planted:leaking", tmp_path)
    assert not outcome.right
    assert outcome.verdict.leaked > 0
