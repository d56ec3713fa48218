"""Words of a copy's header that the machine's own ledger doesn't have.

Hits compare with `HIT`, not with BEGIN: the numbers of a copy are the server's, so nothing on this
machine may move BEGIN, and yet every hit has to look closer while something waits to be delivered,
and while a record is half written.
"""

from __future__ import annotations

from afresh.core.words import GIVEN

HIT = 16
"""BEGIN, or CLOSED while every hit has to look closer."""

HEARD = 17
"""Microseconds of the machine's clock: whatever the server had acknowledged by then is in this copy."""

PENDING = 18
"""Not 0: invalidations may wait in the spool. Another number whenever these are others."""

if min(HIT, HEARD, PENDING) <= GIVEN:
    raise ImportError("the header of core.words has grown into these words")
