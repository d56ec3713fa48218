"""What is said first on every connection: RESP3, who we are, which database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from afresh.backends.redis.address import Address
from afresh.backends.redis.client import Argument
from afresh.backends.redis.wire.resp import checked


def greeting(address: Address) -> list[tuple[Argument, ...]]:
    """The commands, to be sent together."""
    hello: list[Argument] = ["HELLO", 3]
    user, password = _login(address)
    if password:
        hello += ["AUTH", user or "default", password]
    commands: list[tuple[Argument, ...]] = [(*hello, "SETNAME", address.client_name)]
    if address.db:
        commands.append(("SELECT", address.db))
    return commands


def understood(replies: Sequence[Any]) -> None:
    """Look at the answers.

    Raises:
        ErrorReply: A wrong password, no such database, or a server older than Redis 6.
    """
    for reply in replies:
        checked(reply)


def _login(address: Address) -> tuple[str, str]:
    if address.credentials is None:
        return address.username, address.password
    given = address.credentials.get_credentials()
    return (given[0], given[1]) if len(given) == 2 else ("", given[0])
