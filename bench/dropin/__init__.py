"""A warm store of django-redis, or of django-redis-cache, is switched to ours under load, worker by worker."""
