"""The answer that a stored response gives to a request (RFC 9111 §4, RFC 9110 §13 to §15)."""

from __future__ import annotations

from afresh.rfc.conditions import not_modified, range_applies
from afresh.rfc.decisions import Serve
from afresh.rfc.directives import LONGEST
from afresh.rfc.fields import Fields, Pair
from afresh.rfc.messages import Head, Request
from afresh.rfc.ranges import WHOLE, parse_ranges
from afresh.rfc.stored import Stored

_SELECTING = frozenset([b"if-modified-since", b"if-none-match", b"range"])
_OF_THE_CONTENT = b"content-"
_STAYS = frozenset([b"content-location", b"content-security-policy", b"content-security-policy-report-only"])


def serve(request: Request, stored: Stored, *, now: float, refresh: bool = False) -> Serve:
    """Answer a request with a stored response: its conditions and ranges are looked at here.

    Whether the response may be used is not asked: `answer` has, or it came this moment.

    Args:
        request: The request.
        stored: A response that is `finished` and that `selects` it.
        now: Seconds since 1970.
        refresh: Carried into the answer.
    """
    head = Head(stored.head.status, Fields((*stored.head.fields.pairs, age_field(stored, now))))
    stale = now >= stored.fresh_until
    fields = request.fields
    if not [name for name, _ in fields.pairs if name in _SELECTING]:
        stop = 0 if request.method == "HEAD" else stored.length
        return Serve(stored, head, 0, stop, refresh, stale)
    if request.method in {"GET", "HEAD", "QUERY"} and not_modified(stored, fields):
        return Serve(stored, _not_modified_head(head), 0, 0, refresh, stale)
    head, start, stop = _ranged(request, stored, head)
    return Serve(stored, head, start, stop, refresh, stale)


def age_field(stored: Stored, now: float) -> Pair:
    """`Age` (RFC 9111 §5.1): whole seconds."""
    return b"age", b"%d" % int(min(float(LONGEST), stored.age(now)))


def _not_modified_head(head: Head) -> Head:
    """304 (RFC 9110 §15.4.5): what guides caches, nothing about the content that isn't there."""
    pairs = [pair for pair in head.fields if not pair[0].startswith(_OF_THE_CONTENT) or pair[0] in _STAYS]
    return Head(304, Fields(tuple(pairs)))


def _ranged(request: Request, stored: Stored, head: Head) -> tuple[Head, int, int]:
    """The head, and from where to where the content goes.

    Several ranges that don't touch get the whole, which §14.2 allows: hardly a client asks for them,
    and each wants another form of the content.
    """
    stop = 0 if request.method == "HEAD" else stored.length
    lines = request.fields.get_all(b"range")
    # §14.2: Range is for GET, and for what would be 200
    if request.method != "GET" or head.status != 200 or len(lines) != 1:
        return head, 0, stop
    if not range_applies(stored, request.fields):
        return head, 0, stop
    spans = parse_ranges(lines[0], stored.length)
    if spans is None:
        replaced = head.fields.without([b"content-type", b"content-encoding", b"etag", b"last-modified"])
        unsatisfied = (b"content-range", b"bytes */%d" % stored.length)  # §15.5.17
        return Head(416, replaced.replaced([(b"content-length", b"0"), unsatisfied])), 0, 0
    if spans is WHOLE or len(spans) > 1:
        return head, 0, stop
    start, stop = spans[0]
    part = b"bytes %d-%d/%d" % (start, stop - 1, stored.length)  # §14.4
    length = b"%d" % (stop - start)
    return (
        Head(206, head.fields.replaced([(b"content-range", part), (b"content-length", length)])),
        start,
        stop,
    )
