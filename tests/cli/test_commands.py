"""The command `afresh`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from afresh import Cache, Row
from afresh.cli.commands import app

runner = CliRunner()


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AFRESH_DIR", str(tmp_path / "cache"))


def test_an_invalidation_reaches_a_cache_that_is_open() -> None:
    loads = []
    with Cache() as cache:

        @cache.cached(ttl="1h", prefix="product", tags=lambda number: [Row("product", number)])
        def product(number: int) -> int:
            loads.append(number)
            return number

        product(7), product(8), product(7)
        assert loads == [7, 8]
        result = runner.invoke(app, ["invalidate", "row:product:7"])
        assert result.exit_code == 0, result.output
        assert "announced: row:product:7" in result.output
        product(7), product(8)
        assert loads == [7, 8, 7]


def test_what_means_nothing_is_refused() -> None:
    result = runner.invoke(app, ["invalidate", "product"])
    assert result.exit_code == 1
    assert "row:TABLE:KEY" in result.output


def test_the_memory_of_another_process_cannot_be_reached() -> None:
    for command in (["stats"], ["invalidate", "tag:menu"]):
        result = runner.invoke(app, [*command, "--url", "memory://"])
        assert result.exit_code == 1
        assert "belongs to one process" in result.output


def test_stats_show_the_ledgers_position() -> None:
    with Cache() as cache:
        cache.invalidate(Row("product", 7))
        position = cache.stats().position
    result = runner.invoke(app, ["stats"])
    assert result.exit_code == 0, result.output
    assert str(position) in result.output


def test_a_wrong_address_says_what_there_is() -> None:
    result = runner.invoke(app, ["stats", "--url", "nonsense://"])
    assert result.exit_code == 1
    assert "sqlite:///" in result.output


@pytest.mark.parametrize(
    ("missing", "module", "arguments", "advice"),
    [
        ("typer", "typer", [], "afresh[cli]"),
        ("starlette", "starlette", ["demo"], "afresh[demo]"),
        ("uvicorn", "uvicorn", ["serve", "a:b"], "afresh[serve]"),
    ],
)
def test_a_missing_extra_is_named(missing: str, module: str, arguments: list[str], advice: str) -> None:
    program = (
        f"import sys; sys.modules[{module!r}] = None; sys.argv[1:] = {arguments!r}; "
        "from afresh.cli import main; main()"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert f"pip install '{advice}'" in run.stderr
    assert missing in run.stderr
    assert "Traceback" not in run.stderr
