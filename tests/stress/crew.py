"""Start workers as processes of their own, and gather what they print."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


class Crew:
    """Worker processes over one folder."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self._seed = seed
        self._number = 0

    def start(self, role: str, seconds: float, number: int | None = None) -> subprocess.Popen[str]:
        self._number += 1
        number = self._number if number is None else number
        arguments = [role, str(self.folder), str(number), str(self._seed + self._number), str(seconds)]
        return subprocess.Popen(
            [sys.executable, str(HERE / "worker.py"), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


def result(process: subprocess.Popen[str], seconds: float = 60) -> dict[str, Any]:
    """What a worker printed; its error output where it failed."""
    out, errors = process.communicate(timeout=seconds)
    assert process.returncode == 0, errors
    return json.loads(out.splitlines()[-1])
