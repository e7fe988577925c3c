"""A thread pool in which the owner of a call runs it if no thread has started it.

It replaces concurrent.futures, because `Thread.start` in Python 3.11 to 3.14 waits forever for a
thread that has no memory to run its first line. Here nobody waits for a call that has not started.
"""

from __future__ import annotations

import atexit
import os
from _thread import LockType, allocate_lock, start_new_thread
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from weakref import finalize

if TYPE_CHECKING:
    from queue import SimpleQueue

Result = TypeVar("Result")

# One lock for each thread of a pool, locked during a call. The process exits when all are free,
# because the libraries that a call runs in must not be unloaded under it.
_in_call: list[LockType] = []


class Call(Generic[Result]):
    """A call that runs once: in a thread of a pool, or in its owner if no thread has started it.

    Whoever acquires the lock may run it. A thread releases the lock after the call; the owner never
    does.
    """

    __slots__ = ("_error", "_function", "_lock", "_process", "_result")

    def __init__(self, function: Callable[[], Result]) -> None:
        """Run nothing yet."""
        self._function: Callable[[], Result] | None = function
        self._result: list[Result] = []
        self._error: BaseException | None = None
        self._lock = allocate_lock()
        self._process = os.getpid()

    def run(self) -> None:
        """Run it in a thread of the pool, unless the owner has the lock."""
        if not self._lock.acquire(blocking=False):
            return
        try:
            if self._function is not None:
                self._result.append(self._function())
        except BaseException as error:  # noqa: BLE001 - `result` raises it in the owner's thread
            self._error = error
        finally:
            self._lock.release()

    def result(self) -> Result:
        """Return the result or raise the error; the owner may ask once."""
        function = self._function
        # a forked child inherits the calls of its parent, but not the threads
        if self._process == os.getpid():
            self._lock.acquire()
        self._function = None
        error, self._error = self._error, None
        if error is not None:
            try:
                raise error
            finally:
                del error  # its traceback refers to this frame
        if self._result:
            return self._result.pop()
        assert function
        return function()

    def cancel(self) -> None:
        """Prevent the call from starting."""
        if self._lock.acquire(blocking=False):
            self._function = None


class Pool:
    """Up to `most` threads. Each starts when a call finds the others busy, then waits for calls.

    They end when the pool is garbage collected.
    """

    def __init__(self, most: int) -> None:
        """Start no thread yet."""
        # Imported here, because it takes longer than the only prediction of many a program.
        from queue import SimpleQueue

        self._most = most
        self._started = 0
        self._queue = _Queue(SimpleQueue())
        finalize(self, self._queue.waiting.put, None).atexit = False

    def submit(self, function: Callable[[], Result]) -> Call[Result]:
        """Return a call that a thread of the pool may run.

        If the system has no more threads or no memory, it is left to its owner.
        """
        call, queue = Call(function), self._queue
        with suppress(RuntimeError, MemoryError), queue.lock:
            if queue.unfinished >= self._started < self._most:
                with suppress(RuntimeError):
                    _start(queue)
                    self._started += 1
            if self._started:
                queue.waiting.put(call)
                queue.unfinished += 1
        return call


class _Queue:
    """The calls that wait for a thread, and the number of calls that have not ended."""

    def __init__(self, waiting: SimpleQueue[Call[Any] | None]) -> None:
        self.waiting = waiting
        self.unfinished = 0
        self.lock = allocate_lock()


def _start(queue: _Queue) -> None:
    """Start a thread; raises RuntimeError if the system has no more."""
    in_call = allocate_lock()
    _in_call.append(in_call)
    try:
        start_new_thread(_serve, (queue, in_call))
    except RuntimeError:
        _in_call.remove(in_call)
        raise


def _serve(queue: _Queue, in_call: LockType) -> None:
    """Run the calls of a queue until it contains None."""
    without_memory = suppress(MemoryError)  # the owner runs the call
    while (call := queue.waiting.get()) is not None:
        with in_call, without_memory:
            call.run()
        del call  # it refers to a batch
        with queue.lock:
            queue.unfinished -= 1
    queue.waiting.put(None)
    _in_call.remove(in_call)


@atexit.register
def _wait_for_calls() -> None:
    for in_call in _in_call.copy():
        in_call.acquire()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_call.clear)
