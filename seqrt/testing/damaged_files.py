"""Checks that a damaged file never opens: changed, truncated, extended, empty, or not a file.

In onnxruntime alone, more than half of all one-byte changes load, and compute other numbers.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from seqrt.errors import ModelError
from seqrt.runtime.model import Model
from seqrt.testing.assertions import assert_refused
from seqrt.testing.model_under_test import ModelUnderTest

_PLACES = 100


def checks_for(_: Model) -> list[Callable[[ModelUnderTest], None]]:
    """Return the checks of this file, which apply to every model."""
    return [
        a_changed_byte_is_refused,
        a_truncated_or_extended_file_is_refused,
        files_that_are_not_models_are_refused,
    ]


def a_changed_byte_is_refused(tested: ModelUnderTest) -> None:
    """One flipped bit, at places all over the file and in its seal: ModelError."""
    content = Path(tested.path).read_bytes()
    rng = np.random.default_rng(0)
    for at in _places(len(content)):
        changed = bytearray(content)
        changed[at] ^= 1 << rng.integers(8)
        assert_refused(ModelError, f"a flipped bit in byte {at:,}", Model, bytes(changed))


def a_truncated_or_extended_file_is_refused(tested: ModelUnderTest) -> None:
    """The first part of the file, or the file with more bytes: ModelError."""
    content = Path(tested.path).read_bytes()
    for length in _places(len(content)):
        assert_refused(ModelError, f"the first {length:,} bytes", Model, content[:length])
    assert_refused(ModelError, "one more byte at the end", Model, content + b"\0")
    assert_refused(ModelError, "one more byte at the start", Model, b"\0" + content)
    assert_refused(ModelError, "the file twice", Model, content * 2)


def files_that_are_not_models_are_refused(_: ModelUnderTest) -> None:
    """Empty, text, a folder, a pipe without a writer, a missing file: ModelError, at once."""
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        (here / "empty").touch()
        (here / "text").write_text("model", encoding="utf-8")
        names = ["", "empty", "text", "missing", "nul\0", "n" * 5000]
        if hasattr(os, "mkfifo"):
            os.mkfifo(here / "pipe")
            names.append("pipe")
        for name in names:
            assert_refused(
                ModelError, f"a path to {name or 'a folder':.10}", Model, f"{folder}/{name}"
            )
    assert_refused(ModelError, "no bytes", Model, b"")


def _places(size: int) -> Iterator[int]:
    """Yield places spread over a file of `size` bytes, and each of its last ones."""
    yield from range(0, size, max(1, size // _PLACES))
    yield from range(max(0, size - _PLACES), size)
