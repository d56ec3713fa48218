"""The rules of HTTP caching, pure: RFC 9111 and its relatives. No clock, no input or output, no engine.

`now` is an argument everywhere: seconds since 1970. Whatever comes from outside may be malformed:
nothing here raises for it, and doubt is decided for safety.

One request goes through the rules like this::

    key = primary_key(request, settings)             # where the variants of this resource live
    variants = …                                     # each a `Stored`, beside its content
    match answer(request, variants, now=now, settings=settings):
        case Serve(): …          # send its head and content[start:stop]; refresh if it says so
        case Refuse(): …         # 504: only-if-cached
        case Forward(): …        # ask the origin with its fields
        case Validate(): …       # ask the origin with its fields, in which our conditions are

    # The origin answered a Validate with `head`; a Forward goes on below.
    freshened = validated(request, stored, head, requested_at=…, received_at=…, settings=settings)
    # 304: keep freshened.stored beside the old content unless it has a refusal, and serve() it. Else:
    failing(request, stored, now=…, settings=settings, status=head.status)    # 5xx or no answer: serve that?

    # Another answer, to be passed on and perhaps stored:
    match storable(request, head, requested_at=…, received_at=…, settings=settings):
        case Refusal(): …        # pass on what comes, unbuffered
        case Stored() as new: …  # keep the content while it is passed on, then finished(new, length)
    end_to_end(head.fields)      # what goes on to the client
    invalidates(request, head, settings)      # after POST, PUT …: what is stale now

`serve` answers the client's own conditions and ranges from what was freshened or filled this moment.
Who loads for several clients asks with `unconditional(fields)`. A stored response is in the groups that
`groups` names, and stands for the resource that `target` names: an `Invalidation` has names of both.
"""

from afresh.rfc.address import Origin, origin_of, target
from afresh.rfc.answering import answer, failing
from afresh.rfc.decisions import (
    Forward,
    Freshened,
    Invalidation,
    Refusal,
    Refuse,
    Serve,
    Validate,
    Why,
)
from afresh.rfc.fields import Fields, Pair
from afresh.rfc.forwarding import end_to_end, is_interim, unconditional, via
from afresh.rfc.invalidating import groups, invalidates
from afresh.rfc.keys import primary_key
from afresh.rfc.messages import Head, Request
from afresh.rfc.search import NoVarySearch, no_vary_search
from afresh.rfc.serving import serve
from afresh.rfc.settings import DEFAULT, Settings
from afresh.rfc.status import cache_status, with_cache_status
from afresh.rfc.stored import Stored
from afresh.rfc.storing import finished, storable
from afresh.rfc.validating import headed, validated
from afresh.rfc.vary import selects, vary_key

__all__ = [
    "DEFAULT",
    "Fields",
    "Forward",
    "Freshened",
    "Head",
    "Invalidation",
    "NoVarySearch",
    "Origin",
    "Pair",
    "Refusal",
    "Refuse",
    "Request",
    "Serve",
    "Settings",
    "Stored",
    "Validate",
    "Why",
    "answer",
    "cache_status",
    "end_to_end",
    "failing",
    "finished",
    "groups",
    "headed",
    "invalidates",
    "is_interim",
    "no_vary_search",
    "origin_of",
    "primary_key",
    "selects",
    "serve",
    "storable",
    "target",
    "unconditional",
    "validated",
    "vary_key",
    "via",
    "with_cache_status",
]
