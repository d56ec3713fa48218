"""What a hit costs that comes from a server: Redis or memcached."""
