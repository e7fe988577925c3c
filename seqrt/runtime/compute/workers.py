"""Threads that help a caller with the jobs of a call, and then wait for the next call."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from threading import Event
from typing import TypeVar

from seqrt.runtime.compute.pool import Pool

Job = TypeVar("Job")


class Workers:
    """Up to `threads` threads for each call, the caller's own among them.

    The others start when a call first needs them. Calls from several threads share them, and none
    waits for another: a caller that finds all of them busy does its jobs alone.
    """

    def __init__(self, threads: int) -> None:
        """Start no thread yet."""
        self.threads = threads
        self._pool: Pool | None = None
        self._pid = 0

    def share(
        self, jobs: Sequence[Job], work: Callable[[Job, Event], object], threads: int
    ) -> None:
        """Call `work` with each job, started in order, on `threads` threads; wait for all of them.

        When a job fails, no further job starts and its error is raised. When the caller is
        interrupted, no further job starts and the event passed to `work` is set.
        """
        left = deque(jobs)
        stopped = Event()

        def drain() -> None:
            try:
                for job in _taken(left):
                    work(job, stopped)
            except BaseException:
                left.clear()
                raise

        helpers = min(threads, self.threads, len(jobs)) - 1
        try:
            calls = [self._threads().submit(drain) for _ in range(helpers)]
            drain()
            for call in calls:
                # One that has not started by now finds no job left.
                call.result()
        except BaseException:
            left.clear()
            stopped.set()
            raise

    def _threads(self) -> Pool:
        """Return the pool; a forked child inherits no threads, so it makes its own pool."""
        if self._pool is None or self._pid != os.getpid():
            self._pool = Pool(self.threads - 1)
            self._pid = os.getpid()
        return self._pool


def _taken(left: deque[Job]) -> Iterator[Job]:
    """Yield jobs until the queue is empty; other threads take jobs from the same queue."""
    while True:
        try:
            yield left.popleft()
        except IndexError:
            return
