"""The documentation is true: its code runs, it prints what it says, and the tests it names exist."""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import pytest

from afresh.testing.servers import MemcachedServer, PostgresServer, RedisServer

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted(path for path in (ROOT / "docs").rglob("*.md") if not path.is_symlink())]

NOT_RUN = "*Not run by the tests:"
"""A paragraph that begins so, and gives the reason, exempts the block below it."""

_FENCE = re.compile(r"^```(\w*) *\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def _name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def _exempt(text: str, start: int) -> bool:
    before = text[:start].rstrip().rpartition("\n")[2]
    return before.startswith(NOT_RUN) and len(before) > len(NOT_RUN) + 10


def program(text: str) -> str:
    """The Python blocks of a page as one program, each at its own line number."""
    lines = [""] * text.count("\n")
    for block in _FENCE.finditer(text):
        if block[1] == "python" and not _exempt(text, block.start()):
            first = text.count("\n", 0, block.start(2))
            code = block[2].splitlines()
            lines[first : first + len(code)] = code
    return "\n".join(lines)


def printed(text: str) -> str:
    """What a page says that it prints: the `text` blocks right below its Python blocks."""
    blocks = list(_FENCE.finditer(text))
    return "".join(
        output[2]
        for code, output in itertools.pairwise(blocks)
        if (code[1], output[1]) == ("python", "text") and not text[code.end() : output.start()].strip()
    )


class _Shop(PostgresServer):
    """PostgreSQL with an empty database of that name."""

    def start(self) -> Self:
        super().start()
        self.create("shop")
        return self

    @property
    def url(self) -> str:
        return self.url_of("shop")


SERVERS: dict[str, Callable[[Path], RedisServer | MemcachedServer | PostgresServer]] = {
    "postgresql://localhost/shop": _Shop,
    "redis://localhost/0": RedisServer,
    "memcached://localhost": MemcachedServer,
}
"""What stands in a page's code for a server; it is started for the test, and its real URL put there."""


def _with_code(pages: list[Path]) -> Iterator[object]:
    for page in pages:
        code = program(page.read_text())
        if code.strip():
            needs = any(url in code for url in SERVERS)
            yield pytest.param(page, marks=[pytest.mark.servers] if needs else [], id=_name(page))


def with_servers(code: str, folder: Path, stack: ExitStack) -> str:
    """Code with the URLs of servers that run."""
    for url, kind in SERVERS.items():
        if url in code:
            code = code.replace(url, stack.enter_context(kind(folder / url.partition(":")[0])).url)
    return code


@pytest.mark.parametrize("page", list(_with_code(PAGES)))
def test_the_code_of_a_page_runs_and_prints_what_it_says(page: Path, tmp_path: Path) -> None:
    with ExitStack() as servers:
        text = page.read_text()
        _runs(page, text, with_servers(program(text), tmp_path, servers), tmp_path)


def _runs(page: Path, text: str, code: str, tmp_path: Path) -> None:
    script = tmp_path / f"page_{page.stem}.py"
    script.write_text(code)
    # A page that shows tests is run as one, too: importing it runs the rest.
    runner = ["-m", "pytest", "-qq", "-p", "no:cacheprovider"] if "\ndef test_" in text else []
    run = subprocess.run(
        [sys.executable, "-W", "error", *runner, script.name],
        cwd=tmp_path,
        env={**os.environ, "AFRESH_DIR": str(tmp_path / "cache"), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, f"{_name(page)} (line numbers are the page's)\n{run.stdout}{run.stderr}"
    assert runner or run.stdout == printed(text)


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_python_block_that_does_not_run_says_why(page: Path) -> None:
    other = [
        block[1] for block in _FENCE.finditer(page.read_text()) if block[1] in {"py", "pycon", "python3"}
    ]
    assert other == [], "write ```python, which is run"


def test_every_test_that_a_page_names_exists() -> None:
    named = sorted(
        {name for page in PAGES for name in re.findall(r"`(tests/[\w/]+\.py(?:::[^`]+)?)`", page.read_text())}
    )
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-qq", *named],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert named
    assert run.returncode == 0, run.stdout + run.stderr


def test_the_harness_notices_a_page_that_lies() -> None:
    page = "x\n```python\nprint(1)\n```\n\n```text\n2\n```\n\n*Not run by the tests: it needs a server.*\n\n```python\nboom\n```\n"
    assert program(page).splitlines()[2] == "print(1)"
    assert "boom" not in program(page)
    assert "boom" in program(page.replace(": it needs a server", ":"))
    assert printed(page) == "2\n"
