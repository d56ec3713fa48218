"""The cache's page in the admin: what is kept, what it saves, what is known of a key, and a way to drop it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponseRedirect
from django.template.response import TemplateResponse

from afresh.django.models import CacheOverview
from afresh.django.project import place_of_project, project_cache
from afresh.errors import AfreshError
from afresh.fragments import fragments_of


@admin.register(CacheOverview)
class CacheAdmin(admin.ModelAdmin):  # type: ignore[misc]  # it has no types
    """One page, in the place of a list of objects."""

    def has_add_permission(self, request: Any) -> bool:
        """There is one cache."""
        return False

    def has_delete_permission(self, request: Any, obj: Any = None) -> bool:
        """It stays."""
        return False

    def changelist_view(self, request: Any, extra_context: Any = None) -> Any:
        """The page; a POST drops something."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        if request.method == "POST":
            return self._drop(request)
        cache = project_cache()
        stats = cache.stats()
        key = request.GET.get("key", "").strip()
        context = {
            **self.admin_site.each_context(request),
            "title": "Cache",
            "stats": stats,
            "sites": sorted(
                (site for site in stats.sites if site.hits or site.misses or site.entries),
                key=lambda site: -site.saved_seconds,
            ),
            "place": place_of_project().why,
            "key": key,
            "explanation": cache.explain(key) if key else None,
            "may_change": self.has_change_permission(request),
            "opts": self.opts,
        }
        return TemplateResponse(request, "admin/afresh/cache.html", context)

    def _drop(self, request: Any) -> Any:
        if not self.has_change_permission(request):
            raise PermissionDenied
        fragment = request.POST.get("fragment", "").strip()
        try:
            if fragment:
                fragments_of(project_cache()).invalidate(fragment)
                messages.success(request, f"The fragments {fragment!r} were dropped, in every process.")
            elif "everything" in request.POST:
                project_cache().clear()
                messages.success(request, "Everything was dropped, in every process.")
        except AfreshError as error:
            messages.error(request, str(error))
        return HttpResponseRedirect(request.path)
