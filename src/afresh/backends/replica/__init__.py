"""A ledger whose truth is on a server, as this machine sees it.

The server keeps the log (`remote.RemoteLog`: Redis, memcached …). Every machine keeps a copy of it in
the words of `core.log`, mapped by all its processes, so that a hit stays one comparison. One process
of the machine follows the server's log and applies it to the copy.
"""
