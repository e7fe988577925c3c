"""`python -m seqrt` is the `seqrt` command: both begin here, ready for Ctrl-C at once."""

from __future__ import annotations

import signal


def main() -> None:
    """Run the command line; an interrupt while it is still being loaded leaves with 130 too."""
    heard = signal.getsignal(signal.SIGINT) is not signal.SIG_IGN
    if heard:
        signal.signal(signal.SIGINT, _leave)
    from seqrt.cli import main as run

    try:
        run()
    finally:
        if heard:
            # all is said and written by now, and an interrupt would only be a riddle
            signal.signal(signal.SIGINT, signal.SIG_IGN)


def _leave(*_: object) -> None:
    raise SystemExit(130)


if __name__ == "__main__":
    main()
