"""For how long a response is fresh, and how old it came (RFC 9111 §4.2)."""

from __future__ import annotations

import math

from afresh.rfc.control import Control
from afresh.rfc.dates import parse_date
from afresh.rfc.directives import delta_seconds
from afresh.rfc.messages import Head
from afresh.rfc.settings import Settings

HEURISTIC = frozenset([200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501])
"""The statuses whose responses may be kept without explicit freshness (RFC 9110 §15.1), without 206."""


def lifetime(head: Head, control: Control, *, received_at: float, settings: Settings) -> float:
    """`freshness_lifetime` in seconds (§4.2.1): the first of these that is there counts."""
    explicit = explicit_lifetime(head, control, received_at=received_at, settings=settings)
    if explicit is not None:
        return explicit
    if head.status in HEURISTIC or b"public" in control.directives:
        return _heuristic(head, control, received_at, settings)
    return 0.0


def explicit_lifetime(
    head: Head, control: Control, *, received_at: float, settings: Settings
) -> float | None:
    """What the response itself says about its lifetime, or `None` when it says nothing."""
    if settings.shared:
        shared = control.directives.seconds(b"s-maxage")
        if shared is not None:
            return shared
    plain = control.directives.seconds(b"max-age")
    if plain is not None or control.targeted:
        return plain
    return _expires(head, received_at)


def _expires(head: Head, received_at: float) -> float | None:
    """`Expires` less `Date` (§5.3). What is no date, and two that differ, mean "already expired"."""
    lines = set(head.fields.get_all(b"expires"))
    if not lines:
        return None
    expires = parse_date(lines.pop(), now=received_at)
    if lines or expires is None:
        return 0.0
    return max(0.0, expires - date_of(head, received_at))


def date_of(head: Head, received_at: float) -> float:
    """`Date`; when it is missing or wrong, the time when the response came (RFC 9110 §6.6.1)."""
    value = head.fields.get(b"date")
    date = None if value is None else parse_date(value, now=received_at)
    return math.floor(received_at) if date is None else date


def _heuristic(head: Head, control: Control, received_at: float, settings: Settings) -> float:
    """What the settings say, else a share of the time since the last modification (§4.2.2).

    Not of the latter after `Pragma: no-cache`, by which old applications mean what they forgot to say otherwise.
    """
    value = head.fields.get(b"last-modified")
    modified = None if value is None else parse_date(value, now=received_at)
    if settings.default_lifetime and head.status in HEURISTIC:
        return settings.default_lifetime
    if modified is None or (not control.directives and b"no-cache" in head.fields.members(b"pragma")):
        return 0.0
    since = date_of(head, received_at) - modified
    return max(0.0, min(settings.heuristic_cap, since * settings.heuristic_fraction))


def initial_age(head: Head, *, requested_at: float, received_at: float, settings: Settings) -> float:
    """`corrected_initial_age` (§4.2.3).

    `Date` has whole seconds, so the time of arrival is cut to them too: else a response that was
    just made would be up to a second old.
    """
    apparent = max(0.0, math.floor(received_at) - date_of(head, received_at))
    return max(apparent, _age(head, settings.strict_age) + max(0.0, received_at - requested_at))


def _age(head: Head, strict: bool) -> float:
    """The value of `Age`: of several the first; what is no number is ignored (§5.1).

    Args:
        head: A response's.
        strict: Only caches on the way write this field, and one that writes it wrongly is not to be
            trusted with the age: the response is stale.
    """
    lines = head.fields.get_all(b"age")
    if not lines:
        return 0.0
    if strict:
        age = delta_seconds(lines[0]) if len(lines) == 1 else None
        return math.inf if age is None else age
    return delta_seconds(lines[0].partition(b",")[0].strip()) or 0.0
