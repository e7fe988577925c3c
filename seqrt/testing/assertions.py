"""Assertions about predictions and errors, with messages that name what differs."""

from __future__ import annotations

from typing import Any

import numpy as np

from seqrt.errors import SeqrtError
from seqrt.runtime.proving.parity import largest


def assert_same(got: Any, want: Any, what: str) -> None:
    """Fail unless two float32 arrays are equal bit for bit."""
    got, want = as_float32_pair(got, want, what)
    if got.tobytes() != want.tobytes():
        apart = largest(got.astype(np.float64) - want)
        raise AssertionError(f"{what} must be equal bit for bit, but differ by {apart:.1e}.")


def assert_zeros(got: Any, what: str) -> None:
    """Fail unless all numbers of an array are zero."""
    if np.any(got):
        raise AssertionError(f"{what} must be zeros, got {np.asarray(got).reshape(-1)[:4]} ...")


def assert_refused(
    expected: str | type[SeqrtError], what: str, call: Any, *args: Any, **named: Any
) -> None:
    """Fail unless `call(*args, **named)` raises the expected SeqrtError.

    `expected` is a class, or one or more codes, separated by spaces.
    """
    name = expected if isinstance(expected, str) else expected.__name__
    try:
        result = call(*args, **named)
    except SeqrtError as error:
        if isinstance(expected, str) and error.code in expected.split():
            return
        if not isinstance(expected, str) and isinstance(error, expected):
            return
        raise AssertionError(f"{what} must be refused with {name}, got: {error}") from None
    except Exception as error:
        raise AssertionError(f"{what} must be refused with {name}, got {error!r:.200}") from error
    raise AssertionError(f"{what} must be refused with {name}, but was accepted: {result!r:.100}")


def as_float32_pair(got: Any, want: Any, what: str) -> tuple[Any, Any]:
    """Return both as arrays; fail unless they have one shape and `got` is float32."""
    got, want = np.asarray(got), np.asarray(want)
    if got.shape != want.shape or got.dtype != np.float32:
        raise AssertionError(
            f"{what} must be float32 of shape {want.shape}, got {got.dtype} of {got.shape}."
        )
    return got, want
