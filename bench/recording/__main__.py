"""`python -m bench.recording [--quick] [--json FILE]`: what it costs a query that afresh sees it.

One row is asked for by its key, through each driver, without afresh and with it by turns: while
nobody wants to know what is read, and within a scope that collects it. The statement's plan is known.
The goals are the capture's own, which every driver calls. What a driver's line has beyond it is the
way there: wrapped cursors of the DB-API are Python in front of C, SQLAlchemy and Django have hooks.
"""

from __future__ import annotations

import itertools
import statistics
import sys
import tempfile
import time
from pathlib import Path

from afresh import Cache
from bench import measure
from bench.recording.faces import CAPTURE, ROWS, Ask, Face, faces

OFF = measure.Goal("off, µs", 0.5)
ON = measure.Goal("recorded, µs", 2.0)


def timed(ask: Ask, queries: int, cache: Cache | None = None) -> measure.Timed:
    """Ask so often, within a scope if there is a cache for it; says how many microseconds one took."""
    numbers = itertools.cycle(range(1, ROWS))

    def asked() -> float:
        began = time.process_time()
        for _, number in zip(range(queries), numbers, strict=False):
            ask(number)
        return (time.process_time() - began) / queries * 1e6

    def within() -> float:
        assert cache is not None
        with cache.scope():
            return asked()

    return asked if cache is None else within


def measured(face: Face, cache: Cache, queries: int, rounds: int) -> measure.Row:
    """One face."""
    samples = measure.interleave(
        {
            "plain": timed(face.plain, queries),
            "off": timed(face.seen, queries),
            "recorded": timed(face.seen, queries, cache),
        },
        rounds,
    )
    figures = {"query, µs": statistics.median(samples["plain"])}
    for name in ("off", "recorded"):
        figures[f"{name}, µs"] = statistics.median(
            one - plain for one, plain in zip(samples[name], samples["plain"], strict=True)
        )
    return measure.Row(face.name, figures, (OFF, ON) if face.name == CAPTURE else ())


def main() -> int:
    """Measure all faces, and say whether the goals are met."""
    options = measure.parser(__doc__)
    options.add_argument("--no-servers", action="store_true", help="without PostgreSQL")
    given = options.parse_args()
    queries, rounds = (500, 15) if given.quick else (2000, 41)
    measure.pin()
    table = measure.Table("What a query by key costs beyond itself, in microseconds of processor time")
    with (
        tempfile.TemporaryDirectory() as folder,
        faces(Path(folder), servers=not given.no_servers) as found,
        Cache("memory://") as cache,
    ):
        for face in found:
            table.rows.append(measured(face, cache, queries, rounds))
    return measure.finish("recording", [table], given.json)


if __name__ == "__main__":
    sys.exit(main())
