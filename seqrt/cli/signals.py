"""Ctrl-C and SIGTERM: the stack unwinds, and a network that trains finishes its step first."""

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
from typing import TYPE_CHECKING, Final, NoReturn

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

EXIT_CODES: Final = {signal.SIGINT: 130, signal.SIGTERM: 143}

_A_MOMENT = 0.01

_Handler = Callable[[int, FrameType | None], None]


@contextmanager
def unwinding() -> Iterator[list[int]]:
    """Leave with the exit code of a signal through every `finally`, so that no part file stays.

    Gives a list of the signals that came: an import that one breaks into may turn what is raised
    here into an ImportError.

    SystemExit stands for Ctrl-C too, because of KeyboardInterrupt Python keeps a note of its own
    where it breaks into an `exec`, as in the import of a namedtuple: the process then ends by the
    signal, whatever exit code it was given.
    """
    heard: list[int] = []

    def leave(number: int, frame: FrameType | None) -> None:
        heard.append(number)
        _leave(number, frame)

    with _heard_by(leave), _none_lost():
        yield heard


@contextmanager
def finishing_the_step(stop: Callable[[], None]) -> Iterator[None]:
    """Call `stop` at the first signal and leave when the block has ended; a second leaves at once.

    A signal that the caller's shell has us ignore, as for work in the background, stays ignored.
    """
    asked: list[int] = []

    def ask(number: int, frame: FrameType | None) -> None:
        if asked:
            _leave(number, frame)
        asked.append(number)
        stop()

    with _heard_by(ask):
        yield
    if asked:
        _leave(asked[0], None)


@contextmanager
def _heard_by(handler: _Handler) -> Iterator[None]:
    """Have `handler` called for the signals that are not ignored; Python knows only one thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heard = [number for number in EXIT_CODES if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, handler) for number in heard}
    try:
        yield
    finally:
        for number, handled in before.items():
            signal.signal(number, handled)


@contextmanager
def _none_lost() -> Iterator[None]:
    """Have a signal come again a moment later where Python drops what its handler raised.

    So it does within the callback of a weak reference, of which every import has one, and within a
    `__del__`.
    """
    before = sys.unraisablehook

    def look(dropped: UnraisableHookArgs) -> None:
        numbers = [n for n, code in EXIT_CODES.items() if _is_leave(dropped.exc_value, code)]
        if not numbers:
            before(dropped)
            return
        # not a threading.Thread: the callback may be one inside threading, with its lock held
        start_new_thread(_come_again, (numbers[0],))

    sys.unraisablehook = look
    try:
        yield
    finally:
        sys.unraisablehook = before


def _is_leave(error: BaseException | None, code: int) -> bool:
    return isinstance(error, SystemExit) and error.code == code


def _come_again(number: signal.Signals) -> None:
    time.sleep(_A_MOMENT)
    if sys.platform == "win32":
        interrupt_main(number)
    else:
        os.kill(os.getpid(), number)  # unlike interrupt_main it wakes one who sleeps


def _leave(number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(EXIT_CODES[signal.Signals(number)])
