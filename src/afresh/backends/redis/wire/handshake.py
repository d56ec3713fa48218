"""What is said first on every connection: RESP3, who we are, which database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from afresh.backends.redis.address import Address
from afresh.backends.redis.client import Argument, ErrorReply


def greeting(address: Address) -> list[tuple[Argument, ...]]:
    """The commands, to be sent together."""
    user, password = _login(address)
    login: tuple[Argument, ...] = ("AUTH", user or "default", password) if password else ()
    name: tuple[Argument, ...] = ("SETNAME", address.client_name) if address.client_name else ()
    commands: list[tuple[Argument, ...]] = [("HELLO", 3, *login, *name)]
    if address.db:
        commands.append(("SELECT", address.db))
    return commands


def understood(replies: Sequence[Any]) -> dict[bytes, Any]:
    """Look at the answers, and return what the server says of itself.

    Raises:
        ErrorReply: A wrong password, no such database, or a server older than Redis 6.
    """
    for reply in replies:
        if isinstance(reply, ErrorReply):
            raise ErrorReply(_explained(reply)) from None
    hello: dict[bytes, Any] = replies[0]
    return hello


def _explained(reply: ErrorReply) -> str:
    """What to tell of a refusal. An old server repeats the command's arguments, the password among them."""
    text = str(reply)
    if "unknown command" in text.lower() or reply.code == "NOPROTO":
        return "NOPROTO the server doesn't speak RESP3: afresh needs Redis 6, Valkey 7.2, or later"
    return text


def _login(address: Address) -> tuple[str, str]:
    if address.credentials is None:
        return address.username, address.password
    given = address.credentials.get_credentials()
    return (given[0], given[1]) if len(given) == 2 else ("", given[0])
