"""`SESSION_ENGINE = "afresh.django.sessions"`: sessions that no cache can lose, and that end everywhere at once.

They are in a place of their own (see `afresh.sessions`): `AFRESH = {"SESSIONS": "redis://…"}`, else beside
the cache that `SESSION_CACHE_ALIAS` names, else in a file of this machine.
"""

from afresh.django.sessions.store import SessionStore

__all__ = ["SessionStore"]
