"""What the admin has a page for: the project's cache. There is no table."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models


class CacheOverview(models.Model):  # type: ignore[misc]  # it has no types
    """The cache, as something that staff may be allowed to view and to change."""

    key: Any = models.CharField(primary_key=True, max_length=1)

    class Meta:
        """Named in the admin by what it is."""

        managed = False
        app_label = "afresh"
        default_permissions = ("view", "change")
        verbose_name = "cache"
        verbose_name_plural: ClassVar[str] = "cache"
