"""What stands between an application and its server: ASGI's half, and WSGI's."""
