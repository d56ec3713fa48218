"""Stores with one planted defect each."""

from __future__ import annotations

import inspect
import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from afresh.testing.reference import ReferenceStore, Stored


def another_thread_comes() -> None:
    threading.Event().wait(0.0001)


class FillsAlways(ReferenceStore):
    async def fill(self, key: str, envelope: bytes, *, stamp: int, expires: float) -> bool:
        await self.put(key, envelope, stamp=stamp, expires=expires)
        return True


class FillsNothing(ReferenceStore):
    async def fill(self, key: str, envelope: bytes, *, stamp: int, expires: float) -> bool:
        return False


class RefusesEqualFills(ReferenceStore):
    async def fill(self, key: str, envelope: bytes, *, stamp: int, expires: float) -> bool:
        there = self._rows.get(key)
        if there is not None and there.stamp >= stamp:
            return False
        return await super().fill(key, envelope, stamp=stamp, expires=expires)


class ForgetsWhatWasPut(ReferenceStore):
    async def put(self, key: str, envelope: bytes, *, stamp: int, expires: float) -> None:
        self._rows[key] = Stored(envelope, stamp, expires, was_put=False)


class PutRespectsStamps(ReferenceStore):
    async def put(self, key: str, envelope: bytes, *, stamp: int, expires: float) -> None:
        there = self._rows.get(key)
        if there is None or there.stamp <= stamp:
            await super().put(key, envelope, stamp=stamp, expires=expires)


class PutKeepsOldExpiry(ReferenceStore):
    async def put(self, key: str, envelope: bytes, *, stamp: int, expires: float) -> None:
        there = self._rows.get(key)
        await super().put(key, envelope, stamp=stamp, expires=expires if there is None else there.expires)


