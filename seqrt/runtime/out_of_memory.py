"""Out of memory: every MemoryError that would leave the runtime becomes a ResourceError."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from seqrt.errors import ResourceError

Given = ParamSpec("Given")
Returned = TypeVar("Returned")


def needs_memory(call: Callable[Given, Returned]) -> Callable[Given, Returned]:
    """Return `call`, changed to raise ResourceError where memory runs out inside it.

    Every public function of the runtime that allocates is decorated, so that whoever asked for the
    memory, numpy or Python itself, nobody has to catch MemoryError deeper down. A ResourceError
    from inside passes unchanged: it says more about the work.
    """

    @wraps(call)
    def checked(*args: Given.args, **kwargs: Given.kwargs) -> Returned:
        try:
            return call(*args, **kwargs)
        except ResourceError:
            raise
        except MemoryError as error:
            raise out_of_memory(error) from None

    return checked


def out_of_memory(error: MemoryError) -> ResourceError:
    """Return the ResourceError to raise in place of `error`, which loses its traceback.

    The traceback keeps alive every array of the failed call. Without it there is memory again: to
    build the message, and for a caller that tries again with less inside an except block.
    """
    error.__traceback__ = None
    # numpy names the array: "Unable to allocate 1.2 MiB for an array with shape (20000, 16)"
    detail = f" ({str(error).rstrip('.')})" if str(error) else ""
    return ResourceError(
        f"E_MEMORY: the work must fit into memory, and did not{detail}."
        " Free memory, or give fewer or shorter sequences at a time."
    )
