"""`python -m bench.import_time [--quick] [--json FILE]`: what `import afresh` costs, in fresh interpreters.

The time of an interpreter that imports it, less that of one that does nothing, started by turns. The
names of `afresh` are loaded when they are asked for, so the way to the first value of a cached function
is measured, too; beside it, what the modules of the standard library that it needs take by themselves.
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
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager

from bench import measure

GOALS = (measure.Goal("ms", 25), measure.Goal("foreign modules", 0))
IMPORT, FIRST = "import afresh", "to the first cached value"
_FIRST = """
from afresh import Cache
cache = Cache("memory://")
@cache.cached(ttl=60)
def square(number: int) -> int:
    return number * number
square(2)
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


def loaded(code: str) -> list[str]:
    """The modules that running `code` loads."""
    program = f"import sys; before = set(sys.modules)\n{code}\nprint(*sorted(set(sys.modules) - before))"
    return python("-c", program).stdout.split()


def foreign(modules: Iterable[str]) -> list[str]:
    """Those that belong to neither afresh nor the standard library."""
    return sorted({name.partition(".")[0] for name in modules} - {"afresh"} - sys.stdlib_module_names)


def by_module(code: str) -> dict[str, float]:
    """Milliseconds that each newly imported module took by itself, the slowest first (`-X importtime`)."""
    start, all_of_it = _importtime("pass"), _importtime(code)
    own = {name: ms for name, ms in all_of_it.items() if name not in start}
    return dict(sorted(own.items(), key=lambda item: -item[1]))


def _importtime(code: str) -> dict[str, float]:
    told = python("-X", "importtime", "-c", code).stderr
    return {name: int(us) / 1000 for us, name in re.findall(r"import time: +(\d+) \| +\d+ \| +(\S+)", told)}


def measured(codes: Mapping[str, str], rounds: int) -> dict[str, dict[str, float]]:
    """Milliseconds that each code adds to an interpreter: by the clock on the wall, and of processor time."""
    figures: dict[str, dict[str, float]] = {name: {} for name in codes}
    for what, clock in (("ms", time.perf_counter), ("processor ms", processor_time)):
        bare = {"bare": timed("pass", clock)}
        samples = measure.interleave(
            bare | {name: timed(code, clock) for name, code in codes.items()}, rounds
        )
        for name in codes:
            more = [one - other for one, other in zip(samples[name], samples["bare"], strict=True)]
            figures[name][what] = statistics.median(more) * 1e3
    return figures


def main() -> int:
    """Measure, print, and say whether every goal was met."""
    options = measure.parser(__doc__).parse_args()
    made = measure.Table("In a fresh interpreter, less the interpreter's own start")
    with compiled():
        first = loaded(_FIRST)
        standard = [name for name in first if name.partition(".")[0] in sys.stdlib_module_names]
        codes = {IMPORT: IMPORT, FIRST: _FIRST, "its standard library": f"import {', '.join(standard)}"}
        for name, figures in measured(codes, 7 if options.quick else 41).items():
            modules = loaded(codes[name])
            counted = {**figures, "modules": len(modules), "foreign modules": len(foreign(modules))}
            made.add(name, counted, *(GOALS if name == IMPORT else GOALS[1:]))
        slowest = by_module(_FIRST)
    made.remarks += [f"of {FIRST}: {name} {ms:.1f} ms" for name, ms in list(slowest.items())[:8]]
    made.remarks += [f"not of the standard library: {name}" for name in foreign(first)]
    return measure.finish("import time", [made], options.json, by_module=slowest)


if __name__ == "__main__":
    sys.exit(main())
