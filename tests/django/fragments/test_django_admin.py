"""The cache's page in the admin."""

from __future__ import annotations

import pytest
from django.contrib import admin as contrib
from django.contrib.messages.storage.cookie import CookieStorage
from django.core.exceptions import PermissionDenied
from django.test import RequestFactory

from afresh.django import admin
from afresh.django.models import CacheOverview
from afresh.fragments import Wanted, fragments_of

pytestmark = pytest.mark.parametrize("engine", ["sqlite3"], indirect=True)


class Staff:
    """Somebody who may do some things."""

    is_active = is_staff = is_authenticated = True
    has_usable_password = staticmethod(lambda: True)

    def __init__(self, *permissions):
        self.permissions = permissions

    def has_perm(self, permission, obj=None):
        return permission in self.permissions

    def has_module_perms(self, label):
        return True

    def get_username(self):
        return "staff"

    get_short_name = get_username


VIEW, CHANGE = "afresh.view_cacheoverview", "afresh.change_cacheoverview"


@pytest.fixture
def page(cache, monkeypatch):
    monkeypatch.setattr(admin, "project_cache", lambda: cache)
    view = contrib.site.get_model_admin(CacheOverview).changelist_view

    def page(*permissions, post=None, **query):
        make = RequestFactory()
        request = make.get("/admin/", query) if post is None else make.post("/admin/", post)
        request.user = Staff(*permissions)
        request._messages = CookieStorage(request)
        response = view(request)
        if post is not None:
            assert response.status_code == 302
            return [str(each) for each in request._messages]
        return response.render().content.decode()

    return page


@pytest.fixture
def shelf(cache):
    made = []

    def render():
        fragments_of(cache).rendered(Wanted("shelf", lambda: made.append(1) or ""))
        return len(made)

    render()
    return render


def test_it_shows_what_is_kept(page, shelf, cache):
    shelf()
    shown = page(VIEW)
    assert "fragment:shelf" in shown
    assert "memory://" in shown
    assert "Drop everything" not in shown


def test_it_explains_a_key(page, cache):
    cache.set("menu", 1)
    assert "menu: fresh" in page(VIEW, key="menu")
    assert "&lt;b&gt;: miss" in page(VIEW, key="<b>")


def test_it_drops_a_fragment(page, shelf):
    assert page(CHANGE, VIEW, post={"fragment": "other"})
    assert shelf() == 1
    [said] = page(CHANGE, VIEW, post={"fragment": "shelf"})
    assert "'shelf'" in said
    assert shelf() == 2


def test_it_drops_everything(page, shelf):
    assert "Drop everything" in page(CHANGE, VIEW)
    assert "Everything was dropped" in page(CHANGE, VIEW, post={"everything": "1"})[0]
    assert shelf() == 2


def test_nothing_is_dropped_by_nothing(page, shelf):
    assert page(CHANGE, VIEW, post={}) == []
    assert shelf() == 1


@pytest.mark.parametrize(("permissions", "post"), [((), None), ((VIEW,), {"everything": "1"})])
def test_who_may_not(page, permissions, post):
    with pytest.raises(PermissionDenied):
        page(*permissions, post=post)


def test_nothing_can_be_added(page):
    own = contrib.site.get_model_admin(CacheOverview)
    assert not own.has_add_permission(None)
    assert not own.has_delete_permission(None)


def test_it_has_no_table(engine):
    assert not CacheOverview._meta.managed
