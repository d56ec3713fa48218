"""The same under ASGI: asynchronous views, asynchronous sessions, and the synchronous ones beside them."""

from __future__ import annotations

import asyncio

import pytest
from asgiref.sync import async_to_sync
from django.db import connection
from django.test import AsyncClient
from django.test.utils import CaptureQueriesContext
from django_shop.models import Product
from pages_people import status, text
from test_django_pages_holes import token_in


def signed_in(name):
    async def sign_in():
        client = AsyncClient()
        await client.post("/sign-in/", {"name": name, "password": "p"})
        return client

    return sign_in()


@pytest.mark.parametrize("path", ["/", "/shelf-later/"])
def test_pages(site, path):
    async def main():
        first, second = await AsyncClient().get(path), await AsyncClient().get(path)
        assert text(first) == text(second) == "hammer, saw, nail, manual"
        assert "hit" in status(second)
        await Product.objects.filter(pk=1).aupdate(name="mallet")
        assert text(await AsyncClient().get(path)) == "mallet, saw, nail, manual"

    async_to_sync(main)()
    assert site.ran() == [path] * 2


@pytest.mark.parametrize("path", ["/hello/", "/hello-later/"])
def test_people(site, path):
    site.person("ann"), site.person("bob")

    async def main():
        ann, bob = await signed_in("ann"), await signed_in("bob")
        for _ in range(2):
            for client, name in ((ann, "ann"), (bob, "bob"), (AsyncClient(), "stranger")):
                answered = await client.get(path)
                assert text(answered) == f"hello {name}"
        assert site.ran().count(path) == 3
        cookie = ann.cookies["sessionid"].value
        await ann.post("/sign-out/")
        ann.cookies["sessionid"] = cookie
        assert text(await ann.get(path)) == "hello stranger"
        return bob

    bob = async_to_sync(main)()

    async def again():
        return await bob.get(path)

    with CaptureQueriesContext(connection) as queries:
        assert "hit" in status(async_to_sync(again)())
    assert len(queries) == 1


def test_forms(site):
    async def main():
        for _ in range(2):
            client = AsyncClient(enforce_csrf_checks=True)
            answered = await client.get("/form/")
            sent = await client.post("/form/", {"name": "hammer", "csrfmiddlewaretoken": token_in(answered)})
            assert sent.status_code == 200
        await AsyncClient().get("/form/")
        assert "hit" in status(await AsyncClient().get("/form/"))

    async_to_sync(main)()


def test_many_ask_at_once_and_one_is_answered_by_the_application(site):
    async def main():
        answers = await asyncio.gather(*(AsyncClient().get("/shelf-later/") for _ in range(10)))
        assert {text(each) for each in answers} == {"hammer, saw, nail, manual"}

    async_to_sync(main)()
    assert site.ran() == ["/shelf-later/"]


class Known(AsyncClient):
    """Of whom something before Django has put what it knows into the scope."""

    def _base_scope(self, **request):
        return {**super()._base_scope(**request), "tenant": "ann", "state": {"tenant": "ann"}}


def test_what_is_in_some_scopes_only(site):
    clients = {"nobody": AsyncClient(), "somebody": Known()}
    texts = {"nobody": "tenant None", "somebody": "tenant ann"}
    names = {"nobody": "tenant False", "somebody": "tenant True"}

    async def main():
        for how in ("get", "in", "copy", "keys", "state"):
            expected = names if how in {"in", "keys"} else texts
            for order in (["nobody", "somebody"], ["somebody", "nobody"]):
                for who in order * 2:
                    answered = await clients[who].get(f"/tenant/{how}/?{order[0]}")
                    assert text(answered) == expected[who], how

    async_to_sync(main)()
    assert len(site.ran()) == 5 * 2 * 2, "each has a page of his own, which is kept"
