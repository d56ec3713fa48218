"""`python -m bench.envelopes [--quick] [--json FILE]`: what it takes to seal a value, and to open an envelope.

The reference is to make the record of what is known of a value, which every stored value has anyway.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

from afresh.codecs.sealer import Sealer
from afresh.core.entry import Facts
from bench import measure

KEY = ":product(7)"
FACTS = Facts(KEY, 12, frozenset({5}), (), 1.0, 0.2, 3.0, 4.0, 5.0)
CALLS = 1000
GOAL = measure.Goal("ratio", 6.0)


def timed(call: Callable[[], Any]) -> measure.Timed:
    """Nanoseconds of a call."""

    def run() -> float:
        began = time.process_time()
        for _ in range(CALLS):
            call()
        return (time.process_time() - began) / CALLS * 1e9

    return run


def main() -> int:
    """Measure, print, and say whether every goal was met."""
    options = measure.parser(__doc__).parse_args()
    measure.pin()
    sealer = Sealer()
    opener = sealer.opener(Any)
    envelope = sealer.seal(7, FACTS, 99)
    samples = measure.interleave(
        {
            "a record": timed(lambda: Facts(KEY, 12, FACTS.tags, (), 1.0, 0.2, 3.0, 4.0, 5.0)),
            "open": timed(lambda: opener(envelope, KEY)),
            "seal": timed(lambda: sealer.seal(7, FACTS, 99)),
        },
        15 if options.quick else 99,
    )
    made = measure.Table("Envelopes: to make the record of a value is 1.0")
    for name in samples:
        figures = {
            "ns": measure.percentile(samples[name], 0.5),
            "ratio": measure.ratio(samples, name, "a record"),
        }
        made.add(name, figures, *([] if name == "a record" else [GOAL]))
    return measure.finish("envelopes", [made], options.json)


if __name__ == "__main__":
    sys.exit(main())
