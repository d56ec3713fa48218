"""Faults strike the operation they were told to, under threads, loops and the explorer."""

from __future__ import annotations

import asyncio
import threading

import pytest

from afresh.errors import BackendError, NotInvalidated
from afresh.runtime.drive import drive
from afresh.testing.explorer import explore
from afresh.testing.faults import Faults, Hangs, every_fault, failing, hanging
from afresh.testing.reference import ReferenceLedger, ReferenceStore
from afresh.testing.world import World

NEVER = float("inf")


def test_the_nth_operation_fails_and_no_other() -> None:
    faults = Faults(3)
    store = faults.on(ReferenceStore())
    assert drive(store.get("k")) is None
    drive(store.put("k", b"1", stamp=1, expires=NEVER))
    with pytest.raises(BackendError, match="injected into put"):
        drive(store.put("k", b"2", stamp=1, expires=NEVER))
    assert drive(store.get("k")) == b"1"
    assert faults.operations == ["get", "put", "put", "get"]
    assert faults.struck == 1


def test_the_answer_can_be_lost_instead() -> None:
    store = failing(ReferenceStore(), 1, after=True)
    with pytest.raises(BackendError):
        drive(store.put("k", b"1", stamp=1, expires=NEVER))
    assert drive(store.get("k")) == b"1"


def test_a_backend_can_be_gone_from_then_on() -> None:
    store = failing(ReferenceStore(), 2, onwards=True)
    drive(store.get("k"))
    for _ in range(3):
        with pytest.raises(BackendError):
            drive(store.get("k"))


def test_the_error_is_yours() -> None:
    mine = NotInvalidated("mine")
    with pytest.raises(NotInvalidated, match="mine") as caught:
        drive(failing(ReferenceLedger(), 1, mine).announce([1]))
    assert caught.value is mine
    with pytest.raises(ZeroDivisionError):
        drive(failing(ReferenceLedger(), 1, ZeroDivisionError).announce([1]))


def test_operations_of_several_parts_are_counted_together_and_by_name() -> None:
    faults = Faults(2, only={"get", "announce"})
    store, ledger = faults.on(ReferenceStore()), faults.on(ReferenceLedger())
    drive(store.get("k"))
    drive(store.flush())
    with pytest.raises(BackendError, match="announce"):
        drive(ledger.announce([1]))
    assert faults.operations == ["get", "announce"]


def test_plain_operations_count_when_asked_to() -> None:
    assert failing(ReferenceLedger(), 1).position() == 1_000
    with pytest.raises(BackendError, match="position"):
        failing(ReferenceLedger(), 1, reads=True).position()


def test_operations_are_counted_from_one() -> None:
    with pytest.raises(ValueError, match="from 1"):
        Faults(0)


def test_every_operation_of_a_scenario_fails_once() -> None:
    failed = []
    for faults in every_fault():
        store = faults.on(ReferenceStore())
        try:
            for key in ("a", "b"):
                drive(store.get(key))
                drive(store.put(key, b"1", stamp=1, expires=NEVER))
        except BackendError:
            failed.append(faults.operations[-1])
    assert failed == ["get", "put", "get", "put"]


def test_a_scenario_without_operations_is_a_mistake() -> None:
    with pytest.raises(AssertionError, match=r"faults\.on"):
        list(every_fault())


def test_a_scenario_that_grows_is_stopped() -> None:
    def grow() -> None:
        for faults in every_fault(limit=20):
            faults.struck += 1

    with pytest.raises(AssertionError, match="after 20 runs"):
        grow()


def test_a_hung_thread_goes_on_after_the_release() -> None:
    done = threading.Event()
    with Hangs(2) as hangs:
        store = hangs.on(ReferenceStore())
        assert drive(store.get("k")) is None

        def put() -> None:
            drive(store.put("k", b"1", stamp=1, expires=NEVER))
            done.set()

        thread = threading.Thread(target=put, daemon=True)
        thread.start()
        assert not done.wait(0.05)
        assert drive(store.get("k")) is None
        hangs.release()
        assert done.wait(10.0)
        thread.join()
    assert drive(store.get("k")) == b"1"


def test_a_hung_task_goes_on_after_the_release() -> None:
    async def scenario() -> None:
        with Hangs(1) as hangs:
            store = hangs.on(ReferenceStore())
            put = asyncio.create_task(store.put("k", b"1", stamp=1, expires=NEVER))  # type: ignore[arg-type]
            for _ in range(5):
                await asyncio.sleep(0)
            assert not put.done()
            assert await store.get("k") is None
        await put
        assert await store.get("k") == b"1"

    asyncio.run(scenario())


def test_a_task_that_hangs_for_good_can_be_given_up() -> None:
    async def scenario() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(hanging(ReferenceStore()).get("k"), 0.01)

    asyncio.run(scenario())


def test_a_hung_actor_is_blocked_until_the_release() -> None:
    def scenario() -> World:
        hangs, log = Hangs(1), []  # type: ignore[var-annotated]
        store = hangs.on(ReferenceStore())

        async def asks() -> None:
            await store.get("k")
            log.append("asked")

        async def releases() -> None:
            log.append("released")
            hangs.release()

        def check() -> None:
            assert log == ["released", "asked"]

        return World({"asks": asks(), "releases": releases()}, check)

    assert explore(scenario).schedules == 2
