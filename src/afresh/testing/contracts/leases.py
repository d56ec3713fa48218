"""What leases have to do: derive a test class and give it `leases` and `second`."""

# ruff: noqa: D102 - the name of a test says what it tests

from __future__ import annotations

import time

import pytest

from afresh.core.ports import Leases, Runtime
from afresh.testing.contracts.worlds import BothWorlds, DrivingWorld

_SHORT = 0.05


class LeasesContract(BothWorlds):
    """The semantics of `core.ports.Leases`: one load at a time for each key, across processes.

    Within one process the engine's flights see to that, so only handles of different processes are
    asked to exclude each other.
    """

    patience = 20.0
    """Seconds that nobody should have to wait."""

    soon = 0.0
    """Seconds that a release may take to arrive: it is not waited for, and another connection may be faster."""

    @pytest.fixture
    def leases(self) -> Leases:
        """A handle: override this, and close it there."""
        raise NotImplementedError

    @pytest.fixture
    def second(self, leases: Leases) -> Leases:
        """A handle on the same leases, as another process has it: override this, and close it there."""
        raise NotImplementedError

    def test_one_at_a_time(self, leases: Leases, second: Leases, world: DrivingWorld) -> None:
        async def scenario(runtime: Runtime) -> None:
            held = await leases.take("k", 0.0, runtime)
            assert held is not None
            assert await second.take("k", 0.0, runtime) is None
            held.release()
            taken = await second.take("k", self.soon, runtime)
            assert taken is not None
            assert await leases.take("k", 0.0, runtime) is None
            taken.release()

        world.together(scenario)

    def test_keys_are_independent(self, leases: Leases, second: Leases, world: DrivingWorld) -> None:
        async def scenario(runtime: Runtime) -> None:
            # A few buckets may be shared by keys that differ; most may not be.
            held = [await leases.take(f"a {number}", 0.0, runtime) for number in range(20)]
            taken = [await second.take(f"b {number}", 0.0, runtime) for number in range(20)]
            assert None not in held
            assert taken.count(None) <= 2
            for lease in (*held, *taken):
                if lease is not None:
                    lease.release()

        world.together(scenario)

    def test_patience_ends(self, leases: Leases, second: Leases, world: DrivingWorld) -> None:
        async def scenario(runtime: Runtime) -> None:
            held = await leases.take("k", 0.0, runtime)
            assert held is not None
            began = time.monotonic()
            assert await second.take("k", _SHORT, runtime) is None
            assert _SHORT * 0.9 <= time.monotonic() - began < self.patience / 2
            held.release()
            # Whoever gave up left nothing behind that would keep others out.
            again = await leases.take("k", self.patience, runtime)
            assert again is not None
            again.release()
            last = await second.take("k", self.patience, runtime)
            assert last is not None
            last.release()

        world.together(scenario)

    def test_release_wakes_who_waits(self, leases: Leases, second: Leases, world: DrivingWorld) -> None:
        order: list[str] = []

        async def hold(runtime: Runtime) -> None:
            held = await leases.take("k", self.patience, runtime)
            assert held is not None
            order.append("held")
            await runtime.wait(runtime.waiter(), 2 * _SHORT)  # the other waits meanwhile
            order.append("released")
            held.release()

        async def wait(runtime: Runtime) -> float:
            while not order:
                await runtime.wait(runtime.waiter(), 0.001)
            began = time.monotonic()
            taken = await second.take("k", self.patience, runtime)
            assert taken is not None
            order.append("taken")
            taken.release()
            return time.monotonic() - began

        waited = world.together(hold, wait)[1]
        assert order == ["held", "released", "taken"]
        assert waited < self.patience / 2

    def test_of_many_one_holds_it(self, leases: Leases, second: Leases, world: DrivingWorld) -> None:
        holders: set[str] = set()
        served: list[str] = []

        async def work(name: str, mine: Leases, runtime: Runtime) -> None:
            for _ in range(5):
                lease = await mine.take("k", self.patience, runtime)
                assert lease is not None
                assert not holders, f"{name} and {holders} hold it at once"
                holders.add(name)
                await runtime.wait(runtime.waiter(), 0.001)
                holders.remove(name)
                served.append(name)
                lease.release()

        world.together(
            lambda runtime: work("first", leases, runtime), lambda runtime: work("second", second, runtime)
        )
        assert sorted(served) == ["first"] * 5 + ["second"] * 5

    def test_release_twice_frees_nobody_elses(
        self, leases: Leases, second: Leases, world: DrivingWorld
    ) -> None:
        async def scenario(runtime: Runtime) -> None:
            held = await leases.take("k", 0.0, runtime)
            assert held is not None
            held.release()
            taken = await second.take("k", self.soon, runtime)
            assert taken is not None
            held.release()
            assert await leases.take("k", 0.0, runtime) is None
            taken.release()

        world.together(scenario)

    def test_close_gives_back_what_is_held(self, leases: Leases, second: Leases, world: DrivingWorld) -> None:
        async def scenario(runtime: Runtime) -> None:
            assert await leases.take("k", 0.0, runtime) is not None
            leases.close()
            leases.close()
            taken = await second.take("k", self.patience, runtime)
            assert taken is not None
            taken.release()

        world.together(scenario)
