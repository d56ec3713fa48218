"""The queues of places."""

from __future__ import annotations

from afresh.backends.memory.queues import Queue


def test_places_leave_in_the_order_of_their_arrival() -> None:
    one: dict = {}
    other: dict = {}
    queue = Queue()
    for space, index in ((one, 1), (other, 1), (one, 2)):
        queue.push(space, index)
    assert len(queue) == 3
    space, index = queue.pop()
    assert space is one
    assert index == 1
    space, index = queue.pop()
    assert space is other
    assert len(queue) == 1
