"""How an entry stands in Redis: its key, its lease's, and the head that its envelope has there.

A key of ours has no braces, so entries spread over all slots of a cluster, and its lease can name it
as a whole in braces, which puts both into one slot.

A head is 10 bytes before the envelope: a mark, the stamp (8 bytes, the highest first), and whether
the value was filled (0) or put (1). A value without the mark isn't ours.
"""

from __future__ import annotations

import re
from struct import Struct
from typing import Final

PREFIX: Final = b"afresh:"
MARK: Final = b"\xa7"
HEAD: Final = 10

_FORM = Struct(">cQ?")
_ESCAPES = {ord("%"): "%25", ord("{"): "%7B", ord("}"): "%7D"}
_SPECIAL = re.compile(rb"([*?\[\]\\^])")


def entry_key(key: str) -> bytes:
    """Where the entry of a key is. Keys with one beginning keep it."""
    if "%" in key or "{" in key or "}" in key:
        key = key.translate(_ESCAPES)
    return PREFIX + key.encode("utf-8", "surrogatepass")


def lease_key(entry: bytes) -> bytes:
    """Where the lease of an entry is: in the same slot."""
    return b"afresh-lease:{%b}" % entry


def pattern(prefix: str) -> bytes:
    """What `SCAN` finds the entries by whose keys begin with `prefix`."""
    return _SPECIAL.sub(rb"\\\1", entry_key(prefix)) + b"*"


def with_head(envelope: bytes, stamp: int, *, put: bool) -> bytes:
    """What is stored."""
    return _FORM.pack(MARK, stamp, put) + envelope


def envelope_of(value: object) -> bytes | None:
    """The envelope in what was stored; `None` if that isn't ours."""
    if isinstance(value, bytes) and len(value) >= HEAD and value.startswith(MARK):
        return value[HEAD:]
    return None
