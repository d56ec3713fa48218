"""Sets, as both kinds of workers keep them on the server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from afresh.django.dropin.commands import Commands


class Sets(Commands):
    """Methods of django-redis. Members are compared as they are stored."""

    def sadd(self, key: Any, *values: Any, version: Any = None, client: Any = None) -> int:
        """Add members; says how many are new."""
        return int(self._command("SADD", key, *self._encoded(values), version=version) or 0)

    def scard(self, key: Any, version: Any = None, client: Any = None) -> int:
        """How many members there are."""
        return int(self._command("SCARD", key, version=version) or 0)

    def sdiff(self, *keys: Any, version: Any = None, client: Any = None) -> set[Any]:
        """The members of the first that are in none of the others."""
        return self._combined("SDIFF", keys, version)

    def sdiffstore(
        self, dest: Any, *keys: Any, version_dest: Any = None, version_keys: Any = None, client: Any = None
    ) -> int:
        """Put `sdiff` at `dest`; says how many members that has."""
        return self._stored("SDIFFSTORE", dest, keys, version_dest, version_keys)

    def sinter(self, *keys: Any, version: Any = None, client: Any = None) -> set[Any]:
        """The members that all have."""
        return self._combined("SINTER", keys, version)

    def sinterstore(self, dest: Any, *keys: Any, version: Any = None, client: Any = None) -> int:
        """Put `sinter` at `dest`; says how many members that has."""
        return self._stored("SINTERSTORE", dest, keys, version, version)

    def sismember(self, key: Any, member: Any, version: Any = None, client: Any = None) -> bool:
        """Whether it is a member."""
        return bool(self._command("SISMEMBER", key, self._form.encode(member), version=version))

    def smismember(self, key: Any, *members: Any, version: Any = None, client: Any = None) -> list[bool]:
        """Whether each is a member."""
        found = self._command("SMISMEMBER", key, *self._encoded(members), version=version)
        return [bool(each) for each in found or [False] * len(members)]

    def smembers(self, key: Any, version: Any = None, client: Any = None) -> set[Any]:
        """All members."""
        return set(self._decoded(self._command("SMEMBERS", key, version=version)))

    def smove(
        self, source: Any, destination: Any, member: Any, version: Any = None, client: Any = None
    ) -> bool:
        """Move a member to another set; says whether it was there."""
        target = self.make_key(destination, version=version)
        return bool(self._command("SMOVE", source, target, self._form.encode(member), version=version))

    def spop(self, key: Any, count: int | None = None, version: Any = None, client: Any = None) -> Any:
        """Take a member out, or a set of so many."""
        return self._some("SPOP", key, count, version, set)

    def srandmember(self, key: Any, count: int | None = None, version: Any = None, client: Any = None) -> Any:
        """A member, or a list of so many."""
        return self._some("SRANDMEMBER", key, count, version, list)

    def srem(self, key: Any, *members: Any, version: Any = None, client: Any = None) -> int:
        """Remove members; says how many were there."""
        return int(self._command("SREM", key, *self._encoded(members), version=version) or 0)

    def sscan(
        self, key: Any, match: Any = None, count: int | None = 10, version: Any = None, client: Any = None
    ) -> set[Any]:
        """Some members: those of the first step of `sscan_iter`."""
        return set(self._scanned(key, match, count, version, 0)[1])

    def sscan_iter(
        self, key: Any, match: Any = None, count: int | None = 10, version: Any = None, client: Any = None
    ) -> Iterator[Any]:
        """The members, in steps of about `count`; `match` is a pattern of what is stored."""
        cursor = 0
        while True:
            cursor, members = self._scanned(key, match, count, version, cursor)
            yield from members
            if not cursor:
                return

    def sunion(self, *keys: Any, version: Any = None, client: Any = None) -> set[Any]:
        """The members that any of them has."""
        return self._combined("SUNION", keys, version)

    def sunionstore(self, destination: Any, *keys: Any, version: Any = None, client: Any = None) -> int:
        """Put `sunion` at `destination`; says how many members that has."""
        return self._stored("SUNIONSTORE", destination, keys, version, version)

    def _combined(self, name: str, keys: tuple[Any, ...], version: Any) -> set[Any]:
        return set(self._decoded(self._sent(name, *(self.make_key(key, version=version) for key in keys))))

    def _stored(self, name: str, dest: Any, keys: tuple[Any, ...], there: Any, version: Any) -> int:
        made = [self.make_key(key, version=version) for key in keys]
        return int(self._sent(name, self.make_key(dest, version=there), *made) or 0)

    def _some(self, name: str, key: Any, count: int | None, version: Any, kind: type) -> Any:
        found = self._command(name, key, *([] if count is None else [count]), version=version)
        if found is None:
            return None
        return self._form.decode(found) if count is None else kind(self._decoded(found))

    def _scanned(
        self, key: Any, match: Any, count: int | None, version: Any, cursor: int
    ) -> tuple[int, list[Any]]:
        if match and self._form.compressed:
            raise ValueError("Using match with compression is not supported.")
        more = [*(["MATCH", self._form.encode(match)] if match else []), *(["COUNT", count] if count else [])]
        reply = self._command("SSCAN", key, cursor, *more, version=version)
        return (0, []) if reply is None else (int(reply[0]), self._decoded(reply[1]))
