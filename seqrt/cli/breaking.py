"""Ctrl-C and SIGTERM while a network trains: the step is finished and saved, then we leave."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}


@contextmanager
def finishing_the_step(stop: Callable[[], None]) -> Iterator[None]:
    """Call `stop` at the first signal and leave when the block has ended; a second leaves at once.

    A signal that the caller's shell has us ignore, as for work in the background, stays ignored.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    asked: list[int] = []

    def ask(number: int, _frame: FrameType | None) -> None:
        if asked:
            raise _leave(number)
        asked.append(number)
        stop()

    heard = [number for number in _CODES if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, ask) for number in heard}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if asked:
        raise _leave(asked[0])


def _leave(number: int) -> BaseException:
    return KeyboardInterrupt() if number == signal.SIGINT else SystemExit(_CODES[signal.SIGTERM])
