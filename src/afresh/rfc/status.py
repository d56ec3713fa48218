"""The `Cache-Status` member of this cache (RFC 9211)."""

from __future__ import annotations

from afresh.rfc.decisions import Why
from afresh.rfc.fields import Fields
from afresh.rfc.structured import text_or_token


def cache_status(
    name: str,
    *,
    hit: bool = False,
    why: Why | None = None,
    status: int | None = None,
    ttl: float | None = None,
    stored: bool = False,
    collapsed: bool = False,
    key: str = "",
    detail: str = "",
) -> bytes:
    """One member of the list (§2).

    Args:
        name: The cache's.
        hit: It was answered without the origin.
        why: Why the origin was asked.
        status: What the origin answered, where that is not what the client gets.
        ttl: Seconds for which it is still fresh; negative when it is stale.
        stored: The response was stored.
        collapsed: The request waited for another's answer.
        key: The key.
        detail: A few plain words.
    """
    parts = [text_or_token(name)]
    if hit:
        parts.append("hit")
    elif why is not None:
        parts.append(f"fwd={why.value}")
        if status is not None:
            parts.append(f"fwd-status={status}")
        parts += ["stored"] * stored + ["collapsed"] * collapsed
    if ttl is not None and abs(ttl) < 10**15:
        parts.append(f"ttl={int(ttl)}")
    if key:
        parts.append(f"key={_text(key)}")
    if detail:
        parts.append(f"detail={_text(detail)}")
    return "; ".join(parts).encode("ascii")


def with_cache_status(fields: Fields, member: bytes) -> Fields:
    """The fields with this member after those of caches nearer to the origin (§2)."""
    return fields.replaced([(b"cache-status", b", ".join([*fields.get_all(b"cache-status"), member]))])


def _text(value: str) -> str:
    """A string, not a token, whatever it is: `key` and `detail` are read by people (§2.7, §2.8)."""
    text = text_or_token(value)
    return text if text.startswith('"') else f'"{text}"'
