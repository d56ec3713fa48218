"""RESP3 over our own sockets: a pool of blocking ones, and one shared by the tasks of an event loop."""
