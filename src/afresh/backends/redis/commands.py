"""What has to be known of a command before it is sent."""

from __future__ import annotations

from collections.abc import Sequence

from afresh.backends.redis.client import Argument, Script

_READS = (
    "GET MGET GETRANGE STRLEN EXISTS TTL PTTL EXPIRETIME TYPE HGET HMGET HGETALL HLEN HKEYS HVALS LLEN LRANGE "
    "SISMEMBER SMEMBERS SCARD ZSCORE ZRANGE ZCARD XRANGE XREVRANGE XLEN XREAD XINFO OBJECT MEMORY SCAN HSCAN SSCAN "
    "ZSCAN DBSIZE PING TIME INFO ROLE ECHO LASTSAVE EVAL_RO EVALSHA_RO"
)
READS: frozenset[object] = frozenset(
    form for name in _READS.split() for form in (name, name.lower(), name.encode(), name.lower().encode())
)
"""Commands that change nothing: one whose answer was lost may be sent again."""

_SCRIPTS = frozenset({"EVAL", "EVALSHA", "EVAL_RO", "EVALSHA_RO", b"EVAL", b"EVALSHA"})


def key_of(command: Sequence[Argument | Script]) -> Argument | None:
    """What decides where a command goes: its first key, as far as one can tell."""
    name = command[0]
    if isinstance(name, Script):
        where = 2
    elif name in _SCRIPTS:
        where = 3
    else:
        where = 1
    if len(command) <= where:
        return None
    key = command[where]
    return None if isinstance(key, Script) else key


def written(command: Sequence[Argument | Script], *, known: bool = True) -> tuple[Argument, ...]:
    """A command as it is sent: a script by its digest, or by its text for a server that may not know it."""
    first = command[0]
    rest: tuple[Argument, ...] = tuple(command[1:])  # type: ignore[arg-type]
    if not isinstance(first, Script):
        return (first, *rest)
    return ("EVALSHA", first.digest, *rest) if known else ("EVAL", first.source, *rest)


def is_safe(command: Sequence[Argument | Script]) -> bool:
    """Whether sending it twice does what sending it once does."""
    first = command[0]
    return first.safe if isinstance(first, Script) else first in READS
