"""Threads that share the jobs of a call with its caller, and wait for the next call."""

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
    """Up to `threads` threads for each call, the caller's own among them.

    The others start when a call first needs them. Calls from several threads share them, and none
    waits for another: a caller that finds all of them busy does its jobs alone.
    """

    def __init__(self, threads: int) -> None:
        """Start no thread yet."""
        self.threads = threads
        self._pool: ThreadPoolExecutor | None = None
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
        helping = [self._submit(drain) for _ in range(helpers)]
        try:
            drain()
            for helper in helping:
                # One that has not started by now would find no job left.
                if not helper.cancel():
                    helper.result()
        except BaseException:
            left.clear()
            stopped.set()
            raise

    def _submit(self, work: Callable[[], None]) -> Future[None]:
        """Have a thread do `work`, which may never start if the system has no more threads.

        The future is made here and not by the pool: a pool that fails to start a thread has already
        queued the work, and may do it long after the call that waited for it.
        """
        from concurrent.futures import Future

        future: Future[None] = Future()
        with suppress(RuntimeError):
            self._threads().submit(_do, future, work)
        return future

    def _threads(self) -> ThreadPoolExecutor:
        """Return the pool; a forked child has no threads of its parent and makes its own pool."""
        if self._pool is None or self._pid != os.getpid():
            # Imported here, because it takes longer than the only prediction of many a program.
            from concurrent.futures import ThreadPoolExecutor

            self._pool = ThreadPoolExecutor(self.threads - 1, thread_name_prefix="seqrt")
            self._pid = os.getpid()
        return self._pool


def _do(future: Future[None], work: Callable[[], None]) -> None:
    """Do `work` unless its future was cancelled."""
    if not future.set_running_or_notify_cancel():
        return
    try:
        work()
    except BaseException as error:  # noqa: BLE001 - whoever asks the future for its result raises it
        future.set_exception(error)
    else:
        future.set_result(None)


def _taken(left: deque[Job]) -> Iterator[Job]:
    """Take and yield the first job until there are none; other threads take from the same queue."""
    while True:
        try:
            yield left.popleft()
        except IndexError:
            return
