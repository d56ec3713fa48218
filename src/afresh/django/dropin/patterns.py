"""Keys by a pattern. Looking for them means to look at all: a tag names what belongs together at once."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

from django.core.cache.backends.base import get_key_func

from afresh.backends.redis.entries import entry_key
from afresh.backends.redis.servers import RedisClient
from afresh.django.dropin.beside import Beside
from afresh.django.dropin.commands import Commands
from afresh.django.dropin.scanning import Scan, escaped
from afresh.runtime.drive import drive

_log = logging.getLogger("afresh")
_TOGETHER = 512


def reverse_key(key: str) -> str:
    """What was made by Django's own key function, as it was before: `prefix:version:key`."""
    return key.split(":", 2)[2]


class Patterns(Commands):
    """Methods of both libraries: keys of ours and of theirs."""

    key_prefix: str
    version: Any
    key_func: Any
    _reverse: Any = staticmethod(reverse_key)
    _told = False

    def make_pattern(self, pattern: str, version: Any = None, prefix: Any = None) -> str:
        """The pattern of keys as they are made: `*` and `?` in the prefix and the version stand for themselves."""
        prefix = self.key_prefix if prefix is None else prefix
        version = self.version if version is None else version
        return str(self.key_func(pattern, escaped(prefix), escaped(str(version))))

    def keys(self, search: str = "*", version: Any = None, client: Any = None) -> list[str]:
        """The keys that match."""
        return list(self.iter_keys(search, version=version))

    def iter_keys(
        self, search: str = "*", itersize: int | None = None, client: Any = None, version: Any = None
    ) -> Iterator[str]:
        """The keys that match, one after the other."""
        for made in self._matching(self.make_pattern(search, version), itersize):
            yield self._reverse(made)

    def delete_pattern(
        self,
        pattern: str,
        version: Any = None,
        prefix: Any = None,
        client: Any = None,
        itersize: int | None = None,
    ) -> int:
        """Remove what is at the keys that match; says how many there were.

        The server looks at every key that it has. `set(…, tags=["menu"])` and `delete_tag("menu")`
        take one step, whatever is there.
        """
        if not Patterns._told:
            Patterns._told = True
            _log.warning(
                "delete_pattern(%r) looks at every key of the server: cache.set(…, tags=[name]) and "
                "cache.delete_tag(name) take one step",
                pattern,
            )
        return self._delete_matching(pattern, version, prefix, itersize)

    def _delete_matching(self, pattern: str, version: Any, prefix: Any = None, itersize: Any = None) -> int:
        count, some = 0, []
        for made in self._matching(self.make_pattern(pattern, version, prefix), itersize):
            some.append(made)
            if len(some) == _TOGETHER:
                count, some = count + drive(self._operations.delete(some)), []
        return count + drive(self._operations.delete(some))

    def _matching(self, pattern: str, step: int | None) -> Iterator[str]:
        """Made keys, each once: of what is under ours, and of what is under theirs."""
        names = self._operations.engine.names
        beginning = len(entry_key(names.full("")))
        ours = entry_key(escaped(names.namespace) + ":" + pattern)
        seen = set()
        operations = self._operations
        theirs = operations.old.servers.all() if isinstance(operations, Beside) else []
        asked: list[tuple[int, str | bytes, RedisClient]] = [
            (beginning, ours, self._server),
            *((0, pattern, each) for each in theirs),
        ]
        for begins, match, server in asked:
            scan = Scan(server, match, max(step or _TOGETHER, 10))
            while (found := drive(scan.more())) is not None:
                for key in found:
                    made = _unescaped(key[begins:]) if begins else key.decode("utf-8", "surrogatepass")
                    if made not in seen:
                        seen.add(made)
                        yield made


def _unescaped(key: bytes) -> str:
    """A key as it was before `entry_key` wrote its braces out."""
    text = key.decode("utf-8", "surrogatepass")
    return text.replace("%7B", "{").replace("%7D", "}").replace("%25", "%")


def reverse_of(path: Any) -> Any:
    """The function that `REVERSE_KEY_FUNCTION` names."""
    return reverse_key if path in {None, "django_redis.util.default_reverse_key"} else get_key_func(path)
