"""Why an answer that the RFCs would let a cache store isn't."""

from __future__ import annotations

from afresh.http.options import Options
from afresh.rfc import Head, Stored

LASTING = frozenset([404, 405, 410, 414, 451, 501])
"""Errors that say something of the resource. Others are often one request's fault, or one moment's."""

_ENDLESS = (b"text/event-stream", b"multipart/x-mixed-replace")


def unkept(head: Head, stored: Stored, options: Options) -> str:
    """The reason, or an empty string.

    Args:
        head: Of the answer.
        stored: What the rules would store of it.
        options: The settings for its path.
    """
    if (head.fields.get(b"content-type") or b"").lower().startswith(_ENDLESS):
        return "it has no end"  # nobody should wait for it
    length = head.fields.get(b"content-length") or b""
    if length.isdigit() and int(length) > options.max_body:
        return "it is too long"
    if clears(head, options):
        return "it has the browser forget the site"
    if head.status >= 400 and not (options.errors or stored.open or head.status in LASTING):
        return f"the status {head.status}"
    return ""


def clears(head: Head, options: Options) -> bool:
    """Whether browsers are to forget the site, since visitors sign out here."""
    return bool(options.clear_site_data) and head.status < 400
