"""Text from a language model, byte by byte: the state after what was read, and what may follow."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np

from seqrt.contract.text import UNKNOWN
from seqrt.errors import UsageError

if TYPE_CHECKING:
    from seqrt.contract import Manifest
    from seqrt.runtime.compute.engine import Engine
    from seqrt.runtime.compute.step_cpu import BoundStep
    from seqrt.runtime.compute.step_device import ResidentStep
    from seqrt.runtime.text.sampler import Sampler
    from seqrt.runtime.types import Floats

# What an empty prompt is read as: text begins on a new line.
START = b"\n"

# Bytes of a prompt in one run: it has 1 KiB of outputs for each, and only those of the last matter.
_PIECE = 4096


class TextWriter:
    """Reads a prompt, then writes one byte after another.

    It may stop and go on: however the bytes are asked for, they are the same.
    """

    def __init__(self, engine: Engine, prompt: bytes, sampler: Sampler) -> None:
        """Read the prompt from zero state; an empty one is read as a newline."""
        self._engine = engine
        self._sampler = sampler
        state = engine.zero_state(1)
        ids = np.frombuffer(prompt or START, np.uint8).astype(np.int64) + (UNKNOWN + 1)
        for start in range(0, len(ids), _PIECE):
            y, state = engine.advance(ids[None, start : start + _PIECE], None, state)
        self._next: Floats = y[0, -1]
        self._step = self._bound(state)

    def write(self) -> int:
        """Return the next byte of the text."""
        byte = self._sampler.draw(self._next)
        if self._step.process != os.getpid():  # a forked child: the step belongs to the parent
            self._step = self._bound(self._step.state)
        self._next = self._step.advance(byte + (UNKNOWN + 1))
        return byte

    def _bound(self, state: Floats) -> BoundStep | ResidentStep:
        step = self._engine.bound_step(state)
        assert step, "a language model has one output"
        return step


def check_writes(manifest: Manifest, what: str) -> None:
    """Raise UsageError unless a model is a language model; `what` begins the sentence."""
    if manifest.task != "generate":
        raise UsageError(
            f"{what} needs a language model, but the task of {manifest.name!r} is {manifest.task}."
            " Use predict."
        )
