"""The shop with its pages, people who visit it, and a cache of its own for each test."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.core.management.color import no_style
from django.db import connection
from django_reads import filled
from django_world import CONTRIB
from pages_people import Site

from afresh.django import project_cache

LABELS = [name for name in CONTRIB if name != "messages"]


@pytest.fixture(scope="session")
def people_tables(engine):
    """The tables of Django's own applications."""
    call_command("migrate", verbosity=0, run_syncdb=False)


def _tables():
    return [model._meta.db_table for label in LABELS for model in apps.get_app_config(label).get_models(True)]


@pytest.fixture
def site(database, people_tables):
    """Rows, and an empty cache; `site.ran()` says which views ran since it was asked."""
    filled()
    ContentType.objects.clear_cache()
    yield Site()
    project_cache().close()
    operations = connection.ops
    flush = operations.sql_flush(no_style(), _tables(), reset_sequences=True, allow_cascade=True)
    operations.execute_sql_flush(flush)
