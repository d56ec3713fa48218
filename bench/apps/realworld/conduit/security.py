"""Passwords and tokens."""

from __future__ import annotations

import hashlib
import hmac
import os
from datetime import UTC, datetime, timedelta

import jwt

SECRET = "only for this application, on this machine, for a while"
_LASTS = timedelta(days=30)


def hashed(password: str) -> str:
    """What is stored of a password."""
    salt = os.urandom(16)
    return f"{salt.hex()}${_digest(password, salt)}"


def fits(password: str, stored: str) -> bool:
    """Whether it is the password."""
    salt, _, digest = stored.partition("$")
    return hmac.compare_digest(_digest(password, bytes.fromhex(salt)), digest)


def _digest(password: str, salt: bytes) -> str:
    return hashlib.scrypt(password.encode(), salt=salt, n=2**10, r=8, p=1).hex()


def token_for(user_id: int, lasts: timedelta = _LASTS) -> str:
    """A token that says who somebody is."""
    claims = {"sub": str(user_id), "exp": datetime.now(UTC) + lasts}
    return jwt.encode(claims, SECRET, algorithm="HS256")


def user_in(token: str) -> int | None:
    """Whom a token names, if it is ours and hasn't expired."""
    try:
        return int(jwt.decode(token, SECRET, algorithms=["HS256"])["sub"])
    except (jwt.InvalidTokenError, KeyError, ValueError):
        return None
