"""Threads that share the jobs of a call; they wait for the next call, and the caller works too."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from threading import Event
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

Job = TypeVar("Job")


class Workers:
    """Up to `threads` threads at a time for each call, the caller's own among them.

    The others are started when a call first needs them. Calls from several threads share them, and
    none waits for another: whoever finds all of them busy does its jobs alone.
    """

    def __init__(self, threads: int) -> None:
        """Start nothing yet."""
        self.threads = threads
        self._pool: ThreadPoolExecutor | None = None
        self._pid = 0

    def share(
        self, jobs: Sequence[Job], work: Callable[[Job, Event], object], threads: int
    ) -> None:
        """Call `work` with each job, begun in order, on `threads` threads; return when all is done.

        When a job fails, none is begun after it and its error is raised. When the caller is
        interrupted, no job is begun any more and `work` finds its event set.
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
        helping = [self._asked(drain) for _ in range(helpers)]
        try:
            drain()
            for helper in helping:
                # One that has not begun by now finds nothing left to do.
                if not helper.cancel():
                    helper.result()
        except BaseException:
            left.clear()
            stopped.set()
            raise

    def _asked(self, work: Callable[[], None]) -> Future[None]:
        """Have a thread do `work`; where the system gives no more threads, it may never begin.

        The future is there before the pool is asked: one that cannot start a thread has already
        taken the work in, and may do it when the call that waited for it is long over.
        """
        from concurrent.futures import Future

        asked: Future[None] = Future()
        with suppress(RuntimeError):
            self._threads().submit(_do, asked, work)
        return asked

    def _threads(self) -> ThreadPoolExecutor:
        """Return the pool; a forked child has no threads of its parent and makes its own."""
        if self._pool is None or self._pid != os.getpid():
            # Importing it takes longer than many a program's only prediction.
            from concurrent.futures import ThreadPoolExecutor

            self._pool = ThreadPoolExecutor(self.threads - 1, thread_name_prefix="seqrt")
            self._pid = os.getpid()
        return self._pool


def _do(asked: Future[None], work: Callable[[], None]) -> None:
    """Do `work` unless it was called off."""
    if not asked.set_running_or_notify_cancel():
        return
    try:
        work()
    except BaseException as error:  # noqa: BLE001 - it is raised where the future is asked
        asked.set_exception(error)
    else:
        asked.set_result(None)


def _taken(left: deque[Job]) -> Iterator[Job]:
    """Take and yield the first job until none is left; other threads do the same."""
    while True:
        try:
            yield left.popleft()
        except IndexError:
            return
