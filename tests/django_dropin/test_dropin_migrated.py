"""`manage.py afresh migrate-settings`: what it writes can be put into the settings and opens."""

from __future__ import annotations

import io

import pytest
from django.core.management import CommandError
from django.test import override_settings
from django.utils.module_loading import import_string

from afresh.django.dropin.migrated import PATHS
from afresh.django.management.commands.afresh import Command

PLAIN = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
THEIRS = {
    "default": {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": "redis://user:hush@a:6379/1",
        "KEY_PREFIX": "shop",
        "OPTIONS": {"COMPRESSOR": "django_redis.compressors.zlib.ZlibCompressor", "SOCKET_TIMEOUT": 5},
    },
    "old": {
        "BACKEND": "redis_cache.RedisCache",
        "LOCATION": "b:6379",
        "OPTIONS": {"DB": 2, "PASSWORD": "hush"},
    },
    "none": {"BACKEND": "redis_cache.RedisDummyCache"},
    "plain": PLAIN,
}


def written(*arguments, caches):
    with override_settings(CACHES=caches):
        out = io.StringIO()
        command = Command(stdout=out)
        parser = command.create_parser("manage.py", "afresh")
        command.handle(**vars(parser.parse_args(["migrate-settings", *arguments])))
    made: dict = {}
    exec(out.getvalue(), {"CACHES": made})
    return out.getvalue(), made


@pytest.mark.parametrize("final", [(), ("--final",)])
def test_what_is_written_opens(final):
    text, made = written(*final, caches=THEIRS)
    assert set(made) == {"default", "old", "none"}
    assert "hush" not in text
    for entry in made.values():
        import_string(entry["BACKEND"])(
            entry.get("LOCATION"), {k: v for k, v in entry.items() if k != "BACKEND"}
        )


def test_for_the_switch_one_path_changes_and_old_values_are_read():
    entry = written(caches=THEIRS)[1]["default"]
    assert entry["BACKEND"] == "afresh.django.dropin.django_redis.RedisCache"
    assert entry["OPTIONS"] == {**THEIRS["default"]["OPTIONS"], "OLD_PICKLES": [], "OLD_VALUES": True}


def test_for_good_it_is_in_our_words():
    entry = written("--final", caches=THEIRS)[1]["old"]
    assert (entry["BACKEND"], entry["LOCATION"]) == ("afresh.django.CacheBackend", "redis://b:6379/2")


def test_what_cannot_be_switched_is_said_after_the_others():
    bad = {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": "redis://a",
        "OPTIONS": {"CLIENT_CLASS": "a.B"},
    }
    with pytest.raises(CommandError, match=r"CACHES\['bad'\].*CLIENT_CLASS"):
        written(caches={"default": PLAIN, "bad": bad})


def test_nothing_to_do_is_said():
    with override_settings(CACHES={"default": PLAIN}):
        out = io.StringIO()
        command = Command(stdout=out)
        command.handle(**vars(command.create_parser("manage.py", "afresh").parse_args(["migrate-settings"])))
    assert "nothing of django-redis" in out.getvalue()


def test_each_path_leads_somewhere():
    for path in PATHS.values():
        import_string(path)
