"""The one Django of a process of tests: a shop's models, Django's own applications, pages."""

from __future__ import annotations

import django
from django.conf import settings

from afresh.engine.changes import capturing

ALIASES = ("default", "other")
SHOP = ("django_shop",)
CONTRIB = ("admin", "auth", "contenttypes", "messages", "sessions")

MIDDLEWARE = [
    "afresh.django.Middleware",
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
PROCESSORS = [
    "django.template.context_processors.request",
    "django.contrib.auth.context_processors.auth",
    "django.contrib.messages.context_processors.messages",
]


def configure():
    """Set Django up, unless somebody has."""
    if settings.configured:
        return
    settings.configure(
        DATABASES={alias: {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"} for alias in ALIASES},
        INSTALLED_APPS=["afresh.django", *SHOP, *(f"django.contrib.{name}" for name in CONTRIB)],
        MIDDLEWARE=MIDDLEWARE,
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "APP_DIRS": True,
                "OPTIONS": {"context_processors": PROCESSORS},
            }
        ],
        ROOT_URLCONF="pages_site",
        ALLOWED_HOSTS=["testserver", "shop.example"],
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        USE_TZ=True,
        STATIC_URL="/static/",
        SECRET_KEY="tests",
        AFRESH={"VOLATILE": ["django_shop.Product.views"], "CACHE": "memory://"},
    )
    django.setup()
    capturing._owed.clear()  # no test of something else is the first to write, and opens this project's cache
