"""Whose intents nobody is going to settle."""

from __future__ import annotations

from pathlib import Path

from afresh.backends.replica.owners import OVERDUE, ReplicaOwners
from afresh.testing.clock import FakeClock


def test_processes_of_one_machine_share_its_number(tmp_path: Path) -> None:
    clock = FakeClock(0.0)
    one, two = (ReplicaOwners(tmp_path / "here", clock.now) for _ in range(2))
    other, alone = ReplicaOwners(tmp_path / "there", clock.now), ReplicaOwners(None, clock.now)
    ids = [each.own() for each in (one, two, other, alone)]
    assert len(set(ids)) == 4
    assert all(0 < each < 2**63 for each in ids)
    assert ids[0] >> 32 == ids[1] >> 32
    assert len({each >> 32 for each in ids}) == 3
    assert one.own() == ids[0]
    for each in (one, two, other, alone):
        each.close()


def test_a_dead_process_of_this_machine_leaves_orphans_and_of_another_after_a_while(tmp_path: Path) -> None:
    clock = FakeClock(0.0)
    here, dying = ReplicaOwners(tmp_path / "here", clock.now), ReplicaOwners(tmp_path / "here", clock.now)
    there = ReplicaOwners(tmp_path / "there", clock.now)
    standing = [(1, here.own()), (2, dying.own()), (3, there.own())]
    assert here.orphans(standing) == set()
    dying.close()
    there.close()
    assert here.orphans(standing) == {standing[1]}
    here.bury()
    assert here.orphans(standing) == {standing[1]}
    clock.advance(OVERDUE + 1)
    assert here.orphans(standing) == set(standing)
    here.orphans([])
    assert here.orphans(standing) == {standing[1]}, "the time counts anew"
    here.close()


def test_a_child_is_another_owner(tmp_path: Path) -> None:
    for owners in (ReplicaOwners(tmp_path, lambda: 0.0), ReplicaOwners(None, lambda: 0.0)):
        before = owners.own()
        owners.after_fork()
        assert owners.own() != before
        owners.close()
