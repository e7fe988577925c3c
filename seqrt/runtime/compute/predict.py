"""Predictions for a batch: in one run, or in blocks on several threads."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from seqrt.errors import InputError
from seqrt.runtime.compute.blocks import run_blocks
from seqrt.runtime.inputs.arrays import as_floats, check_shape
from seqrt.runtime.inputs.batch import PaddedBatch, RaggedBatch, raise_for_first_item
from seqrt.runtime.inputs.nonfinite import (
    Nonfinite,
    all_finite,
    check_choice,
    nonfinite_error,
    separate,
    write_nan,
)

if TYPE_CHECKING:
    from threading import Event

    from seqrt.runtime.compute.engine import Engine
    from seqrt.runtime.compute.workers import Workers
    from seqrt.runtime.types import Floats, Mask, Rows


def predict_batch(
    engine: Engine, workers: Workers, x: Any, lengths: Any = None, nonfinite: Nonfinite = "error"
) -> Floats | list[Floats]:
    """Map sequences to outputs, each from zero state; see Model.predict."""
    check_choice(nonfinite)
    if engine.layout.text:
        x = engine.layout.text.listed(x)
    if isinstance(x, list | tuple):
        if lengths is not None:
            raise InputError(
                "E_INPUT_LENGTHS: a list of sequences has its own lengths: leave lengths out."
            )
        return _predict_ragged(engine, workers, RaggedBatch(x, engine.layout), nonfinite)
    batch = PaddedBatch(x, lengths, engine.layout)
    rows, thread = len(batch.lengths), engine.limits.thread
    work = rows * batch.time * engine.operations
    # a full batch that is less than the work of two threads would be a single block
    if work <= thread or (batch.full and work < min(2 * thread, engine.limits.block)):
        return _advance_batch(engine, batch, engine.zero_state(rows), nonfinite)[0]
    return _predict_padded(engine, workers, batch, nonfinite)


def advance(
    engine: Engine,
    x: Any,
    lengths: Any = None,
    state: Any = None,
    nonfinite: Nonfinite = "error",
    *,
    any_ids: bool = False,
) -> tuple[Floats, Floats]:
    """Advance `state` (B, S) over x (B, T, D): return y and the next state; see Model.run."""
    check_choice(nonfinite)
    batch = PaddedBatch(x, lengths, engine.layout._replace(any_ids=any_ids))
    rows = len(batch.lengths)
    if state is None:
        state = engine.zero_state(rows)
    else:
        state = as_floats(state, "state")
        check_shape("state", state, (rows, engine.state_size))
    if all_finite(state):
        return _advance_batch(engine, batch, state, nonfinite)
    finite = np.isfinite(state)
    if nonfinite == "error":
        raise nonfinite_error("state", state, ~finite, ("item", "number"))
    y, state_out = _advance_batch(engine, batch, state, nonfinite)
    if nonfinite == "propagate":
        lost = ~finite.all(axis=1)
        y[lost] = state_out[lost] = np.nan
    return y, state_out


def _advance_batch(
    engine: Engine, batch: PaddedBatch, state: Floats, nonfinite: Nonfinite
) -> tuple[Floats, Floats]:
    """Advance `state` (B, S) over a whole batch, in one run: return y and the next state."""
    lengths = None if batch.full else batch.lengths
    x, bad = separate("x", batch.whole(), nonfinite, lengths, missing=engine.takes_missing)
    y, state_out = engine.advance(x, lengths, state)
    _write_nan(engine, y, bad)
    if bad is not None:
        state_out[bad.any(axis=(1, 2))] = np.nan
    return y, state_out


def _predict_padded(
    engine: Engine, workers: Workers, batch: PaddedBatch, nonfinite: Nonfinite
) -> Floats:
    """Return the outputs for a batch (B, T, D) from zero state, in blocks."""
    y = engine.zero_outputs(len(batch.lengths), batch.time)

    def store(rows: Rows, y_rows: Floats) -> None:
        if engine.per_step:
            y[rows, : y_rows.shape[1]] = y_rows
        else:
            y[rows] = y_rows

    _in_blocks(engine, workers, batch, nonfinite, store)
    return y


def _predict_ragged(
    engine: Engine, workers: Workers, batch: RaggedBatch, nonfinite: Nonfinite
) -> Floats | list[Floats]:
    """Return the outputs for a list of sequences from zero state; a list with the sequence head."""
    count = len(batch.lengths)
    if not engine.per_step:
        y = engine.zero_outputs(count, batch.time)

        # Not y.__setitem__: called as a method, it hides that numpy has no memory, and y stays 0.
        def store_last(rows: Rows, y_rows: Floats) -> None:
            y[rows] = y_rows

        _in_blocks(engine, workers, batch, nonfinite, store_last)
        return y
    items: list[Any] = [None] * count

    def store(rows: Rows, y_rows: Floats) -> None:
        for i, row in zip(rows.tolist(), y_rows, strict=True):
            items[i] = row[: batch.lengths[i]].copy()

    _in_blocks(engine, workers, batch, nonfinite, store)
    return items


def _in_blocks(
    engine: Engine,
    workers: Workers,
    batch: PaddedBatch | RaggedBatch,
    nonfinite: Nonfinite,
    store: Callable[[Rows, Floats], None],
) -> None:
    """Run the blocks of a batch; `store` gets the rows and outputs of each, in any thread.

    A block that does not fit into memory is halved until it is a single row.
    """

    # A loop, not recursion: a function that refers to itself keeps the batch alive, and with it the
    # pages of a mapped file, until the next garbage collection.
    def work(rows: Rows, stopped: Event) -> None:
        left = [rows]
        while left:
            rows = left.pop()
            try:
                run(rows, stopped)
            except MemoryError:
                if len(rows) == 1:
                    raise
                left += [rows[len(rows) // 2 :], rows[: len(rows) // 2]]

    def run(rows: Rows, stopped: Event) -> None:
        lengths = batch.lengths[rows]
        x, bad = separate("x", batch.take(rows), nonfinite, lengths, missing=engine.takes_missing)
        y = engine.advance(x, lengths, engine.zero_state(len(rows)), stopped)[0]
        _write_nan(engine, y, bad)
        store(rows, y)

    try:
        run_blocks(batch.lengths, workers, engine.operations, work, engine.limits)
    except InputError:
        raise_for_first_item(batch, missing=engine.takes_missing)
        raise


def _write_nan(engine: Engine, y: Floats, bad: Mask | None) -> None:
    if bad is not None:
        write_nan(y, bad, causal=engine.streamable, per_step=engine.per_step)
