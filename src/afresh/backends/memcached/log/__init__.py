"""The log of invalidations on a memcached server."""
