"""The other program, as the editor sees it: a process that executes plain SQL (see `shell`)."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path
from typing import Self

from afresh.demo.drive import shell


class Program:
    """One process of it; a context manager that starts and ends it.

    Args:
        database: The catalogue's file.
    """

    def __init__(self, database: Path) -> None:
        self._database = database
        self._process: Process | None = None

    async def execute(self, sql: str, *values: object) -> None:
        """Have a statement executed and committed.

        Raises:
            RuntimeError: It wasn't.
        """
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps([sql, values]).encode() + b"\n")
        answer = (await process.stdout.readline()).decode().strip()
        if answer != "committed":
            raise RuntimeError(f"{sql}: {answer or 'the other program has ended'}")

    async def __aenter__(self) -> Self:
        # By its path, and without what is installed: it could not import afresh if it wanted to.
        command = [sys.executable, "-IS", str(Path(shell.__file__)), str(self._database)]
        self._process = await asyncio.create_subprocess_exec(
            *command, stdin=PIPE, stdout=PIPE, start_new_session=True
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        process, self._process = self._process, None
        if process is not None and process.stdin is not None:
            process.stdin.close()
            await process.wait()
