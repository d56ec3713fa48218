"""Hashes, as both kinds of workers keep them on the server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from afresh.django.dropin.commands import Commands


class Hashes(Commands):
    """Methods of django-redis, and `hget`, `hgetall`, without which they can't be read there."""

    def hset(
        self,
        key: Any,
        field: Any = None,
        value: Any = None,
        mapping: Mapping[Any, Any] | None = None,
        version: Any = None,
        client: Any = None,
    ) -> int:
        """Put fields; says how many are new."""
        fields = dict(mapping or {})
        if field is not None:
            fields[field] = value
        if not fields:
            raise ValueError("hset() needs a field and its value, or a mapping of them.")
        flat = [part for name, each in fields.items() for part in (name, self._form.encode(each))]
        return int(self._command("HSET", key, *flat, version=version) or 0)

    def hget(self, key: Any, field: Any, version: Any = None, client: Any = None) -> Any:
        """The value of a field, or `None`."""
        found = self._command("HGET", key, field, version=version)
        return None if found is None else self._form.decode(found)

    def hgetall(self, key: Any, version: Any = None, client: Any = None) -> dict[str, Any]:
        """All fields and their values."""
        found = self._command("HGETALL", key, version=version) or {}
        return {field.decode(): self._form.decode(value) for field, value in found.items()}

    def hdel(self, key: Any, *fields: Any, version: Any = None, client: Any = None) -> int:
        """Remove fields; says how many were there."""
        return int(self._command("HDEL", key, *fields, version=version) or 0)

    def hlen(self, key: Any, version: Any = None, client: Any = None) -> int:
        """How many fields there are."""
        return int(self._command("HLEN", key, version=version) or 0)

    def hkeys(self, key: Any, version: Any = None, client: Any = None) -> list[str]:
        """The fields."""
        return [field.decode() for field in self._command("HKEYS", key, version=version) or ()]

    def hexists(self, key: Any, field: Any, version: Any = None, client: Any = None) -> bool:
        """Whether there is a field."""
        return bool(self._command("HEXISTS", key, field, version=version))
