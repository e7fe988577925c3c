"""`python -m seqrt` is the `seqrt` command: both begin here, ready for Ctrl-C at once."""

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
    """Run the command line; an interrupt while it is still being loaded leaves with 130 too."""
    heard = signal.getsignal(signal.SIGINT) is not signal.SIG_IGN
    if heard:
        signal.signal(signal.SIGINT, _leave)
    from seqrt.cli import main as run

    try:
        run()
    except SystemExit as leave:
        if leave.code in _INTERRUPTED:
            _end_at_once(int(leave.code))
        raise
    finally:
        if heard:
            # all is said and written by now, and an interrupt would only be a riddle
            signal.signal(signal.SIGINT, signal.SIG_IGN)


def _leave(*_: object) -> None:
    # Nothing is begun. An exception might be dropped: within an import Python calls callbacks.
    os._exit(130)


def _end_at_once(code: int) -> NoReturn:
    """End as Python does, but leave the memory to the system: freeing PyTorch's takes a second.

    The stack is unwound by now. As at any end threads are waited for, then what is registered for
    the exit is called, and what was said is written; multiprocessing ends its workers like this.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # what Python itself calls at its end; the types know only what is public
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in filter(None, (sys.stdout, sys.stderr)):
        with suppress(OSError):
            stream.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
