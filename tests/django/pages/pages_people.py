"""Visitors of the pages, and what they are told."""

from __future__ import annotations

import pages_site
from django.contrib.auth.models import Permission, User
from django.contrib.contenttypes.models import ContentType
from django.test import Client


class Site:
    """The site, and which of its views ran."""

    def __init__(self):
        pages_site.runs.clear()

    @staticmethod
    def ran():
        """The paths of the views that ran since this was asked."""
        runs, pages_site.runs[:] = list(pages_site.runs), []
        return runs

    @staticmethod
    def person(name, **given):
        return User.objects.create_user(name, password="p", **given)

    @staticmethod
    def right():
        kind = ContentType.objects.get_or_create(app_label="django_shop", model="product")[0]
        return Permission.objects.get_or_create(
            codename="change_product", content_type=kind, defaults={"name": "change"}
        )[0]

    def visitor(self, name=None, **given):
        client = Client(**given)
        if name is not None:
            client.post("/sign-in/", {"name": name, "password": "p"})
            self.ran()
        return client


def status(response):
    return response.headers.get("Cache-Status", "")


def text(response):
    return response.getvalue().decode()
