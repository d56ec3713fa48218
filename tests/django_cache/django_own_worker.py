"""Run a part of Django's own tests on our backend, in a process of their own; the results as JSON.

    python django_own_worker.py <its tests> <suite> <LOCATION> <part> <of how many>

Where its tests name one of Django's backends, they get ours.
"""

from __future__ import annotations

import io
import json
import os
import string
import sys
import unittest
from typing import Any

import django
from django.conf import settings
from django.test import SimpleTestCase, TestCase, override_settings
from django.test.runner import DiscoverRunner


def configure(location: str, apps: list[str]) -> None:
    settings.configure(
        SECRET_KEY="django_tests_secret_key",
        DATABASES={alias: {"ENGINE": "django.db.backends.sqlite3"} for alias in ("default", "other")},
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
        USE_TZ=False,
        LANGUAGE_CODE="en",
        CACHES={"default": ours(location)},
        INSTALLED_APPS=apps,
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}],
    )
    django.setup()


def ours(location: str) -> dict[str, Any]:
    # Each part has values of its own: each test ends in `clear`.
    options = {"NAMESPACE": f"part-{os.getpid()}"}
    return {"BACKEND": "afresh.django.CacheBackend", "LOCATION": location, "OPTIONS": options}


def cache_tests(location: str) -> unittest.TestSuite:
    """All tests of `tests/cache` that are of no one backend, and those of one backend on ours."""
    configure(location, ["cache"])
    from django.core.cache.backends import locmem

    from afresh.django import CacheBackend

    class InMemory(CacheBackend):
        def __init__(self, name, params):
            super().__init__(f"memory://{name}", params)

    locmem.LocMemCache = InMemory
    import cache.tests as theirs

    loader = unittest.TestLoader()
    # As Django does it for servers, since the limits of our stores are their own.
    params = theirs.caches_setting_for_tests(base=ours(location), exclude={"cull", "zero_cull"})
    on_ours = override_settings(CACHES=params)(type("OnOurs", (theirs.BaseCacheTests, TestCase), {}))
    found = [on_ours]
    if location.startswith("memory:"):
        others = (
            "DBCache",
            "CreateCacheTable",
            "PyLibMC",
            "PyMemcache",
            "FileBased",
            "Redis",
            "Dummy",
            "LocMem",
        )
        found += [
            each
            for each in vars(theirs).values()
            if isinstance(each, type)
            and issubclass(each, unittest.TestCase)
            and each.__module__ == theirs.__name__
            and not each.__name__.startswith(others)
        ]
    return unittest.TestSuite(map(loader.loadTestsFromTestCase, found))


def session_tests(location: str) -> unittest.TestSuite:
    """All that `tests/sessions_tests` asks of any kind of session, and what it asks of the one in a cache."""
    configure(location, ["django.contrib.contenttypes", "django.contrib.sessions", "sessions_tests"])
    import sessions_tests.tests as theirs

    from afresh.django.sessions import SessionStore

    def overlong(self):
        # As CacheSessionTests has it.
        self.session._session_key = (string.ascii_letters + string.digits) * 20
        assert self.session.load() == {}

    members = {"backend": SessionStore, "test_load_overlong_key": overlong}
    on_ours = type("OnOurs", (theirs.SessionTestsMixin, SimpleTestCase), members)
    middleware = override_settings(SESSION_ENGINE="afresh.django.sessions")(theirs.SessionMiddlewareTests)
    found = (on_ours, middleware)
    return unittest.TestSuite(map(unittest.TestLoader().loadTestsFromTestCase, found))


SUITES = {"cache": cache_tests, "sessions": session_tests}


def each_test(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from each_test(test)
        else:
            yield test


def main(tests: str, suite: str, location: str, part: str, parts: str) -> None:
    sys.path.insert(0, tests)
    found = sorted(each_test(SUITES[suite](location)), key=lambda test: test.id().rpartition(".")[2])
    runner = DiscoverRunner(verbosity=0)
    runner.setup_test_environment()
    databases = runner.setup_databases()
    told = io.StringIO()
    result = unittest.TextTestRunner(stream=told).run(unittest.TestSuite(found[int(part) :: int(parts)]))
    runner.teardown_databases(databases)
    failures = [*result.failures, *result.errors]
    report = {
        "ran": result.testsRun,
        "failed": {name(test): text for test, text in failures},
        "skipped": {name(test): reason for test, reason in result.skipped},
    }
    print(json.dumps(report))


def name(test: unittest.TestCase) -> str:
    """`Class.test`; of a subtest, that of its test."""
    return ".".join(getattr(test, "test_case", test).id().split(".")[-2:])


if __name__ == "__main__":
    main(*sys.argv[1:])
