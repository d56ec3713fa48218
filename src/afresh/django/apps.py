"""The application for INSTALLED_APPS: it only says when Django is ready to be watched."""

from __future__ import annotations

from django.apps import AppConfig

from afresh.django import checks
from afresh.django.database.capture import watch_connections
from afresh.django.project import tell_of_all_writes


class AfreshConfig(AppConfig):  # type: ignore[misc]  # it has no types
    """Watches every connection that Django opens."""

    name = "afresh.django"
    label = "afresh"
    verbose_name = "afresh"

    def ready(self) -> None:
        """Watch the connections that are open, and those that will be."""
        checks.register_all()
        watch_connections()
        tell_of_all_writes()
