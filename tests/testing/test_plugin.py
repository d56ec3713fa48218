"""The plugin's fixtures, in a pytest run of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from afresh import Cache
from afresh.testing.capture import Captured
from afresh.testing.clock import FakeClock


def test_the_fixtures_belong_together(
    afresh_cache: Cache, afresh_clock: FakeClock, afresh_events: Captured
) -> None:
    afresh_cache.get_or_load("k", lambda: 1, ttl=10)
    assert afresh_cache.get_or_load("k", lambda: 2, ttl=10) == 1
    afresh_clock.advance(11)
    assert afresh_cache.get_or_load("k", lambda: 2, ttl=10) == 2
    assert len(afresh_events.of("load")) == 2


def test_each_test_has_a_cache_of_its_own(afresh_cache: Cache) -> None:
    assert afresh_cache.get("k") is None


def without_coverage() -> dict[str, str]:
    """The environment in which a new interpreter loads nothing to measure itself with."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COV")}


PROGRAM = """
def test_changes(afresh_cache):
    afresh_cache.get_or_load("menu", list).append(1)

def test_reads(afresh_cache):
    len(afresh_cache.get_or_load("menu", list))
"""


@pytest.mark.slow
def test_a_test_that_changes_a_cached_value_fails(tmp_path: Path) -> None:
    (tmp_path / "test_menu.py").write_text(PROGRAM)
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)],
        capture_output=True, text=True, check=False, cwd=tmp_path, env=without_coverage(),
    )  # fmt: skip
    assert "2 passed, 1 error" in run.stdout
    assert "CachedValueChanged" in run.stdout
    assert "test_menu.py:3, in test_changes" in run.stdout
    assert "menu" in run.stdout


@pytest.mark.slow
def test_a_run_that_uses_no_fixture_loads_nothing_for_it(tmp_path: Path) -> None:
    (tmp_path / "test_nothing.py").write_text(
        "import sys\n\n"
        "def test_nothing():\n"
        "    assert {name for name in sys.modules if name.startswith('afresh.testing.')} == {\n"
        "        'afresh.testing.capture', 'afresh.testing.plugin'\n"
        "    }\n"
        "    assert 'sqlite3' not in sys.modules\n"
    )
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)],
        capture_output=True, text=True, check=False, cwd=tmp_path, env=without_coverage(),
    )  # fmt: skip
    assert "1 passed" in run.stdout, run.stdout


def test_the_public_names_can_be_imported() -> None:
    import afresh.testing as kit

    assert sorted(kit.__all__) == kit.__all__ == dir(kit)
    assert [
        name for name in kit.__all__ if getattr(kit, name).__name__ not in {name, name.capitalize(), "list"}
    ] == []
    assert set(kit._HOME) | {"Captured", "capture"} == set(kit.__all__)
    with pytest.raises(AttributeError, match="nothing"):
        kit.nothing  # noqa: B018
