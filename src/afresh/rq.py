"""RQ: each job is a scope, and reads nothing older than what its sender had written.

::

    # worker.py, for `rq worker --worker-class worker.Worker`
    class Worker(afresh.rq.Worker):
        cache = shop.cache

    queue = afresh.rq.Queue(connection=Redis(), cache=shop.cache)    # where jobs are sent

RQ's worker forks for each job and ends the child without ceremony: what the job stored is with the
other processes before that.
"""

from __future__ import annotations

from typing import Any, ClassVar, Final

import rq
from rq.job import Job

from afresh.errors import ConfigurationError
from afresh.tasks import GivenCache, cache_of, position_of, task, token_in

META: Final = "afresh"


class Scoped:
    """What is added to a class of workers.

    Attributes:
        cache: The cache, or a function that returns it (as a `staticmethod`).
    """

    cache: ClassVar[GivenCache]

    def perform_job(self, job: Job, *arguments: Any, **named: Any) -> bool:
        """Do a job in a scope of its own."""
        with task(_cache(type(self)), token_in(job.meta.get(META))):
            done: bool = super().perform_job(job, *arguments, **named)  # type: ignore[misc]
        return done


class Worker(Scoped, rq.Worker):
    """A worker that forks."""


class SimpleWorker(Scoped, rq.SimpleWorker):
    """A worker that doesn't."""


class Queue(rq.Queue):
    """A queue whose jobs carry the sender's position.

    Args:
        cache: The sender's cache, or a function that returns it.
    """

    def __init__(self, *arguments: Any, cache: GivenCache, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._cache = cache

    def create_job(self, *arguments: Any, **named: Any) -> Job:
        """A job, as `rq.Queue` makes it."""
        job: Job = super().create_job(*arguments, **named)
        job.meta.setdefault(META, position_of(cache_of(self._cache)))
        return job


def _cache(worker: type) -> GivenCache:
    cache: GivenCache | None = getattr(worker, "cache", None)
    if cache is None:
        raise ConfigurationError(
            f"{worker.__name__}.cache is missing: write `cache = your_cache` in the class."
        )
    return cache
