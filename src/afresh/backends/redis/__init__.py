"""Redis and Valkey: entries, leases and the log of invalidations on one server, or on several.

`wire` speaks RESP3, `topology` knows where servers are, `scripts` run on them; `store`, `leases` and
`log` are what the engine asks for.
"""
