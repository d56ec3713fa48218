"""memcached: entries, leases and the log of invalidations, spoken to in its meta protocol."""
