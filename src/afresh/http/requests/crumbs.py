"""The cookies of a request, where all who read `Cookie` see the same ones in it.

What applications do with a header that RFC 6265 §4.2.1 doesn't allow is their framework's affair: one takes a
no-break space for white space, another a name without `=` for a cookie, the next a `;` between quotation marks
for a part of the value. A key that was made by yet another reading would give one visitor's page to
others. So only what leaves nothing to be read differently is taken apart here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_NAME = rb"[!#-:<>-~]+"
_VALUE = rb"[!#-:<-~]*"  # ASCII without white space, quotation marks and semicolons
_PAIR = rb"%s=%s" % (_NAME, _VALUE)
_PLAIN = re.compile(rb"%s(?:; ?%s)*" % (_PAIR, _PAIR))


def crumbs(lines: Sequence[bytes]) -> dict[bytes, bytes] | None:
    """The cookies by name, their values as they came; `None` where these may be others for somebody else.

    Args:
        lines: The values of `Cookie`: HTTP/2 has it in several lines (RFC 9113 §8.2.3).
    """
    if not lines:
        return {}
    whole = b"; ".join(lines)
    if not _PLAIN.fullmatch(whole):
        return None
    parts = whole.split(b";")
    found = {name.lstrip(b" "): value for name, _, value in (part.partition(b"=") for part in parts)}
    # Which of two of one name is taken is not said anywhere.
    return found if len(found) == len(parts) else None
