"""A damaged file is never opened: changed, cut, longer, empty, or no file at all.

Below, more than half of all one-byte changes run, and answer other numbers.
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

_TRIES = 100


def faults(_: Model) -> list[Callable[[ModelUnderTest], None]]:
    """Return the checks of this file: they apply to every model."""
    return [
        a_changed_byte_is_refused,
        a_cut_or_longer_file_is_refused,
        what_is_no_model_file_is_refused,
    ]


def a_changed_byte_is_refused(tested: ModelUnderTest) -> None:
    """A flipped bit at places all over the file, its seal among them: ModelError."""
    content = Path(tested.path).read_bytes()
    rng = np.random.default_rng(0)
    for at in _places(len(content)):
        changed = bytearray(content)
        changed[at] ^= 1 << rng.integers(8)
        assert_refused(ModelError, f"a changed bit of byte {at:,}", Model, bytes(changed))


def a_cut_or_longer_file_is_refused(tested: ModelUnderTest) -> None:
    """The file to any byte but the last, and with a byte more: ModelError."""
    content = Path(tested.path).read_bytes()
    for length in _places(len(content)):
        assert_refused(ModelError, f"the first {length:,} bytes", Model, content[:length])
    assert_refused(ModelError, "a byte more", Model, content + b"\0")
    assert_refused(ModelError, "a byte before", Model, b"\0" + content)
    assert_refused(ModelError, "the file twice", Model, content * 2)


def what_is_no_model_file_is_refused(_: ModelUnderTest) -> None:
    """Nothing, text, a folder, a pipe that nobody writes to, no file: ModelError, at once."""
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
    """Yield places in a file: spread over all of it, and each of its last."""
    yield from range(0, size, max(1, size // _TRIES))
    yield from range(max(0, size - _TRIES), size)
