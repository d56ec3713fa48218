"""Reference policies, written to be compared with and read, not to be fast.

Each is a function of the keys and the capacity that returns the number of hits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from bench.hit_ratio.policies.belady import belady
from bench.hit_ratio.policies.lru import lru
from bench.hit_ratio.policies.ours import ours
from bench.hit_ratio.policies.s3fifo import s3fifo
from bench.hit_ratio.policies.sieve import sieve
from bench.hit_ratio.policies.tinylfu import tinylfu

Policy: TypeAlias = Callable[[Sequence[int], int], int]

PEERS: dict[str, Policy] = {"LRU": lru, "S3-FIFO": s3fifo, "W-TinyLFU": tinylfu}
"""What the memory store has to keep up with."""

POLICIES: dict[str, Policy] = {"afresh": ours, **PEERS, "SIEVE": sieve, "Belady": belady}
"""All columns of the table. Belady's knows the future: no cache can reach it."""
