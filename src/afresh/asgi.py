"""`CacheMiddleware` for ASGI applications."""

from afresh.http.asgi import CacheMiddleware

__all__ = ["CacheMiddleware"]
