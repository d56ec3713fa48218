"""`python -m bench.hit_ratio [--trace PATH ...] [--json FILE]`: the table of hit ratios.

Each cell is the part of the requests that were hits, at 1 % and at 10 % of the trace's objects.
A cell of ours that is more than 0.005 below the best of LRU, S3-FIFO and adaptive W-TinyLFU is
flagged, and the command exits with 1.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from bench.hit_ratio.policies import PEERS, POLICIES
from bench.hit_ratio.traces import Trace, read, synthetic

_PARTS = (0.01, 0.10)
_MARGIN = 0.005


def _measure(job: tuple[Trace, float, str]) -> float:
    trace, part, policy = job
    return POLICIES[policy](trace.keys, max(1, int(trace.objects * part))) / len(trace.keys)


def _rows(traces: list[Trace], workers: int) -> Iterator[tuple[str, float, dict[str, float]]]:
    """Measure every policy on every trace, a row as soon as it is known."""
    jobs = [(trace, part, policy) for trace in traces for part in _PARTS for policy in POLICIES]
    with ProcessPoolExecutor(workers) as pool:
        ratios = pool.map(_measure, jobs)
        for trace in traces:
            for part in _PARTS:
                yield trace.name, part, {policy: next(ratios) for policy in POLICIES}


def _traces(options: argparse.Namespace) -> list[Trace]:
    found = [read(path) for path in options.trace]
    if not found or options.synthetic:
        found += synthetic(options.seed)
    return [trace.first(options.requests) for trace in found] if options.requests else found


def main() -> int:
    """Print the table; returns the number of missed cells, as an exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench.hit_ratio", description=__doc__)
    parser.add_argument("--trace", type=Path, nargs="*", default=[], help="gzip text, one integer a line")
    parser.add_argument("--synthetic", action="store_true", help="the synthetic traces beside the given ones")
    parser.add_argument("--seed", type=int, default=1, help="of the synthetic traces")
    parser.add_argument("--requests", type=int, default=0, help="only so many of each trace")
    parser.add_argument("--workers", type=int, default=2, help="processes")
    parser.add_argument("--json", type=Path, help="write the figures there too")
    options = parser.parse_args()

    print(f"{'trace':14} {'room':>5} " + " ".join(f"{policy:>9}" for policy in POLICIES) + f" {'margin':>7}")
    records: list[dict[str, object]] = []
    missed = 0
    for name, part, ratios in _rows(_traces(options), options.workers):
        margin = ratios["afresh"] - max(ratios[peer] for peer in PEERS)
        met = margin >= -_MARGIN
        missed += not met
        cells = " ".join(f"{ratio:9.4f}" for ratio in ratios.values())
        print(f"{name:14} {part:5.0%} {cells} {margin:+7.4f}{'' if met else '  MISSED'}", flush=True)
        records.append({"trace": name, "part": part, "ratios": ratios, "margin": margin, "met": met})
    if options.json:
        options.json.write_text(json.dumps({"margin": _MARGIN, "rows": records}, indent=1) + "\n")
    print(f"{missed} of {len(records)} cells missed the goal: best of {', '.join(PEERS)} - {_MARGIN}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
