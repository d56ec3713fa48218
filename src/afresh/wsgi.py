"""`CacheMiddleware` for WSGI applications."""

from afresh.http.wsgi import CacheMiddleware

__all__ = ["CacheMiddleware"]
