"""One ledger file as it is found: what is trusted, and what is said of the rest."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from afresh.backends.file.ledger import mapping as room
from afresh.backends.file.ledger.mapping import Mapping, write_new
from afresh.core import words as w
from afresh.core.words import Layout

SMALL = Layout(slots=4, ring=8, cells=4)
BOOT = 7


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "ledger-000001"
    write_new(made, SMALL, epoch=1, start=1_000, boot=BOOT, heir_of=None)
    return made


def test_a_new_file_is_complete_private_and_has_all_its_blocks(path: Path) -> None:
    found = path.stat()
    assert found.st_size == 8 * SMALL.total
    assert found.st_mode & 0o777 == 0o600
    assert found.st_blocks * 512 >= found.st_size, (
        "a word without a block would end its reader on a full disk"
    )
    mapping = Mapping(path, 1, BOOT)
    assert mapping.trouble == mapping.trouble_now() == ""
    assert mapping.alive()


def test_without_posix_fallocate_the_blocks_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "posix_fallocate")
    big = Layout(slots=16_384, ring=8, cells=1)
    write_new(tmp_path / "file", big, epoch=1, start=1_000, boot=BOOT, heir_of=None)
    found = (tmp_path / "file").stat()
    assert found.st_size == 8 * big.total
    assert found.st_blocks * 512 >= found.st_size
    assert Mapping(tmp_path / "file", 1, BOOT).trouble == ""


def test_a_full_disk_is_an_error_and_not_a_half_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "no space left")

    monkeypatch.setattr(room, "_allocate", full)
    with pytest.raises(OSError, match="no space"):
        write_new(tmp_path / "file", SMALL, epoch=1, start=1_000, boot=BOOT, heir_of=None)


@pytest.mark.parametrize("content", [b"", b"x", b"\0" * 8 * w.HEADER, os.urandom(4096), b"\xff" * 10_001])
def test_a_foreign_file_is_never_trusted_and_never_changed_in_length(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    mapping = Mapping(path, 1, BOOT)
    assert mapping.trouble
    assert not mapping.readable()
    mapping.condemn()
    mapping.shut()
    assert mapping.last_number() <= 2**53
    assert path.stat().st_size == len(content)


def test_a_file_of_another_boot_can_be_read_but_not_used(path: Path) -> None:
    mapping = Mapping(path, 1, BOOT + 1)
    assert "start" in mapping.trouble
    assert mapping.readable()


def test_a_link_is_not_followed(path: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(path)
    with pytest.raises(OSError, match=r".+"):
        Mapping(tmp_path / "link", 1, BOOT)


def test_a_file_that_went_from_its_path_is_noticed(path: Path) -> None:
    mapping = Mapping(path, 1, BOOT)
    path.rename(path.with_name("elsewhere"))
    assert "gone" in mapping.trouble_now()
    write_new(path, SMALL, epoch=2, start=1_000, boot=BOOT, heir_of=None)
    assert "another file" in mapping.trouble_now()


def test_a_condemned_file_is_said_to_be_superseded_and_a_shut_one_answers_no_hit(path: Path) -> None:
    mapping, other = Mapping(path, 1, BOOT), Mapping(path, 1, BOOT)
    mapping.log.mark([1, 2])
    other.condemn()
    assert not mapping.alive()
    assert "superseded" in mapping.trouble_now()
    assert "superseded" in Mapping(path, 1, BOOT).trouble
    other.shut()
    assert mapping.words[w.BEGIN] == w.CLOSED
    assert mapping.last_number() == 1_002, "what was given out is still known"


def test_an_heir_takes_over_the_intents(path: Path, tmp_path: Path) -> None:
    ancestor = Mapping(path, 1, BOOT)
    number = ancestor.intents.open(5, [11, 12])
    write_new(tmp_path / "heir", SMALL, epoch=2, start=2_000, boot=BOOT, heir_of=ancestor)
    heir = Mapping(tmp_path / "heir", 2, BOOT)
    assert heir.intents.find(5) == {number}
    assert heir.intents.standing(2_000).tags == {11, 12}
    write_new(tmp_path / "other", Layout(4, 8, 9), epoch=3, start=3_000, boot=BOOT, heir_of=ancestor)
    assert Mapping(tmp_path / "other", 3, BOOT).words[w.STANDING] == 0, "of other sizes it takes none"
