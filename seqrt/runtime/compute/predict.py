"""Answers to a batch from what the door has passed: at once, or in blocks on several threads."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from seqrt.errors import InputError
from seqrt.runtime.compute.blocks import run_blocks
from seqrt.runtime.inputs import nonfinite as door
from seqrt.runtime.inputs.batch import Padded, Ragged, refuse_first
from seqrt.runtime.inputs.nonfinite import Nonfinite

if TYPE_CHECKING:
    from threading import Event

    from seqrt.runtime.compute.engine import Engine
    from seqrt.runtime.compute.workers import Workers
    from seqrt.runtime.types import Floats, Mask, Rows


def at_once(
    engine: Engine, batch: Padded, state: Floats, nonfinite: Nonfinite
) -> tuple[Floats, Floats]:
    """Advance a finite `state` (B, S) over a whole batch: return y and the next state."""
    lengths = None if batch.full else batch.lengths
    x, bad = door.separate("x", batch.whole(), nonfinite, lengths, missing=engine.takes_missing)
    y, state_out = engine.advance(x, lengths, state)
    _spoil(engine, y, bad)
    if bad is not None:
        state_out[bad.any(axis=(1, 2))] = np.nan
    return y, state_out


def padded(engine: Engine, workers: Workers, batch: Padded, nonfinite: Nonfinite) -> Floats:
    """Answer a batch (B, T, D) from zero state, in blocks."""
    y = engine.blank(len(batch.lengths), batch.time)

    def keep(rows: Rows, answer: Floats) -> None:
        if engine.per_step:
            y[rows, : answer.shape[1]] = answer
        else:
            y[rows] = answer

    _in_blocks(engine, workers, batch, nonfinite, keep)
    return y


def ragged(
    engine: Engine, workers: Workers, batch: Ragged, nonfinite: Nonfinite
) -> Floats | list[Floats]:
    """Answer a list of sequences from zero state, in blocks; a list where each step is answered."""
    count = len(batch.lengths)
    if not engine.per_step:
        y = engine.blank(count, batch.time)
        _in_blocks(engine, workers, batch, nonfinite, y.__setitem__)
        return y
    answers: list[Any] = [None] * count

    def keep(rows: Rows, answer: Floats) -> None:
        for i, row in zip(rows.tolist(), answer, strict=True):
            answers[i] = row[: batch.lengths[i]].copy()

    _in_blocks(engine, workers, batch, nonfinite, keep)
    return answers


def _in_blocks(
    engine: Engine,
    workers: Workers,
    batch: Padded | Ragged,
    nonfinite: Nonfinite,
    keep: Callable[[Rows, Floats], None],
) -> None:
    """Answer the blocks of a batch; `keep` is given the answer of each, in any thread.

    A block that does not fit into memory is halved, down to a row.
    """

    # Not by recursion: a function that holds itself would hold the batch, and with it the pages of
    # a mapped file, until the garbage is collected.
    def work(rows: Rows, stopped: Event) -> None:
        left = [rows]
        while left:
            rows = left.pop()
            try:
                answer(rows, stopped)
            except MemoryError:
                if len(rows) == 1:
                    raise
                left += [rows[len(rows) // 2 :], rows[: len(rows) // 2]]

    def answer(rows: Rows, stopped: Event) -> None:
        lengths = batch.lengths[rows]
        x, bad = door.separate(
            "x", batch.take(rows), nonfinite, lengths, missing=engine.takes_missing
        )
        y = engine.advance(x, lengths, engine.zero_state(len(rows)), stopped)[0]
        _spoil(engine, y, bad)
        keep(rows, y)

    try:
        run_blocks(batch.lengths, workers, engine.operations, work)
    except InputError:
        refuse_first(batch, missing=engine.takes_missing)
        raise


def _spoil(engine: Engine, y: Floats, bad: Mask | None) -> None:
    if bad is not None:
        door.spoil(y, bad, causal=engine.streamable, per_step=engine.per_step)
