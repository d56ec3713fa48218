"""The house rules that no linter knows: sizes, light imports, the public names, and what no file may say."""

from __future__ import annotations

import ast
import functools
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
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
    if file.is_file()
    and not any(re.match(r"\.|__pycache__|results$", part) for part in file.parts[len(ROOT.parts) + 1 :])
) + sorted(file for ending in ("*.md", "*.toml", "*.yml", ".gitignore") for file in ROOT.glob(ending))

MAX_FILE = 400
MAX_FUNCTION = 40

LONG_FUNCTIONS: dict[str, str] = {}
"""`path::name` of each function that is longer than the rule allows, with the reason."""

DRIVERS = {
    "msgspec": ("codecs", "django/dropin/formats.py"),
    "sqlite3": ("backends/file", "db/watch/sqlite", "demo", "edge", "sessions/places/sqlite.py"),
    "fcntl": ("backends/file", "backends/replica", "db/watch/sqlite", "edge/follow.py", "runtime"),
    "mmap": ("backends/file",),
    "cryptography": ("codecs", "testing/servers"),
    "backports": ("codecs",),
    "asyncio": (
        "runtime",
        "backends/redis",
        "backends/memcached",
        "aio.py",
        "db/watch/sqlite",
        "demo",
        "django/pages",
        "edge/published",
        "http",
        "probe",
        "testing",
    ),
    "socket": ("backends/redis", "backends/memcached", "demo", "edge/published", "testing/servers"),
    "ssl": ("backends/redis", "backends/memcached", "backends/endpoint.py", "edge/drivers", "http/serve"),
    "redis": ("backends/redis", "testing/servers"),
    "hiredis": ("backends/redis",),
    "sqlglot": ("sql",),
    "sqlalchemy": ("db/sqlalchemy",),
    "asyncpg": (),
    "psycopg": (),
    "psycopg2": ("db/watch",),
    "django": ("django",),
    "debug_toolbar": ("django/panel.py",),
    "pytest": ("testing", "probe", "django/testing.py"),
    "starlette": ("demo", "fastapi", "http/starlette.py", "sessions/starlette.py"),
    "fastapi": ("fastapi",),
    "litestar": ("litestar",),
    "flask": ("flask",),
    "werkzeug": ("flask",),
    "celery": ("celery",),
    "rq": ("rq",),
    "jinja2": ("demo", "jinja2"),
    "markupsafe": ("demo", "jinja2"),
    "uvicorn": ("demo", "http/serve"),
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
    "Diagnosis",
    "Event",
    "Explanation",
    "Finding",
    "Key",
    "Kind",
    "LoadTimeout",
    "NotInvalidated",
    "Policy",
    "Pool",
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
    "/.libr" + "ary",
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


@functools.cache
def _tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text())


def _nothing(found: Iterable[object], advice: str) -> None:
    """Fail with all that was found: pytest would shorten it."""
    lines = sorted(map(str, found))
    assert not lines, f"{advice}:\n  " + "\n  ".join(lines)


def _functions(file: Path) -> Iterator[tuple[str, int]]:
    """Each function of a file with its length in lines, without its docstring."""
    for node in ast.walk(_tree(file)):
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
    for node in ast.walk(_tree(file)):
        if isinstance(node, ast.Import):
            found.update(each.name.partition(".")[0] for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found


def test_no_file_holds_more_than_one_idea() -> None:
    long = {_name(file): lines for file in PYTHON if (lines := len(file.read_text().splitlines())) > MAX_FILE}
    _nothing(long.items(), f"over {MAX_FILE} lines: divide them")


def test_no_function_is_long_without_a_stated_reason() -> None:
    long = {name: lines for file in PYTHON for name, lines in _functions(file) if lines > MAX_FUNCTION}
    _nothing(
        (each for each in long.items() if each[0] not in LONG_FUNCTIONS),
        f"over {MAX_FUNCTION} lines: divide them",
    )
    _nothing(LONG_FUNCTIONS.keys() - long.keys(), "these are short now: take them off the list")


def test_test_files_have_names_of_their_own() -> None:
    folders: dict[str, list[str]] = {}
    for file in (ROOT / "tests").rglob("*.py"):
        folders.setdefault(file.name, []).append(_name(file))
    shared = (each for name, each in folders.items() if len(each) > 1 and name != "conftest.py")
    _nothing(shared, "pytest tells test modules apart by their file's name alone")


def test_each_file_says_what_it_is() -> None:
    silent = [_name(file) for file in PYTHON if _tree(file).body and not ast.get_docstring(_tree(file))]
    _nothing(silent, "a module begins with a docstring that says what it is")


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_driver_is_imported_in_its_own_rooms_only(driver: str) -> None:
    rooms = tuple(f"src/afresh/{room}" for room in DRIVERS[driver])
    strangers = [
        _name(file) for file in SOURCES if driver in _imports(file) and not _name(file).startswith(rooms)
    ]
    _nothing(strangers, f"{driver} belongs to {', '.join(DRIVERS[driver])}")


def _loaded_by(code: str) -> set[str]:
    """The top-level modules that running `code` in a new interpreter adds."""
    program = f"import sys; before = set(sys.modules); {code}; print(*(set(sys.modules) - before))"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    run = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    return {name.partition(".")[0] for name in run.stdout.split()}


@pytest.mark.parametrize(
    "code", ["import afresh", "from afresh import *", "from afresh import Cache; Cache('memory://').close()"]
)
def test_the_import_and_memory_need_the_standard_library_alone(code: str) -> None:
    loaded = _loaded_by(code)
    assert "afresh" in loaded
    _nothing(loaded - {"afresh"} - sys.stdlib_module_names, "not of the standard library")
    _nothing(loaded & {"asyncio", "sqlite3", "ssl", "multiprocessing"}, "of the standard library, and dear")


def test_to_import_it_loads_nothing_that_is_not_asked_for() -> None:
    assert _loaded_by("import afresh") <= {"afresh", "__future__"}
    program = (
        "import afresh, sys; afresh.Row; print(sorted(name for name in sys.modules if name[:7] == 'afresh.'))"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "afresh.core.tags" in run.stdout
    assert "afresh.cache" not in run.stdout


def test_a_first_cached_function_loads_nothing_dear() -> None:
    code = "exec(\"from afresh import Cache\\ncache = Cache('memory://')\\n@cache.cached\\ndef f(x): return x\\nf(1)\")"
    dear = {
        "asyncio",
        "concurrent",
        "email",
        "http",
        "logging",
        "multiprocessing",
        "pathlib",
        "select",
        "selectors",
    }
    dear |= {"socket", "sqlite3", "ssl", "subprocess", "tempfile", "urllib", "uuid", "msgspec", "sqlglot"}
    _nothing(_loaded_by(code) & dear, "dear, and of no use to it")


def test_the_public_names_are_these() -> None:
    assert set(PUBLIC) <= set(dir(afresh))
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        afresh.Nothing  # type: ignore[attr-defined]  # noqa: B018
    assert sorted(afresh.__all__) == sorted(PUBLIC)
    assert [name for name in PUBLIC if not hasattr(afresh, name)] == []


def test_no_file_speaks_of_the_machine_it_was_written_on() -> None:
    spoken = {
        _name(file): words
        for file in TEXTS
        if (words := [word for word in UNSPEAKABLE if word.encode() in file.read_bytes()])
    }
    _nothing(spoken.items(), "words that mean nothing elsewhere")
