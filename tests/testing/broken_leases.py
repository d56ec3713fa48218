"""Leases with one planted defect each."""

from __future__ import annotations

import inspect

from afresh.core.ports import Runtime
from afresh.testing.reference import ReferenceLease, ReferenceLeases


class LetsEverybodyIn(ReferenceLeases):
    async def take(self, key: str, patience: float, runtime: Runtime) -> ReferenceLease | None:
        self._held.pop(key, None)
        return await super().take(key, patience, runtime)


class NeverLetsGo(ReferenceLeases):
    def _release(self, key: str, lease: ReferenceLease) -> None:
        pass


class OneForAllKeys(ReferenceLeases):
    async def take(self, key: str, patience: float, runtime: Runtime) -> ReferenceLease | None:
        return await super().take("", patience, runtime)


class HasNoPatience(ReferenceLeases):
    async def take(self, key: str, patience: float, runtime: Runtime) -> ReferenceLease | None:
        return await super().take(key, 0.0, runtime)


class TooPatient(ReferenceLeases):
    async def take(self, key: str, patience: float, runtime: Runtime) -> ReferenceLease | None:
        return await super().take(key, patience * 20, runtime)


class WakesNobody(ReferenceLeases):
    def _release(self, key: str, lease: ReferenceLease) -> None:
        if self._held.get(key) is lease:
            del self._held[key]


class ReleasesAnybodys(ReferenceLeases):
    def _release(self, key: str, lease: ReferenceLease) -> None:
        super()._release(key, self._held.get(key, lease))


class TakesAfterGivingUp(ReferenceLeases):
    async def take(self, key: str, patience: float, runtime: Runtime) -> ReferenceLease | None:
        lease = await super().take(key, patience, runtime)
        if lease is None and patience:
            self._held[key] = ReferenceLease(self, key)
        return lease


class KeepsOnClosing(ReferenceLeases):
    def close(self) -> None:
        pass


LEASES = [
    each
    for each in list(vars().values())
    if inspect.isclass(each) and each.__module__ == __name__ and issubclass(each, ReferenceLeases)
]
