"""What every ledger has to do: derive a test class and give it a `ledger`."""

# ruff: noqa: D102 - the name of a test says what it tests

from __future__ import annotations

from random import Random

import pytest

from afresh.core.ports import Ledger, Proof, Runtime
from afresh.testing.contracts.worlds import BothWorlds, DrivingWorld
from afresh.testing.reference import ReferenceLedger

A, B, C = 1, 2**63 + 11, 2**64 - 1
"""Tags: the smallest hash, one with the sign bit, the largest."""


def tags(*each: int) -> frozenset[int]:
    """A set of tags."""
    return frozenset(each)


def hashes(count: int, seed: int) -> list[int]:
    """Different hashes as they occur: spread over 64 bits."""
    random = Random(seed)
    return [random.getrandbits(64) | 1 for _ in range(count)]


class LedgerContract(BothWorlds):
    """The semantics of `core.ports.Ledger` in one process."""

    @pytest.fixture
    def ledger(self) -> Ledger:
        """A new ledger with nothing in it: override this, and close it there."""
        raise NotImplementedError

    def test_the_epoch_stays(self, ledger: Ledger, world: DrivingWorld) -> None:
        epoch = ledger.epoch
        assert isinstance(epoch, int)
        world(ledger.announce([A]))
        assert ledger.epoch == epoch

    def test_the_position_moves_only_up(self, ledger: Ledger, world: DrivingWorld) -> None:
        seen = [ledger.position()]
        for _ in range(5):
            world(ledger.announce([A]))
            seen.append(ledger.position())
        assert seen[0] >= 0
        assert seen == sorted(set(seen))

    def test_what_was_never_marked_is_proven(self, ledger: Ledger) -> None:
        position = ledger.position()
        assert ledger.prove(tags(A, B), position) == Proof(position, held=False)

    def test_nothing_depends_on_no_tags(self, ledger: Ledger, world: DrivingWorld) -> None:
        position = ledger.position()
        world(ledger.announce([A]))
        assert ledger.prove(tags(), position) == Proof(ledger.position(), held=False)

    @pytest.mark.parametrize("tag", [A, B, C])
    def test_a_mark_is_seen_when_announce_returns(
        self, ledger: Ledger, world: DrivingWorld, tag: int
    ) -> None:
        before = ledger.position()
        number = world(ledger.announce([tag]))
        assert before < number <= ledger.position()
        assert ledger.prove(tags(tag), before) is None
        assert ledger.prove(tags(tag, 77), before) is None

    def test_a_mark_concerns_what_is_older_only(self, ledger: Ledger, world: DrivingWorld) -> None:
        before = ledger.position()
        number = world(ledger.announce([A]))
        assert ledger.prove(tags(A), number - 1) is None
        proof = ledger.prove(tags(A), number)
        assert proof is not None
        assert proof.at >= number
        world(ledger.announce([B]))
        assert ledger.prove(tags(A), number) is not None
        assert ledger.prove(tags(A), before) is None

    def test_a_proof_reaches_to_where_the_ledger_stood(self, ledger: Ledger, world: DrivingWorld) -> None:
        since = ledger.position()
        world(ledger.announce([B]))
        position = ledger.position()
        assert ledger.prove(tags(A), since) == Proof(position, held=False)

    def test_a_later_proof_does_not_forget_an_earlier_mark(self, ledger: Ledger, world: DrivingWorld) -> None:
        before = ledger.position()
        world(ledger.announce([A]))
        world(ledger.announce(hashes(50, 1)))
        assert ledger.prove(tags(A), before) is None

    def test_unrelated_marks_change_nothing(self, ledger: Ledger, world: DrivingWorld) -> None:
        before = ledger.position()
        for tag in hashes(100, 2):
            world(ledger.announce([tag]))
        assert ledger.prove(tags(*hashes(20, 3)), before) is not None

    def test_every_tag_of_one_announcement_is_marked(self, ledger: Ledger, world: DrivingWorld) -> None:
        before = ledger.position()
        marked = hashes(300, 4)
        number = world(ledger.announce(marked))
        assert ledger.position() >= number
        assert [tag for tag in marked if ledger.prove(tags(tag), before) is not None] == []
        assert [tag for tag in marked if ledger.prove(tags(tag), number) is None] == []

    def test_no_tag_is_lost_among_many(self, ledger: Ledger, world: DrivingWorld) -> None:
        carried = hashes(2_000, 5)
        before = ledger.position()
        world(ledger.announce(hashes(3_000, 6)))
        world(ledger.announce([carried[1_234]]))
        world(ledger.announce(hashes(3_000, 7)))
        assert ledger.prove(frozenset(carried), before) is None

    def test_a_tag_may_be_announced_twice(self, ledger: Ledger, world: DrivingWorld) -> None:
        before = ledger.position()
        first = world(ledger.announce([A, A]))
        second = world(ledger.announce([A]))
        assert before < first < second
        assert ledger.prove(tags(A), first) is None
        assert ledger.prove(tags(A), second) is not None

    def test_blame_names_a_tag_that_was_marked(self, ledger: Ledger, world: DrivingWorld) -> None:
        before = ledger.position()
        number = world(ledger.announce([B]))
        assert ledger.blame(tags(A, B, C), before) == B
        assert ledger.blame(tags(A, B, C), number) is None

    def test_confirm_reaches_what_was_announced(self, ledger: Ledger, world: DrivingWorld) -> None:
        number = world(ledger.announce([A]))
        reached = world(ledger.confirm())
        assert number <= reached <= ledger.position()

    def test_an_intent_holds_its_tags_and_marks_nothing(self, ledger: Ledger, world: DrivingWorld) -> None:
        before = ledger.position()
        intent = world(ledger.intend([A, C], "a note"))
        assert before < intent <= ledger.position()
        for held in (tags(A), tags(C), tags(A, B)):
            proof = ledger.prove(held, before)
            assert proof is not None
            assert proof.held
        assert ledger.prove(tags(B), before) == Proof(ledger.position(), held=False)

    def test_a_cleared_intent_leaves_no_trace(self, ledger: Ledger, world: DrivingWorld) -> None:
        before = ledger.position()
        intent = world(ledger.intend([A]))
        world(ledger.settle(intent, announce=False))
        proof = ledger.prove(tags(A), before)
        assert proof is not None
        assert not proof.held

    def test_a_settled_intent_marks_its_tags(self, ledger: Ledger, world: DrivingWorld) -> None:
        before = ledger.position()
        intent = world(ledger.intend([A, B]))
        number = world(ledger.settle(intent, announce=True))
        assert intent <= number <= ledger.position()
        # What was loaded while the intent stood is marked as well: that is what the intent is for.
        for since in (before, intent):
            assert ledger.prove(tags(A), since) is None
            assert ledger.prove(tags(B), since) is None
        proof = ledger.prove(tags(A, B), ledger.position())
        assert proof is not None
        assert not proof.held

    @pytest.mark.parametrize("announce", [True, False])
    def test_each_intent_ends_alone(self, ledger: Ledger, world: DrivingWorld, announce: bool) -> None:
        first = world(ledger.intend([A, B]))
        second = world(ledger.intend([A, C]))
        assert first != second
        world(ledger.settle(first, announce=announce))
        proof = ledger.prove(tags(A), ledger.position())
        assert proof is not None
        assert proof.held
        world(ledger.settle(second, announce=announce))
        proof = ledger.prove(tags(A, B, C), ledger.position())
        assert proof is not None
        assert not proof.held

    def test_marks_of_an_intended_tag_by_others_count(self, ledger: Ledger, world: DrivingWorld) -> None:
        before = ledger.position()
        intent = world(ledger.intend([A]))
        world(ledger.announce([A]))
        world(ledger.settle(intent, announce=False))
        assert ledger.prove(tags(A), before) is None

    def test_announcements_at_the_same_time_are_all_kept(self, ledger: Ledger, world: DrivingWorld) -> None:
        before = ledger.position()
        mine = [hashes(50, seed) for seed in range(8, 12)]

        def announcer(marked: list[int]):  # type: ignore[no-untyped-def]
            async def announce(_: Runtime) -> list[int]:
                return [await ledger.announce([tag]) for tag in marked]

            return announce

        numbers = world.together(*map(announcer, mine))
        flat = [number for each in numbers for number in each]
        assert len(set(flat)) == len(flat)
        assert all(each == sorted(each) for each in numbers)
        assert [tag for each in mine for tag in each if ledger.prove(tags(tag), before) is not None] == []

    @pytest.mark.parametrize("seed", range(3))
    def test_it_never_proves_what_the_plain_log_refutes(
        self, ledger: Ledger, world: DrivingWorld, seed: int
    ) -> None:
        random, model = Random(seed), ReferenceLedger()
        known = hashes(12, seed)
        stamps = [(ledger.position(), model.position())]
        intents: list[tuple[int, int]] = []
        for _ in range(150):
            chosen = random.sample(known, random.randint(1, 3))
            what = random.random()
            if what < 0.5:
                world(ledger.announce(chosen))
                world(model.announce(chosen))
            elif what < 0.75 and len(intents) < 5:
                intents.append((world(ledger.intend(chosen)), world(model.intend(chosen))))
            elif intents:
                announce = random.random() < 0.5
                for each, intent in zip((ledger, model), intents.pop(0), strict=True):
                    world(each.settle(intent, announce=announce))
            stamps.append((ledger.position(), model.position()))
            carried = frozenset(random.sample(known, 2))
            since, model_since = random.choice(stamps[-20:])
            proof, expected = ledger.prove(carried, since), model.prove(carried, model_since)
            assert (proof is None) == (expected is None)
            if proof is not None and expected is not None:
                assert proof == (ledger.position(), expected.held)

    def test_it_can_be_closed_twice(self, ledger: Ledger) -> None:
        ledger.close()
        ledger.close()


