"""Django's cache API on ours, on Django's own backends and on django-redis, in one run."""
