"""The house rules that no linter knows: sizes, light imports, the public names, and what no file may say."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import afresh

ROOT = Path(__file__).parent.parent
SOURCES = sorted((ROOT / "src/afresh").rglob("*.py"))
PYTHON = sorted(
    file
    for folder in ("src", "tests", "bench", "scripts", "typing_tests")
    for file in (ROOT / folder).rglob("*.py")
)
TEXTS = sorted(
    file
    for folder in ("src", "tests", "bench", "scripts", "typing_tests", "docs", ".ci")
    for file in (ROOT / folder).rglob("*")
    if file.is_file() and not {"__pycache__", "results"} & set(file.parts)
) + sorted(file for ending in ("*.md", "*.toml", "*.yml", ".gitignore") for file in ROOT.glob(ending))

MAX_FILE = 400
MAX_FUNCTION = 40

LONG_FUNCTIONS: dict[str, str] = {}
"""`path::name` of each function that is longer than the rule allows, with the reason."""

COVERED_BY: dict[str, str] = {}
"""A source file whose tests stand in a file of another name: `src path` → `tests path`."""

DRIVERS = {
    "msgspec": ("codecs",),
    "sqlite3": ("backends/file", "demo"),
    "fcntl": ("backends/file", "runtime"),
    "mmap": ("backends/file",),
    "cryptography": ("codecs",),
    "backports": ("codecs",),
    "asyncio": ("runtime", "aio.py", "demo", "testing"),
    "pytest": ("testing",),
    "starlette": ("demo",),
    "jinja2": ("demo",),
    "uvicorn": ("demo",),
    "typer": ("cli",),
    "rich": ("cli", "demo"),
}
"""Where a driver, a framework or a way to the operating system may be imported at all."""

PUBLIC = [
    "ABSENT",
    "AfreshError",
    "BackendError",
    "Cache",
    "CacheClosed",
    "CachedCoroutine",
    "CachedFunction",
    "ConfigurationError",
    "Dependency",
    "Event",
    "Explanation",
    "Key",
    "Kind",
    "LoadTimeout",
    "NotInvalidated",
    "Policy",
    "Row",
    "Scope",
    "Secret",
    "SiteStats",
    "Stats",
    "Table",
    "Tag",
    "Token",
    "UncacheableValue",
    "UnkeyableArgument",
    "Where",
    "tag",
]
"""What `from afresh import …` promises. A name that leaves this list is a new major version."""

# Written in halves, so that this file passes its own test.
UNSPEAKABLE = [
    "/wo" + "rk/",
    ".libr" + "ary",
    "farm-" + "bench",
    "farm-" + "studio",
    "DESIGN" + ".md",
    "PROTOCOL" + ".md",
    "FIGURES" + ".md",
    "pypi" + ".org",
    "pythonhosted" + ".org",
    "npmjs" + ".org",
    "debian" + ".org/debian",
]


def _name(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


def _functions(file: Path) -> Iterator[tuple[str, int]]:
    """Each function of a file with its length in lines, without its docstring."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            lines = node.end_lineno - node.lineno + 1
            first = node.body[0]
            if ast.get_docstring(node) is not None and first.end_lineno is not None:
                lines -= first.end_lineno - first.lineno + 1
            yield f"{_name(file)}::{node.name}", lines


def _imports(file: Path) -> set[str]:
    """The top-level modules that a file imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found.update(each.name.partition(".")[0] for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found


def test_no_file_holds_more_than_one_idea() -> None:
    long = {_name(file): lines for file in PYTHON if (lines := len(file.read_text().splitlines())) > MAX_FILE}
    assert long == {}, f"over {MAX_FILE} lines: divide them"


def test_no_function_is_long_without_a_stated_reason() -> None:
    long = {name: lines for file in PYTHON for name, lines in _functions(file) if lines > MAX_FUNCTION}
    assert long.keys() - LONG_FUNCTIONS.keys() == set(), f"over {MAX_FUNCTION} lines: {long}"
    assert LONG_FUNCTIONS.keys() - long.keys() == set(), "these are short now: take them off the list"


def test_each_file_says_what_it_is() -> None:
    silent = [
        _name(file)
        for file in PYTHON
        if file.read_text().strip() and not ast.get_docstring(ast.parse(file.read_text()))
    ]
    assert silent == [], "a module begins with a docstring"


def test_each_source_file_has_its_test_file() -> None:
    tests = {file.name: _name(file) for file in (ROOT / "tests").rglob("test_*.py")}
    bare = {
        _name(file)
        for file in SOURCES
        if file.name not in {"__init__.py", "__main__.py"} and f"test_{file.stem.strip('_')}.py" not in tests
    }
    assert bare - COVERED_BY.keys() == set(), "name its test file, or say in COVERED_BY which one it is"
    assert COVERED_BY.keys() - bare == set(), "these need no entry in COVERED_BY"
    assert set(COVERED_BY.values()) - set(tests.values()) == set(), "no such test file"


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_driver_is_imported_in_its_own_rooms_only(driver: str) -> None:
    rooms = tuple(f"src/afresh/{room}" for room in DRIVERS[driver])
    strangers = [
        _name(file) for file in SOURCES if driver in _imports(file) and not _name(file).startswith(rooms)
    ]
    assert strangers == []


def _loaded_by(code: str) -> set[str]:
    """The top-level modules that running `code` in a new interpreter adds."""
    program = f"import sys; before = set(sys.modules); {code}; print(*(set(sys.modules) - before))"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in run.stdout.split()}


@pytest.mark.parametrize(
    "code", ["import afresh", "from afresh import *", "from afresh import Cache; Cache('memory://').close()"]
)
def test_the_import_and_memory_need_the_standard_library_alone(code: str) -> None:
    loaded = _loaded_by(code)
    assert "afresh" in loaded
    assert loaded - {"afresh"} - sys.stdlib_module_names == set()
    assert loaded & {"asyncio", "sqlite3", "ssl", "multiprocessing", "importlib.metadata"} == set()


def test_the_public_names_are_these() -> None:
    assert sorted(afresh.__all__) == sorted(PUBLIC)
    assert [name for name in PUBLIC if not hasattr(afresh, name)] == []


def test_no_file_speaks_of_the_machine_it_was_written_on() -> None:
    spoken = {
        _name(file): words
        for file in TEXTS
        if (words := [word for word in UNSPEAKABLE if word.encode() in file.read_bytes()])
    }
    assert spoken == {}
