"""What is changed about an answer, beyond what the rules do: a validator, its life, what it depends on."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from hashlib import blake2b

from afresh.http.requests.reading import of_the_visitor
from afresh.rfc import Fields, Head, Request, Stored, vary_key

_OPEN = (b"public", b"s-maxage")
_TARGETED = (b"cdn-cache-control", b"surrogate-control", b"x-accel-expires")


def with_etag(stored: Stored, body: bytes) -> Stored:
    """An answer without a validator gets one: a digest of its content."""
    fields = stored.head.fields
    if b"etag" in fields or b"last-modified" in fields or stored.head.status != 200:
        return stored
    etag = b'"%b"' % blake2b(body, digest_size=12).hexdigest().encode()
    return replace(stored, head=replace(stored.head, fields=fields.replaced([(b"etag", etag)])))


def without_cookies(head: Head, names: Collection[bytes]) -> Head:
    """The head without the `Set-Cookie` lines of these cookies."""
    if not names:
        return head
    kept = [
        (name, value)
        for name, value in head.fields
        if name != b"set-cookie" or value.partition(b"=")[0].strip() not in names
    ]
    return Head(head.status, Fields(tuple(kept)))


def clearing(fields: Fields, kinds: Iterable[str]) -> Fields:
    """The fields, with which the browser forgets what it has of the site, unless they say it themselves."""
    if b"clear-site-data" in fields:
        return fields
    return Fields((*fields.pairs, (b"clear-site-data", ", ".join(f'"{kind}"' for kind in kinds).encode())))


def capped(stored: Stored, soft: float) -> Stored:
    """An answer is no longer fresh than the values that it was made from."""
    if soft >= stored.fresh_until:
        return stored
    lifetime = max(0.0, soft - stored.received_at + stored.initial_age)
    return replace(stored, lifetime=lifetime, stale_while_revalidate=0.0)


def depending(
    stored: Stored,
    names: Iterable[bytes],
    request: Request,
    *,
    finer: Iterable[str],
    excused: Collection[bytes] = (),
) -> Stored:
    """An answer depends on the fields that were read, whether its `Vary` says so or not.

    Args:
        stored: The answer.
        names: The fields.
        request: The request that it answers.
        finer: What else was read. Where that is a part of the key, a `Vary: Cookie` need not mean all
            cookies, unless all were read.
        excused: Names in its `Vary` that mean nothing here.
    """
    names = set(names)
    declared = set(stored.vary).difference(excused)
    if of_the_visitor(finer) and b"cookie" not in names:
        declared.discard(b"cookie")
    vary = tuple(sorted(names | declared))
    return replace(stored, vary=vary, selected=vary_key(vary, request))


def outward(fields: Fields, names: Iterable[bytes], reads: Collection[str]) -> Fields:
    """The fields as others may see them, who know nothing of what was read: `Vary`, and `private`.

    Args:
        fields: The answer's.
        names: Fields of the request that it depends on.
        reads: What else it depends on.
    """
    said = {name.lower() for name in fields.members(b"vary")}
    needed = set(names)
    reads = of_the_visitor(reads)
    if any(read != "client" for read in reads):
        needed.add(b"cookie")
    more = sorted(needed - said)
    if more and b"*" not in said:
        fields = Fields((*fields.pairs, (b"vary", b", ".join(more))))
    return closed(fields) if reads else fields


def closed(fields: Fields) -> Fields:
    """For one visitor: no cache on the way may give it to another."""
    old = [each.strip() for line in fields.get_all(b"cache-control") for each in line.split(b",")]
    kept = [each for each in old if each and not each.lower().startswith((*_OPEN, b"private"))]
    return fields.without(_TARGETED).replaced([(b"cache-control", b", ".join([b"private", *kept]))])
