"""`python -m bench.import_time [--quick] [--json FILE]`: what `import afresh` costs, in fresh interpreters.

The time of an interpreter that imports it, less that of one that does nothing, started by turns.
"""

from __future__ import annotations

import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bench import measure

GOALS = (measure.Goal("ms", 25), measure.Goal("foreign modules", 0))
_FOREIGN = """
import sys
before = set(sys.modules)
import afresh
loaded = {name.partition(".")[0] for name in set(sys.modules) - before}
print(*sorted(loaded - {"afresh"} - sys.stdlib_module_names))
"""


@contextmanager
def compiled() -> Iterator[None]:
    """Let the interpreters that are started within keep bytecode, as an installed package has it."""
    before = dict(os.environ)
    with tempfile.TemporaryDirectory(prefix="afresh-bench-") as folder:
        os.environ["PYTHONPYCACHEPREFIX"] = folder
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a fresh interpreter."""
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=True)


def timed(code: str, clock: Callable[[], float]) -> measure.Timed:
    """Seconds that a fresh interpreter takes for `code`."""

    def one() -> float:
        began = clock()
        python("-c", code)
        return clock() - began

    return one


def processor_time() -> float:
    """Seconds of processor time that the ended children of this process have used."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def foreign_modules() -> list[str]:
    """The modules that the import loads from neither afresh nor the standard library."""
    return python("-c", _FOREIGN).stdout.split()


def by_module() -> dict[str, float]:
    """Milliseconds that each newly imported module took by itself, the slowest first (`-X importtime`)."""
    start, all_of_it = _importtime("pass"), _importtime("import afresh")
    own = {name: ms for name, ms in all_of_it.items() if name not in start}
    return dict(sorted(own.items(), key=lambda item: -item[1]))


def _importtime(code: str) -> dict[str, float]:
    told = python("-X", "importtime", "-c", code).stderr
    return {name: int(us) / 1000 for us, name in re.findall(r"import time: +(\d+) \| +\d+ \| +(\S+)", told)}


def measured(rounds: int) -> dict[str, float]:
    """Milliseconds that the import adds: by the clock on the wall, and of processor time."""
    figures: dict[str, float] = {}
    codes = {"bare": "pass", "afresh": "import afresh"}
    for name, clock in (("ms", time.perf_counter), ("processor ms", processor_time)):
        samples = measure.interleave({what: timed(code, clock) for what, code in codes.items()}, rounds)
        more = [one - other for one, other in zip(samples["afresh"], samples["bare"], strict=True)]
        figures[name] = statistics.median(more) * 1e3
    return figures


def main() -> int:
    """Measure, print, and say whether every goal was met."""
    options = measure.parser(__doc__).parse_args()
    with compiled():
        figures = measured(7 if options.quick else 41)
        foreign, modules = foreign_modules(), by_module()
    made = measure.Table("import afresh, in a fresh interpreter, less the interpreter's own start")
    made.add("import afresh", {**figures, "modules": len(modules), "foreign modules": len(foreign)}, *GOALS)
    made.remarks += [f"of which {name} {ms:.1f} ms" for name, ms in list(modules.items())[:8]]
    made.remarks += [f"not of the standard library: {name}" for name in foreign]
    return measure.finish("import time", [made], options.json, by_module=modules)


if __name__ == "__main__":
    sys.exit(main())
