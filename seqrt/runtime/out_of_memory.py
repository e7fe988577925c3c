"""Out of memory: an error that would leave the runtime becomes a ResourceError."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from seqrt.errors import ResourceError, SeqrtError

Given = ParamSpec("Given")
Returned = TypeVar("Returned")

# What C code raises when memory runs out. A SystemError means that it returned NULL and set no
# exception, as numpy 2.4 does if a small allocation fails; a RuntimeError may be about a lock.
FAILURES = (MemoryError, SystemError, RuntimeError)
_MESSAGES = ("exception set", "setting an exception", "can't allocate lock")


def needs_memory(call: Callable[Given, Returned]) -> Callable[Given, Returned]:
    """Return `call`, changed to raise ResourceError if memory runs out inside it.

    Every public function of the runtime that allocates is decorated, so that no code below has to
    catch MemoryError, whether numpy or Python itself asked for the memory. A ResourceError from
    inside passes unchanged: its message says more about the work.
    """

    @wraps(call)
    def checked(*args: Given.args, **kwargs: Given.kwargs) -> Returned:
        try:
            return call(*args, **kwargs)
        except FAILURES as error:
            raise_if_out_of_memory(error)
            raise

    return checked


def raise_if_out_of_memory(error: Exception) -> None:
    """Raise ResourceError in place of `error` if it means that memory ran out.

    The error loses its traceback, which keeps alive every array of the failed call. Without it
    there is memory again: to build the message, and for a caller that tries again with less inside
    an except block.
    """
    if isinstance(error, SeqrtError) or not lacks_memory(error):
        return
    error.__traceback__ = None
    # numpy names the array: "Unable to allocate 1.2 MiB for an array with shape (20000, 16)"
    known = isinstance(error, MemoryError) and str(error)
    detail = f" ({str(error).rstrip('.')})" if known else ""
    raise ResourceError(
        f"E_MEMORY: the work does not fit into memory{detail}."
        " Free memory, or give fewer or shorter sequences at a time."
    ) from None


def lacks_memory(error: Exception) -> bool:
    """Return whether `error` means that numpy or Python ran out of memory."""
    return isinstance(error, MemoryError) or (
        isinstance(error, FAILURES) and any(words in str(error) for words in _MESSAGES)
    )