class SharedLedgerContract(LedgerContract):
    """And what it has to do for another process, or another handle, on the same ledger."""

    @pytest.fixture
    def second(self, ledger: Ledger) -> Ledger:
        """Another handle on the same ledger: override this, and close it there."""
        raise NotImplementedError

    def test_both_have_one_epoch_and_position(
        self, ledger: Ledger, second: Ledger, world: DrivingWorld
    ) -> None:
        world(ledger.announce([A]))
        world(second.confirm())
        assert second.epoch == ledger.epoch
        assert second.position() == ledger.position()

    def test_the_other_sees_a_mark(self, ledger: Ledger, second: Ledger, world: DrivingWorld) -> None:
        before = second.position()
        number = world(ledger.announce([A, B]))
        assert world(second.confirm()) >= number
        assert second.prove(tags(A), before) is None
        assert second.prove(tags(B), before) is None
        assert second.prove(tags(C), before) is not None

    def test_the_numbers_of_both_are_one_order(
        self, ledger: Ledger, second: Ledger, world: DrivingWorld
    ) -> None:
        numbers = [world(each.announce([A])) for each in (ledger, second) * 5]
        assert numbers == sorted(set(numbers))

    def test_the_other_sees_an_intent_and_its_end(
        self, ledger: Ledger, second: Ledger, world: DrivingWorld
    ) -> None:
        before = second.position()
        intent = world(ledger.intend([A]))
        world(second.confirm())
        proof = second.prove(tags(A), before)
        assert proof is not None
        assert proof.held
        world(ledger.settle(intent, announce=True))
        world(second.confirm())
        assert second.prove(tags(A), before) is None
        assert second.prove(tags(A), second.position()) == Proof(second.position(), held=False)

    def test_both_announce_at_the_same_time(
        self, ledger: Ledger, second: Ledger, world: DrivingWorld
    ) -> None:
        before = ledger.position()
        mine, others = hashes(100, 20), hashes(100, 21)

        async def first_part(_: Runtime) -> list[int]:
            return [await ledger.announce([tag]) for tag in mine]

        async def second_part(_: Runtime) -> list[int]:
            return [await second.announce([tag]) for tag in others]

        first_numbers, second_numbers = world.together(first_part, second_part)
        assert len({*first_numbers, *second_numbers}) == 200
        for each in (ledger, second):
            world(each.confirm())
            assert [tag for tag in mine + others if each.prove(tags(tag), before) is not None] == []

    def test_closing_one_leaves_the_other(self, ledger: Ledger, second: Ledger, world: DrivingWorld) -> None:
        before = ledger.position()
        second.close()
        world(ledger.announce([A]))
        assert ledger.prove(tags(A), before) is None
