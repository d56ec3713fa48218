"""The settings of a shop, as django-oscar's documentation has them; SHOP_VARIANT says what is added to them.

SHOP_DATABASE and SHOP_REDIS are URLs, SHOP_MEDIA is a folder.
"""

from __future__ import annotations

import os

from oscar.defaults import *  # noqa: F403  as its documentation says

from bench.oscar.site import MIDDLEWARE as PLAIN
from bench.oscar.site import PROCESSORS, _database
from oscar import INSTALLED_APPS as OSCAR

VARIANT = os.environ.get("SHOP_VARIANT", "plain")

DATABASES = {"default": _database(os.environ["SHOP_DATABASE"])}
INSTALLED_APPS = [*OSCAR, "sorl.thumbnail"]
MIDDLEWARE = [*PLAIN]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {"context_processors": PROCESSORS},
    }
]
AUTHENTICATION_BACKENDS = (
    "oscar.apps.customer.auth_backends.EmailBackend",
    "django.contrib.auth.backends.ModelBackend",
)
HAYSTACK_CONNECTIONS = {"default": {"ENGINE": "haystack.backends.simple_backend.SimpleEngine"}}
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
if os.environ.get("SHOP_TRUTH"):
    # It keeps the addresses of categories in the memory of each process, for minutes: its processes disagree.
    CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ROOT_URLCONF = "bench.apps.oscar.urls"
WSGI_APPLICATION = "bench.apps.oscar.wsgi.application"
SITE_ID = 1
SECRET_KEY = "a shop for a measurement, of 12,000 products"
ALLOWED_HOSTS = ["127.0.0.1", "testserver"]
STATIC_URL = "/static/"
MEDIA_URL = "/media/"
MEDIA_ROOT = os.environ.get("SHOP_MEDIA", "")
LANGUAGE_CODE = "en-gb"
USE_TZ = True
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"


class _Current:
    """Tables are made as they are now, not as they came to be: that takes a tenth of the time."""

    def __contains__(self, app: str) -> bool:
        return True

    def __getitem__(self, app: str) -> None:
        return None


MIGRATION_MODULES = _Current()

if VARIANT == "afresh":
    INSTALLED_APPS += ["afresh.django"]
    MIDDLEWARE = ["afresh.django.Middleware", *MIDDLEWARE]
elif VARIANT == "cachalot":
    INSTALLED_APPS += ["cachalot"]
    CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": os.environ["SHOP_REDIS"],
        }
    }
elif VARIANT == "cacheops":
    INSTALLED_APPS += ["cacheops"]
    CACHEOPS_REDIS = os.environ["SHOP_REDIS"]
    CACHEOPS = {"*.*": {"ops": "all", "timeout": 60}}
    CACHEOPS_SERIALIZER = "bench.apps.oscar.pickles.Serializer"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"log": {"class": "logging.StreamHandler"}},
    "loggers": {"django.request": {"handlers": ["log"], "level": "ERROR"}},
}
