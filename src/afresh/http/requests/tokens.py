"""When a token that a request carries expires: no write announces that, and no view says it.

A JSON Web Token (RFC 7519) says it itself, in clear. It isn't verified here: a page that was made for
a token ends with it at the latest, whatever the view thought of it.
"""

from __future__ import annotations

import binascii
import json
import math
from base64 import urlsafe_b64decode
from collections.abc import Iterable

_LONGEST = 8192  # bytes; what is longer is no token that a server takes in a field


def expiry(values: Iterable[bytes]) -> float:
    """The first moment, in seconds since 1970, at which a token in these fields or cookies expires.

    Args:
        values: `Bearer eyJ…`, `eyJ…`, or anything else, which expires never.
    """
    words = (word for value in values for word in value.split())
    return min(map(_expiry, words), default=math.inf)


def _expiry(word: bytes) -> float:
    parts = word.split(b".")
    if len(parts) != 3 or not word.startswith(b"eyJ") or len(word) > _LONGEST:  # `{"` in base 64
        return math.inf
    try:
        claims = json.loads(urlsafe_b64decode(parts[1] + b"=" * (-len(parts[1]) % 4)))
        moment = claims.get("exp", math.inf)
        return float(moment) if type(moment) in {int, float} else math.inf
    except (ValueError, AttributeError, OverflowError, RecursionError, binascii.Error):
        return math.inf
