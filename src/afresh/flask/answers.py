"""A view's answer as a text, so that it can be kept as fragments of templates are."""

from __future__ import annotations

import json
from typing import Any

from flask import Response, current_app

from afresh.engine.asking.tracker import asking

_PARTIAL = frozenset([206, 304])
_LASTING = frozenset([404, 405, 410, 414, 451, 501])  # others are often one request's fault


def packed(response: Response) -> str:
    """The text of an answer. One that can't be another's is refused by whoever is asking for it."""
    reason = _refusal(response)
    tracker = asking()
    if reason and tracker is not None:
        tracker.refuse(reason)
    head = json.dumps([response.status_code, list(response.headers.items())])
    return f"{head}\n{response.get_data().decode('latin-1')}"


def unpacked(text: str) -> Any:
    """An answer of its own, which may be changed."""
    head, _, body = text.partition("\n")
    status, headers = json.loads(head)
    # What was filled in may be of any character; what was packed has none above U+00FF.
    content = body.encode("latin-1", "xmlcharrefreplace")
    response = current_app.response_class(content, status=status)
    response.headers.clear()
    response.headers.extend((name, value) for name, value in headers if name.lower() != "content-length")
    response.content_length = len(content)
    return response


def _refusal(response: Response) -> str:
    """Why an answer can be nobody else's, or an empty string."""
    if "Set-Cookie" in response.headers:
        return "it sets a cookie"
    control = response.cache_control
    if control.no_store or control.private:
        return "it says that it is nobody else's"
    status = response.status_code
    if status in _PARTIAL or (status >= 400 and status not in _LASTING):
        return f"the status {status}"
    if "*" in response.vary:
        return "Vary: *"
    return ""


def answer_of(value: Any) -> Response | None:
    """What a view returned, as a response; `None` if it is sent as it is made, or is a file."""
    response: Any = current_app.make_response(value)
    return None if response.is_streamed or response.direct_passthrough else response