class RoundsStamps(ReferenceStore):
    async def fill(self, key: str, envelope: bytes, *, stamp: int, expires: float) -> bool:
        return await super().fill(key, envelope, stamp=stamp // 1024, expires=expires)


class SwapsAlways(ReferenceStore):
    async def swap(
        self, key: str, old: bytes | None, new: bytes | None, *, stamp: int, expires: float
    ) -> bool:
        return await super().swap(key, await self.get(key), new, stamp=stamp, expires=expires)


class SwapTakesEmptyForAbsent(ReferenceStore):
    async def swap(
        self, key: str, old: bytes | None, new: bytes | None, *, stamp: int, expires: float
    ) -> bool:
        there = await self.get(key)
        same = (there or None) == (old or None)
        return same and await super().swap(key, there, new, stamp=stamp, expires=expires)


class SwapNeverDeletes(ReferenceStore):
    async def swap(
        self, key: str, old: bytes | None, new: bytes | None, *, stamp: int, expires: float
    ) -> bool:
        return await super().swap(key, old, old if new is None else new, stamp=stamp, expires=expires)


class SwapFills(ReferenceStore):
    async def swap(
        self, key: str, old: bytes | None, new: bytes | None, *, stamp: int, expires: float
    ) -> bool:
        swapped = await super().swap(key, old, new, stamp=stamp, expires=expires)
        if swapped and new is not None:
            self._rows[key] = Stored(new, stamp, expires, was_put=False)
        return swapped


class SwapSeesTheExpired(ReferenceStore):
    async def swap(
        self, key: str, old: bytes | None, new: bytes | None, *, stamp: int, expires: float
    ) -> bool:
        row = self._rows.get(key)
        if old is None and row is not None:
            return False
        return await super().swap(key, old, new, stamp=stamp, expires=expires)


class RacesToSwap(ReferenceStore):
    async def swap(
        self, key: str, old: bytes | None, new: bytes | None, *, stamp: int, expires: float
    ) -> bool:
        if await self.get(key) != old:
            return False
        another_thread_comes()
        return await super().swap(key, await self.get(key), new, stamp=stamp, expires=expires)


class DeletesAnything(ReferenceStore):
    async def delete(self, key: str) -> bool:
        await super().delete(key)
        return True


class CountsKeysToDelete(ReferenceStore):
    async def delete_many(self, keys: Sequence[str]) -> int:
        await super().delete_many(keys)
        return len(keys)


class DeletesForGood(ReferenceStore):
    async def delete(self, key: str) -> bool:
        there = await super().delete(key)
        self._rows[key] = Stored(b"", 2**60, -1.0, was_put=True)
        return there

    async def fill(self, key: str, envelope: bytes, *, stamp: int, expires: float) -> bool:
        there = self._rows.get(key)
        return (there is None or there.stamp <= stamp) and await super().fill(
            key, envelope, stamp=stamp, expires=expires
        )


class ClearsByPattern(ReferenceStore):
    async def clear(self, prefix: str) -> None:
        pattern = re.compile(re.escape(prefix).replace("%", ".*").replace("_", ".") + ".*", re.DOTALL)
        for key in [key for key in self._rows if pattern.fullmatch(key)]:
            del self._rows[key]


class ClearsEitherCase(ReferenceStore):
    async def clear(self, prefix: str) -> None:
        for key in [key for key in self._rows if key.lower().startswith(prefix.lower())]:
            del self._rows[key]


class ClearsWhatContains(ReferenceStore):
    async def clear(self, prefix: str) -> None:
        for key in [key for key in self._rows if prefix in key]:
            del self._rows[key]


class ClearsNothingForEmptyPrefix(ReferenceStore):
    async def clear(self, prefix: str) -> None:
        if prefix:
            await super().clear(prefix)


class NeverExpires(ReferenceStore):
    def _read(self, key: str) -> bytes | None:
        row = self._rows.get(key)
        return None if row is None else row.envelope


class ManyNeverExpire(ReferenceStore):
    async def get_many(self, keys: Sequence[str]) -> dict[str, bytes]:
        return {key: self._rows[key].envelope for key in keys if key in self._rows}


class ManyIncludeTheAbsent(ReferenceStore):
    async def get_many(self, keys: Sequence[str]) -> dict[str, bytes]:
        return {key: await self.get(key) for key in keys}  # type: ignore[misc]


class ManyStopAtAThousand(ReferenceStore):
    async def get_many(self, keys: Sequence[str]) -> dict[str, bytes]:
        return await super().get_many(keys[:1_000])


class TakesEmptyForAbsent(ReferenceStore):
    def _read(self, key: str) -> bytes | None:
        return super()._read(key) or None


class CutsNul(ReferenceStore):
    async def put(self, key: str, envelope: bytes, *, stamp: int, expires: float) -> None:
        await super().put(key, envelope.partition(b"\0")[0], stamp=stamp, expires=expires)


class FoldsKeys(ReferenceStore):
    def _read(self, key: str) -> bytes | None:
        return super()._read(key) or super()._read(key.lower())


class PutManyPutsTheFirst(ReferenceStore):
    async def put_many(self, envelopes: Mapping[str, bytes], *, stamp: int, expires: float) -> None:
        await super().put_many(dict([*envelopes.items()][:1]), stamp=stamp, expires=expires)


class PutManyFills(ReferenceStore):
    async def put_many(self, envelopes: Mapping[str, bytes], *, stamp: int, expires: float) -> None:
        for key, envelope in envelopes.items():
            await self.fill(key, envelope, stamp=stamp, expires=expires)


class CountsNothing(ReferenceStore):
    def usage(self) -> Mapping[str, int]:
        return {"entries": 0, "bytes": 0}


class OutOfSight(ReferenceStore):
    def another(self) -> Any:
        return type(self)()


class LosesTheUnflushed(ReferenceStore):
    """What was put is seen by others after `flush` only, and `close` does not flush."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        super().__init__(now)
        self._own: dict[str, Stored] = {}

    def _read(self, key: str) -> bytes | None:
        row = self._own.get(key)
        if row is not None:
            return row.envelope if row.expires > self._now() else None
        return super()._read(key)

    async def put(self, key: str, envelope: bytes, *, stamp: int, expires: float) -> None:
        self._own[key] = Stored(envelope, stamp, expires, was_put=True)

    async def flush(self) -> None:
        self._rows.update(self._own)
        self._own.clear()


STORES = [
    each
    for each in list(vars().values())
    if inspect.isclass(each) and each.__module__ == __name__ and issubclass(each, ReferenceStore)
]
