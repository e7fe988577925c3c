"""A thread pool whose calls fall back to their owner when no thread has started them.

It replaces concurrent.futures, because `Thread.start` in Python 3.11 to 3.14 waits forever for a
thread that finds no memory for its first line. Here nobody waits for a call that has not started.
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

    Whoever gets the lock may run it. A thread releases the lock when the call is over; the owner
    keeps it.
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
        # a forked child has the calls of its parent, but none of the threads
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
    """Up to `most` threads. Each starts when a call finds the others busy, and waits for the next.

    They end when the pool is no longer in use.
    """

    def __init__(self, most: int) -> None:
        """Start no thread yet."""
        # Imported here, because it takes longer than the only prediction of many a program.
        from queue import SimpleQueue

        self._most = most
        self._started = 0
        self._line = _Line(SimpleQueue())
        finalize(self, self._line.waiting.put, None).atexit = False

    def submit(self, function: Callable[[], Result]) -> Call[Result]:
        """Return a call that a thread of the pool may run.

        If the system has no more threads or no memory, it is left to its owner.
        """
        call, line = Call(function), self._line
        with suppress(RuntimeError, MemoryError), line.lock:
            if line.unfinished >= self._started < self._most:
                with suppress(RuntimeError):
                    _start(line)
                    self._started += 1
            if self._started:
                line.waiting.put(call)
                line.unfinished += 1
        return call


class _Line:
    """The calls that wait for a thread, and the number of calls that are not over."""

    def __init__(self, waiting: SimpleQueue[Call[Any] | None]) -> None:
        self.waiting = waiting
        self.unfinished = 0
        self.lock = allocate_lock()


def _start(line: _Line) -> None:
    """Start a thread; raises RuntimeError if the system has no more."""
    in_call = allocate_lock()
    _in_call.append(in_call)
    try:
        start_new_thread(_serve, (line, in_call))
    except RuntimeError:
        _in_call.remove(in_call)
        raise


def _serve(line: _Line, in_call: LockType) -> None:
    """Run the calls of a line until it contains None."""
    without_memory = suppress(MemoryError)  # the owner runs the call
    while (call := line.waiting.get()) is not None:
        with in_call, without_memory:
            call.run()
        del call  # it refers to a batch
        with line.lock:
            line.unfinished -= 1
    line.waiting.put(None)
    _in_call.remove(in_call)


@atexit.register
def _wait_for_calls() -> None:
    for in_call in _in_call.copy():
        in_call.acquire()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_call.clear)
