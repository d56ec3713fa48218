"""`CacheMiddleware` for WSGI applications."""
