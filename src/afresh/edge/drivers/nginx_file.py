"""One file of nginx's `proxy_cache`: which page it is, by which names it can be purged, and how to make it stale.

Layout of nginx 1.11.10 and later on 64-bit machines (`ngx_http_file_cache_header_t`, version 5)::

    0   version       8   valid until    16  stale-while-revalidate   24  stale-if-error
    32  last modified 40  date           48  checksum of the key, milliseconds, where header and body begin

then, after other fields, a line `KEY: …` and the answer's head as it came.
"""

from __future__ import annotations

import os
import re
import struct
from pathlib import Path
from typing import NamedTuple

_VERSION = 5
_HEAD = 24_576  # bytes in which the key and the head have to be found
_VALID_UNTIL = 8
_KEY = re.compile(rb"\nKEY: ([^\n]*)\n")
_FIELD = re.compile(rb"\r\n(surrogate-key|x-afresh-stamp):[ \t]*([^\r\n]*)", re.IGNORECASE)


class Kept(NamedTuple):
    """What is known of a file.

    Attributes:
        key: The key of the page, as nginx's configuration makes it.
        names: The outward names that it carries.
        stamp: The position of the ledger at which it was made; 0 where it doesn't say.
    """

    key: str
    names: frozenset[str]
    stamp: int


def read(path: Path) -> Kept | None:
    """What is known of a file; `None` if it isn't one of nginx's, or is gone."""
    try:
        with path.open("rb") as file:
            data = file.read(_HEAD)
    except OSError:
        return None
    found = _KEY.search(data)
    if found is None:
        return None
    head = data[found.end() :].partition(b"\r\n\r\n")[0]
    fields = {name.lower(): value for name, value in _FIELD.findall(head)}
    stamp = fields.get(b"x-afresh-stamp", b"")
    return Kept(
        found[1].decode("latin-1"),
        frozenset(fields.get(b"surrogate-key", b"").decode("latin-1").split()),
        int(stamp) if stamp.isdigit() else 0,
    )


def make_stale(path: Path, now: float) -> bool:
    """Make a file's page stale from now on: it is served as its `stale-…` allow, counted from now.

    Says whether that could be done.
    """
    try:
        with path.open("r+b") as file:
            version, until = struct.unpack("=Qq", file.read(16))
            if version != _VERSION:
                return False
            if until >= now:
                os.pwrite(file.fileno(), struct.pack("=q", int(now) - 1), _VALID_UNTIL)
    except (OSError, struct.error):
        return False
    return True
