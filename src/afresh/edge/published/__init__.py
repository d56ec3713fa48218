"""Finished pages in memcached, which nginx serves by itself, also with Python stopped."""

from __future__ import annotations

from afresh.edge.published.edge import Published
from afresh.edge.published.middleware import PublishMiddleware
from afresh.edge.published.publish import Publishing

__all__ = ["PublishMiddleware", "Published", "Publishing"]
