"""Ctrl-C and SIGTERM: the stack unwinds, and a network in training finishes its step first."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from _thread import interrupt_main, start_new_thread
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any, Final, NoReturn

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

EXIT_CODES: Final = {signal.SIGINT: 130, signal.SIGTERM: 143}

_SECONDS_BEFORE_RESENDING = 0.01

_Handler = Callable[[int, FrameType | None], None]


@contextmanager
def exit_on_signal() -> Iterator[list[int]]:
    """Exit with the code of a signal through every `finally`, so that no partial file remains.

    Yields a list to which each signal is added on arrival: an import interrupted by one may turn
    the exception raised here into an ImportError.

    Ctrl-C raises SystemExit too. Python remembers a KeyboardInterrupt that interrupts an `exec`, as
    in the import of a namedtuple, and later ends the process by the signal, whatever its exit code.
    """
    received: list[int] = []

    def handle(number: int, frame: FrameType | None) -> None:
        received.append(number)
        _exit(number, frame)

    with _handling(handle), _resending_dropped():
        yield received


@contextmanager
def finish_step_on_signal(stop: Callable[[], None]) -> Iterator[None]:
    """Call `stop` at the first signal and exit at the end of the block; a second one exits at once.

    A signal that the shell has us ignore, as it does for a background job, stays ignored.
    """
    received: list[int] = []

    def handle(number: int, frame: FrameType | None) -> None:
        if received:
            _exit(number, frame)
        received.append(number)
        stop()

    with _handling(handle):
        yield
    if received:
        _exit(received[0], None)


@contextmanager
def delay_signals() -> Iterator[None]:
    """Delay the first signal to the end of the block; a second one acts at once."""
    received: list[int] = []

    def delay(number: int, frame: FrameType | None) -> None:
        if received and callable(handler := before[signal.Signals(number)]):
            handler(number, frame)
        received.append(number)

    with _handling(delay) as before:
        yield
    if received:
        signal.raise_signal(received[0])


@contextmanager
def _handling(handler: _Handler) -> Iterator[dict[signal.Signals, Any]]:
    """Install `handler` for the signals that are not ignored, if this is the main thread.

    Yields the handlers that it replaces. Python runs handlers only in the main thread, and lets no
    other thread install one.
    """
    if threading.current_thread() is not threading.main_thread():
        yield {}
        return
    numbers = [number for number in EXIT_CODES if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield before
    finally:
        for number, handled in before.items():
            signal.signal(number, handled)


@contextmanager
def _resending_dropped() -> Iterator[None]:
    """Send a signal again where Python drops the exception of its handler.

    It does so inside a weak reference's callback, which every import runs, and inside `__del__`.
    """
    before = sys.unraisablehook

    def resend_or_report(dropped: UnraisableHookArgs) -> None:
        numbers = [n for n, code in EXIT_CODES.items() if _is_exit(dropped.exc_value, code)]
        if not numbers:
            before(dropped)
            return
        # not a threading.Thread: the callback may be one inside threading, with its lock held
        start_new_thread(_resend, (numbers[0],))

    sys.unraisablehook = resend_or_report
    try:
        yield
    finally:
        sys.unraisablehook = before


def _is_exit(error: BaseException | None, code: int) -> bool:
    return isinstance(error, SystemExit) and error.code == code


def _resend(number: signal.Signals) -> None:
    time.sleep(_SECONDS_BEFORE_RESENDING)
    if sys.platform == "win32":
        interrupt_main(number)
    else:
        os.kill(os.getpid(), number)  # unlike interrupt_main, this wakes a thread that sleeps


def _exit(number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(EXIT_CODES[signal.Signals(number)])
