"""The entry point of `seqrt` and `python -m seqrt`, which handles Ctrl-C from the first moment."""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
from contextlib import suppress
from typing import Final, NoReturn

_INTERRUPTED: Final = (130, 143)


def main() -> None:
    """Run the command line; an interrupt during its import exits with 130, too."""
    interruptible = signal.getsignal(signal.SIGINT) is not signal.SIG_IGN
    if interruptible:
        signal.signal(signal.SIGINT, _exit_interrupted)
    from seqrt.cli import main as run

    try:
        run()
    except SystemExit as error:
        if error.code in _INTERRUPTED:
            _exit_at_once(int(error.code))
        raise
    finally:
        if interruptible:
            # all output is written by now, and an interrupt would only cause a puzzling message
            signal.signal(signal.SIGINT, signal.SIG_IGN)


def _exit_interrupted(*_: object) -> None:
    # No work has begun. An exception could get lost: some callbacks run by imports swallow them.
    os._exit(130)


def _exit_at_once(code: int) -> NoReturn:
    """Exit as Python does, but without freeing memory: PyTorch's alone takes a second.

    The stack is already unwound. As in any exit, threads are joined, exit functions are called and
    output is flushed; multiprocessing ends its workers in the same way.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # What Python itself calls when it exits.
    threading._shutdown()  # type: ignore[attr-defined]  # stubs have only public names
    atexit._run_exitfuncs()
    for stream in filter(None, (sys.stdout, sys.stderr)):
        with suppress(OSError):
            stream.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
