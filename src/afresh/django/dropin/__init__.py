"""In place of django-redis 7 and django-redis-cache 3: one dotted path changes, and the settings stay.

::

    "BACKEND": "django_redis.cache.RedisCache"        # before
    "BACKEND": "afresh.django.dropin.django_redis.RedisCache"

    "BACKEND": "redis_cache.RedisCache"               # before
    "BACKEND": "afresh.django.dropin.redis_cache.RedisCache"

Neither of them needs to be installed. What they have stored is read where it is, and nothing is
written there, so that workers of both run side by side while a release is rolled out.
"""
