"""django-oscar as its documentation sets it up, with afresh beside it, and a shop's data made here."""

from __future__ import annotations

import io
import tempfile
from decimal import Decimal
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

import django
from django.conf import settings

PRODUCTS = 120
CATEGORIES = 12

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "oscar.apps.basket.middleware.BasketMiddleware",
    "django.contrib.flatpages.middleware.FlatpageFallbackMiddleware",
]
PROCESSORS = [
    "django.template.context_processors.debug",
    "django.template.context_processors.request",
    "django.template.context_processors.i18n",
    "django.contrib.auth.context_processors.auth",
    "django.contrib.messages.context_processors.messages",
    "oscar.apps.search.context_processors.search_form",
    "oscar.apps.checkout.context_processors.checkout",
    "oscar.apps.communication.notifications.context_processors.notifications",
    "oscar.core.context_processors.metadata",
]


def configure(url: str) -> None:
    """Set Django up."""
    import oscar
    from oscar import defaults

    settings.configure(
        **{name: getattr(defaults, name) for name in dir(defaults) if name.startswith("OSCAR_")},
        DATABASES={"default": _database(url)},
        INSTALLED_APPS=[*oscar.INSTALLED_APPS, "sorl.thumbnail", "afresh.django"],
        MIDDLEWARE=MIDDLEWARE,
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "APP_DIRS": True,
                "OPTIONS": {"context_processors": PROCESSORS},
            }
        ],
        AUTHENTICATION_BACKENDS=("oscar.apps.customer.auth_backends.EmailBackend",),
        HAYSTACK_CONNECTIONS={"default": {"ENGINE": "haystack.backends.simple_backend.SimpleEngine"}},
        CACHES={"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}},
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        ROOT_URLCONF=_urls(),
        SITE_ID=1,
        SECRET_KEY="bench",
        ALLOWED_HOSTS=["*"],
        STATIC_URL="/static/",
        MEDIA_URL="/media/",
        MEDIA_ROOT=tempfile.mkdtemp(prefix="afresh-oscar-"),
        LANGUAGE_CODE="en-gb",
        USE_TZ=True,
        LOGGING_CONFIG=None,
    )
    django.setup()


def _database(url: str) -> dict[str, Any]:
    place = urlsplit(url)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": place.path[1:],
        "USER": place.username,
        "HOST": place.hostname,
        "PORT": place.port,
        "CONN_MAX_AGE": None,
        "ATOMIC_REQUESTS": True,
    }


def _urls() -> Any:
    """The pages of the shop; made when they are first asked for, as applications have to be ready."""

    class Urls(ModuleType):
        @property
        def urlpatterns(self) -> list[Any]:
            from django.apps import apps
            from django.urls import include, path

            return [
                path("i18n/", include("django.conf.urls.i18n")),
                path("", include(apps.get_app_config("oscar").urls[0])),
            ]

    return Urls("bench.oscar.urls")


def fill() -> None:
    """Tables and rows."""
    from django.core.management import call_command
    from oscar.core.loading import get_model

    call_command("migrate", verbosity=0)
    kind = get_model("catalogue", "ProductClass").objects.create(name="Tools", track_stock=True)
    attributes = [
        kind.attributes.create(name=name, code=name, type="text") for name in ("size", "colour", "maker")
    ]
    root = [get_model("catalogue", "Category").add_root(name=f"Aisle {n}") for n in range(CATEGORIES // 3)]
    shelves = [each.add_child(name=f"Shelf {n} of {each.name}") for each in root for n in range(2)]
    get_model("address", "Country").objects.create(iso_3166_1_a2="GB", printable_name="UK")
    partner = get_model("partner", "Partner").objects.create(name="Maker")
    for number in range(PRODUCTS):
        _product(number, kind, attributes, shelves[number % len(shelves)], partner)


def _product(number: int, kind: Any, attributes: list[Any], shelf: Any, partner: Any) -> None:
    from oscar.core.loading import get_model

    product = get_model("catalogue", "Product").objects.create(
        title=f"Hammer no. {number}",
        upc=f"upc{number}",
        product_class=kind,
        description="It hits nails. " * 20,
        structure="standalone",
    )
    get_model("catalogue", "ProductCategory").objects.create(product=product, category=shelf)
    for each in attributes:
        product.attribute_values.create(attribute=each, value_text=f"{each.code} {number % 7}")
    product.stockrecords.create(
        partner=partner, partner_sku=f"sku{number}", price=Decimal(number + 1), num_in_stock=9
    )
    product.images.create(original=_picture(number))
    for stars in range(1, 4):
        product.reviews.create(
            score=stars, title="Fine", body="It does.", name="A", email=f"a{stars}@example.com", status=1
        )


def _picture(number: int) -> Any:
    from django.core.files.base import ContentFile
    from PIL import Image

    made = io.BytesIO()
    Image.new("RGB", (200, 200), (number % 255, 90, 90)).save(made, "PNG")
    return ContentFile(made.getvalue(), f"hammer{number}.png")


def pages() -> dict[str, str]:
    """The paths that are measured."""
    from oscar.core.loading import get_model

    product = get_model("catalogue", "Product").objects.order_by("pk")[3]
    category = get_model("catalogue", "Category").objects.order_by("depth", "path")[0]
    return {
        "catalogue": "/catalogue/",
        "category": category.get_absolute_url(),
        "product": product.get_absolute_url(),
        "reviews": f"{product.get_absolute_url()}reviews/",
    }
