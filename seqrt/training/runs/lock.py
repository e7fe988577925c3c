"""A lock on a run folder: one process at a time trains in it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from seqrt.errors import UsageError

if sys.platform != "win32":
    import fcntl


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the lock on `folder` inside the block; raise UsageError if another process holds it.

    The system releases the lock of a process that is killed. Windows has no such lock.
    """
    if sys.platform == "win32":
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UsageError(
                f"{folder} is being trained by another process. Wait for it, or stop it first."
            ) from None
        yield
    finally:
        os.close(handle)


def is_locked(folder: Path) -> bool:
    """Return whether a process is training in `folder`."""
    try:
        with locked(folder):
            return False
    except UsageError:
        return True
