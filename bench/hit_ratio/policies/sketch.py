"""A count-min sketch of 4-bit counters that halves itself, as TinyLFU counts popularity."""

from __future__ import annotations

_SEEDS = (0xC3A5C85C97CB3127, 0xB492B66FBE98F273, 0x9AE16A3B2F90404F, 0xCBF29CE484222325)
_MOST = 15


class FrequencySketch:
    """How often a key was asked for lately, at most 15, never too low but for halving.

    Args:
        capacity: Of the cache; the counters are halved after ten times so many increments.
    """

    def __init__(self, capacity: int) -> None:
        columns = max(8, 1 << (capacity - 1).bit_length()) * 4
        self._mask = columns - 1
        self._rows = [bytearray(columns) for _ in _SEEDS]
        self._period = 10 * capacity
        self._count = 0

    def _columns(self, key: int) -> list[int]:
        return [(((key + 1) * seed & (1 << 64) - 1) >> 32) & self._mask for seed in _SEEDS]

    def frequency(self, key: int) -> int:
        """The estimate for `key`."""
        return min(row[column] for row, column in zip(self._rows, self._columns(key), strict=True))

    def increment(self, key: int) -> None:
        """Count one request of `key`."""
        added = False
        for row, column in zip(self._rows, self._columns(key), strict=True):
            if row[column] < _MOST:
                row[column] += 1
                added = True
        if added:
            self._count += 1
            if self._count >= self._period:
                self._halve()

    def _halve(self) -> None:
        table = bytes(number >> 1 for number in range(256))
        self._rows = [row.translate(table) for row in self._rows]
        self._count //= 2
