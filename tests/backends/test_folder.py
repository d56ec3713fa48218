"""Where `Cache()` lives, and which places are refused."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from afresh.backends.file import folder as room
from afresh.backends.file.folder import file_system, ledger_folder, machine_folder
from afresh.errors import ConfigurationError


@pytest.fixture(autouse=True)
def _private_temporary_folder(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)


def named(folder: Path) -> dict[str, str]:
    return {"AFRESH_DIR": str(folder)}


def test_the_folder_that_is_named_is_made_private(tmp_path: Path) -> None:
    wanted = tmp_path / "a" / "b"
    assert machine_folder(tmp_path, named(wanted)) == wanted
    assert wanted.stat().st_mode & 0o777 == 0o700
    assert machine_folder(tmp_path, named(wanted)) == wanted, "and found again"


def test_otherwise_each_application_has_its_own_in_the_users_state_folder(tmp_path: Path) -> None:
    environ = {"XDG_STATE_HOME": str(tmp_path)}
    shop = machine_folder(Path("/srv/one/my shop"), environ)
    other = machine_folder(Path("/srv/two/my shop"), environ)
    assert shop.parent == other.parent == tmp_path / "afresh"
    assert shop.name.startswith("my-shop-")
    assert shop != other
    assert machine_folder(Path("/srv/one/../one/my shop"), environ) == shop
    assert machine_folder(Path("/"), environ).name.startswith("application-")


def test_without_any_setting_it_is_below_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for environ in ({}, {"XDG_STATE_HOME": "relative"}):
        assert machine_folder(tmp_path, environ).is_relative_to(tmp_path / ".local" / "state" / "afresh")


def test_a_folder_open_to_others_is_refused_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir(mode=0o755)
    (tmp_path / "open").chmod(0o755)
    with pytest.raises(ConfigurationError, match="chmod 700"):
        machine_folder(tmp_path, named(tmp_path / "open"))


def test_a_folder_in_a_place_where_anyone_may_exchange_it_is_refused(tmp_path: Path) -> None:
    public = tmp_path / "public"
    public.mkdir()
    public.chmod(0o777)
    with pytest.raises(ConfigurationError, match="exchange"):
        machine_folder(tmp_path, named(public / "mine"))
    public.chmod(0o1777)
    machine_folder(tmp_path, named(public / "mine"))


def test_a_link_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(ConfigurationError, match="symbolic link"):
        machine_folder(tmp_path, named(tmp_path / "link"))
    assert machine_folder(tmp_path, named(tmp_path / "link" / "inner")), (
        "a link of one's own further up is fine"
    )


def test_somebody_elses_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine").mkdir(mode=0o700)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(ConfigurationError, match="belongs to user"):
        machine_folder(tmp_path, named(tmp_path / "mine"))


def test_a_file_in_the_way_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="AFRESH_DIR"):
        machine_folder(tmp_path, named(tmp_path / "file" / "inner"))


@pytest.mark.parametrize(
    "kind", ["nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs", "fuse.s3fs", "virtiofs", "ceph"]
)
def test_network_file_systems_are_refused(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(f"/dev/a / ext4 rw 0 0\nserver:/x {tmp_path} {kind} rw 0 0\n")
    monkeypatch.setattr(room, "_MOUNTS", mounts)
    with pytest.raises(ConfigurationError, match="network file system"):
        machine_folder(tmp_path, named(tmp_path / "mine"))


@pytest.mark.parametrize(
    "kind", ["ext4", "xfs", "btrfs", "tmpfs", "overlay", "apfs", "zfs", "fuse.fuse-overlayfs"]
)
def test_local_file_systems_are_fine(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(f"server:/x / nfs rw 0 0\n/dev/a {tmp_path} {kind} rw 0 0\n")
    monkeypatch.setattr(room, "_MOUNTS", mounts)
    machine_folder(tmp_path, named(tmp_path / "mine"))


def test_the_innermost_and_latest_mount_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "with blank"
    place.mkdir()
    escaped = str(place).replace(" ", "\\040")
    mounts = tmp_path / "mounts"
    mounts.write_text(
        f"a / ext4 rw 0 0\nb {escaped} xfs rw 0 0\nc {escaped} nfs rw 0 0\nd {tmp_path}/wit tmpfs rw 0 0\n"
    )
    monkeypatch.setattr(room, "_MOUNTS", mounts)
    assert file_system(place) == "nfs"
    assert file_system(tmp_path) == "ext4"
    monkeypatch.setattr(room, "_MOUNTS", tmp_path / "missing")
    assert file_system(place) == ""


def test_windows_is_told_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(ConfigurationError, match="Windows has no flock"):
        machine_folder(tmp_path, {})


def test_a_ledgers_copy_has_one_folder_for_all_applications(tmp_path: Path) -> None:
    environ = {"XDG_STATE_HOME": str(tmp_path)}
    folder = ledger_folder("redis://localhost:6379/0 0", environ)
    assert folder.parent == tmp_path / "afresh"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert ledger_folder("redis://localhost:6379/0 0", environ) == folder
    assert ledger_folder("redis://localhost:6379/1 1", environ) != folder
    assert ledger_folder("redis://localhost:6379/0 0", named(tmp_path / "mine")).parent == tmp_path / "mine"
