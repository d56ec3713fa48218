"""Random visitors and random changes: each page is what the application answers that has no cache."""

from __future__ import annotations

import random
import re

from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client, override_settings
from django_shop.models import Product
from pages_people import status, text

from sizes import seed, size

PATHS = ["/", "/product/1/", "/product/2/", "/hello/", "/rights/", "/theme/", "/colour/", "/form/", "/notes/"]
_TOKEN = re.compile(r'value="[A-Za-z0-9]{64}"')


def plain(response):
    return response.status_code, _TOKEN.sub("", text(response))


def uncached():
    client = Client()
    with override_settings(MIDDLEWARE=settings.MIDDLEWARE[1:]):
        client.handler.load_middleware()
    return client


class World:
    def __init__(self, site, chosen):
        self.site, self.chosen = site, chosen
        self.people = [site.person("ann"), site.person("bob")]
        self.visitors = {name: site.visitor() for name in ("ann", "bob", "eve", "nobody")}
        self.oracle = uncached()
        self.hits = 0

    def ask(self):
        visitor, path = self.chosen.choice(list(self.visitors.values())), self.chosen.choice(PATHS)
        self.oracle.cookies.clear()
        for name, morsel in visitor.cookies.items():
            if name != "messages":
                self.oracle.cookies[name] = morsel.value
        visitor.cookies.pop("messages", None)
        expected, got = plain(self.oracle.get(path)), visitor.get(path)
        self.hits += "hit" in status(got)
        assert plain(got) == expected, (path, status(got), got.headers, visitor.cookies.output())

    def change(self):
        chosen = self.chosen
        person, visitor = chosen.choice(["ann", "bob"]), chosen.choice(list(self.visitors.values()))
        name = f"n{chosen.randrange(100)}"
        chosen.choice(
            [
                lambda: Product.objects.filter(pk=chosen.choice([1, 2])).update(name=name),
                lambda: Product.objects.bulk_update(
                    [Product(pk=1, name=name), Product(pk=2, name=name)], ["name"]
                ),
                lambda: self.sql("UPDATE django_shop_product SET name = %s WHERE id = %s", [name, 1]),
                lambda: Product.objects.create(slug=name + str(chosen.random()), name=name),
                lambda: self.visitors[person].post("/sign-in/", {"name": person, "password": "p"}),
                lambda: visitor.post("/sign-out/"),
                lambda: visitor.get(f"/remember/{name}/"),
                lambda: visitor.cookies.load({"theme": chosen.choice(["dark", "light"])}),
                lambda: self.right(person),
                lambda: self.sql("UPDATE auth_user SET username = username", []),
            ]
        )()

    def right(self, person):
        rights = User.objects.get(username=person).user_permissions
        rights.clear() if rights.exists() else rights.add(self.site.right())

    @staticmethod
    def sql(text, parameters):
        with connection.cursor() as cursor:
            cursor.execute(text, parameters)


def test_every_page_is_what_it_would_be(site):
    world = World(site, random.Random(seed()))
    rounds = size(60, 5000)
    for _ in range(rounds):
        for _ in range(6):
            world.ask()
        world.change()
    assert world.hits > rounds
