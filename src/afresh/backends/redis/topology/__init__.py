"""Where the servers are: one, a primary that sentinels name, or the nodes of a cluster."""
