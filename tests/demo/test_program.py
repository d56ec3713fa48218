"""The other program: it writes plain SQL, and it couldn't import afresh if it wanted to."""

from __future__ import annotations

import ast
import asyncio
from pathlib import Path

import pytest

from afresh.demo.catalogue import database
from afresh.demo.drive import shell
from afresh.demo.drive.program import Program

pytestmark = pytest.mark.slow


def test_what_it_is_told_is_committed_when_it_answers(tiny: Path) -> None:
    async def run() -> None:
        async with Program(tiny) as program:
            await program.execute("UPDATE package SET note = ? WHERE name = ?", "seen", "a")
            assert database.row("SELECT note FROM package WHERE name = 'a'") == ("seen",)
            with pytest.raises(RuntimeError, match="no such table"):
                await program.execute("DELETE FROM nowhere")

    asyncio.run(run())


def test_it_knows_nothing_of_a_cache() -> None:
    tree = ast.parse(Path(shell.__file__).read_text("utf-8"))
    imported = {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    assert imported == {"json", "sqlite3", "sys"}
