"""One query in several spellings, for the tests of every framework."""

from __future__ import annotations

SPELLINGS = [
    "a=1&b=x%2Fy", "a=%31&b=x%2Fy", "%61=1&b=x%2Fy", "a=1&b=x%2fy", "a=1&&b=x%2Fy", "b=x%2Fy&a=1", "a=1&b=x/y",
]  # fmt: skip
"""The first four have the same key; with the others the application may do something else."""

SAME_KEY = 4
