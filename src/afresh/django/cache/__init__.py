"""A backend for Django's own cache API (`django.core.cache`), on any of this package's stores."""
