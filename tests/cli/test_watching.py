"""`afresh watch`: what it prints, and what it refuses."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from afresh import ConfigurationError
from afresh.cli.commands import app
from afresh.cli.watching import Watched, kept, line, volatile_of
from afresh.db.watch import SlotState, Status

runner = CliRunner()
SLOT = SlotState(active=True, lost=False, confirmed=1, behind=0, retained=2048, safe=None)


def test_one_line_says_how_it_is() -> None:
    status = Status(state="following", transactions=1200, rows=3400, tags=56, slot=SLOT)
    status.lags.extend([0.001, 0.002, 0.003])
    assert line(status) == (
        "following; 1,200 transactions of 3,400 rows, 56 tags; lag 2.0 ms, p99 3.0 ms;"
        " 0 bytes behind, 2 kB of log kept"
    )
    assert line(Status(state="away", reason="no answer")).startswith("away (no answer); 0 transactions")


def test_how_much_log_is_left_until_the_slot_is_lost() -> None:
    state = SlotState(active=True, lost=False, confirmed=1, behind=5 << 20, retained=3 << 30, safe=10)
    assert kept(state) == "5 MB behind, 3.0 GB of log kept, lost after 10 bytes more"


def test_volatile_columns_are_written_with_their_table() -> None:
    assert volatile_of(["product.views", "stock.product.seen", "product.hits"]) == {
        "product": ["views", "hits"],
        "stock.product": ["seen"],
    }
    with pytest.raises(ConfigurationError, match=r"TABLE\.COLUMN"):
        volatile_of(["views"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--check"], "port 1"),
        (["--drop"], "port 1"),
        (["--check", "--slot", "My Slot"], "a slot's name has"),
        (["--cache", "memory://"], "belongs to one process"),
        (["--full", "some", "--cache", "sqlite:///cache"], "'keyless' or 'all'"),
    ],
)
def test_what_can_not_work_is_said_in_a_line(arguments, said, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = runner.invoke(app, ["watch", "postgresql://postgres@127.0.0.1:1/shop", *arguments])
    assert result.exit_code == 1
    assert said in result.stderr
    assert "Traceback" not in result.stderr


def test_a_watcher_is_made_of_what_was_written() -> None:
    watched = Watched("postgresql://localhost/shop", "afresh", "afresh", "", ("a.b",), "", None)
    with pytest.raises(ConfigurationError, match="needs a cache"):
        watched.watcher([])
