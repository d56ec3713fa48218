"""What people are told of a node."""

from __future__ import annotations

from afresh.backends.redis.topology.node import Node


def inspected(node: Node) -> dict[str, object]:
    """Where it is, what it is, how its breaker stands. Has no secrets."""
    hello = node.source.hello
    return {
        "node": node.name,
        "server": _text(hello.get(b"server")),
        "version": _text(hello.get(b"version")),
        "role": _text(hello.get(b"role")),
        "breaker": node.breaker.state,
        "opened": node.breaker.opened,
    }


def _text(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else ""
