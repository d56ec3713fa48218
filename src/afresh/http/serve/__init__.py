"""Hits answered before ASGI starts: `uvicorn --http afresh.http.serve:Protocol`, or `afresh serve`."""

from __future__ import annotations

from afresh.http.serve.protocol import Protocol

__all__ = ["Protocol"]
