"""The rules of HTTP caching, pure: RFC 9111 and its relatives. No clock, no input or output, no engine.

`now` is an argument everywhere: seconds since 1970. Whatever comes from outside may be malformed:
nothing here raises for it, and doubt is decided for safety.

One request goes through the rules like this::

    key = primary_key(request, settings)             # where the variants of this resource live
    variants = …                                     # each a `Stored`, beside its body
    match answer(request, variants, now=now, settings=settings):
        case Serve(stored, head, start, stop): …     # send head and body[start:stop]; refresh if told so
        case Refuse(head): …                         # 504: only-if-cached
        case Forward(why, detail, fields): …         # ask the origin with these fields
        case Validate(stored, fields, why, fallback): …     # ask the origin with our conditions in them

    # the origin answered with `head`:
    match validated(validate, head, requested_at=…, received_at=…, settings=settings):   # after Validate
        case Stored() as freshened: …                # 304: keep the old body, store this beside it
        case Serve() as fallback: …                  # the origin failed: send the old response
        case None: …                                 # another response: go on as below
    match storable(request, head, requested_at=…, received_at=…, settings=settings):
        case Refusal(reason, section): …             # pass on what comes, unbuffered
        case Stored() as stored: …                   # keep the body, then stored.finished(length)
    outgoing(request, head)                          # the head without fields of the connection
    invalidates(request, head, settings)             # after POST, PUT …: whose keys and groups are stale now

After a 304 or a fill, `serve(request, stored, now=…, settings=…)` answers this client's own
conditions and ranges. `cache_status(…)` writes the `Cache-Status` member.
"""
