"""What sort of statement a text is, by its first words: what the parser isn't needed for, or fails at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

from afresh.sql.text.lexer import Token

Sort: TypeAlias = Literal["read", "write", "schema", "transaction", "session", "other", "unknown"]
"""`unknown` may do anything (a procedure, a statement nobody knows)."""

_SORTS: dict[str, Sort] = {
    **dict.fromkeys(("select", "values", "table"), "read"),
    **dict.fromkeys(("insert", "update", "delete", "replace", "merge", "truncate", "copy", "load", "refresh"), "write"),
    **dict.fromkeys(("create", "alter", "drop", "rename", "comment", "reindex", "grant", "revoke", "import"), "schema"),
    **dict.fromkeys(("begin", "start", "commit", "end", "rollback", "abort", "savepoint", "release", "prepare"), "transaction"),
    **dict.fromkeys(("set", "reset", "use", "pragma", "discard", "attach", "detach"), "session"),
    **dict.fromkeys(
        ("show", "describe", "desc", "explain", "analyze", "vacuum", "optimize", "listen", "unlisten", "notify", "lock",
         "unlock", "fetch", "close", "move", "checkpoint", "deallocate", "kill", "flush", "declare", "cluster"),
        "other",
    ),
}  # fmt: skip

_WRITING = frozenset(["insert", "update", "delete", "merge", "replace", "truncate", "into"])


def sort_of(found: Sequence[Token]) -> Sort:
    """What sort of statement these tokens are."""
    words = [token.text.lower() for token in found if token.type == "word"]
    first = next((token.text.lower() for token in found if token.text != "("), "")
    if first == "with":
        return "write" if _WRITING & set(words) else "read"
    if first == "select" and "into" in words:
        return "schema"
    if first == "prepare":  # PostgreSQL's PREPARE name AS …; PREPARE TRANSACTION is the other one
        return "transaction" if "transaction" in words[1:2] else "unknown"
    if first in {"explain", "declare"}:
        return "unknown" if _WRITING & set(words) or "call" in words or "execute" in words else "other"
    return _SORTS.get(first, "unknown")


def transaction_word(found: Sequence[Token]) -> str:
    """`begin`, `commit`, `rollback`, `savepoint`, `release`, `rollback to` or `prepare`."""
    words = [token.text.lower() for token in found if token.type == "word"]
    first = words[0]
    if first == "rollback" and "to" in words:
        return "rollback to"
    if "prepared" in words:
        return first
    return {"start": "begin", "end": "commit", "abort": "rollback"}.get(first, first)


def names_in(found: Sequence[Token]) -> set[str]:
    """Every word of a text that may be a name, in lower case and as it stands."""
    names: set[str] = set()
    for token in found:
        if token.type == "word":
            names |= {token.text, token.text.lower()}
        elif token.type in {"quoted", "string"}:
            names |= {token.text[1:-1], token.text[1:-1].lower()}
    return names
