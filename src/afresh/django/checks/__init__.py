"""What `manage.py check` says: the setting, databases, caches, the middlewares that hits skip, pages that aren't kept."""

from __future__ import annotations

from django.core import checks

from afresh.django.checks.caches import check_caches, check_sessions
from afresh.django.checks.databases import check_databases, check_setting
from afresh.django.checks.order import check_order
from afresh.django.checks.pages import check_middleware, check_obstacles, check_place


def register_all() -> None:
    """Take part in `manage.py check`."""
    about_pages = (check_order, check_middleware, check_place, check_obstacles)
    for each in (check_setting, check_databases, check_caches, check_sessions, *about_pages):
        checks.register(each)
