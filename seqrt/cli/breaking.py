"""Ctrl-C and SIGTERM: the stack unwinds, and a network that trains finishes its step first."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final, NoReturn

EXIT_CODES: Final = {signal.SIGINT: 130, signal.SIGTERM: 143}

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

    with _heard_by(leave):
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


def _leave(number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(EXIT_CODES[signal.Signals(number)])
