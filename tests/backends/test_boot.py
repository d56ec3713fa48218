"""A restart of the machine is noticed by its boot id, wherever that is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from afresh.backends.file import boot


@pytest.fixture(autouse=True)
def _afresh() -> object:
    boot.boot_digest.cache_clear()
    yield
    boot.boot_digest.cache_clear()


def test_each_boot_has_its_own_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boot, "_LINUX", tmp_path / "boot_id")
    digests = set()
    for name in ("one\n", "two\n", "one"):
        (tmp_path / "boot_id").write_text(name)
        boot.boot_digest.cache_clear()
        digests.add(boot.boot_digest())
    assert len(digests) == 2
    assert all(0 < digest < 2**64 for digest in digests)


def test_where_the_machine_has_no_name_for_it_no_restart_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boot, "_LINUX", tmp_path / "missing")
    monkeypatch.setattr(boot, "_from_sysctl", lambda: b"")
    assert boot.boot_digest() == 0


def test_a_library_without_sysctl_is_no_error() -> None:
    assert isinstance(boot._from_sysctl(), bytes)
