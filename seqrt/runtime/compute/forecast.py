"""Forecasts after the end of many series: read with their state carried, then fed forward."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from seqrt.errors import InputError
from seqrt.numbers import check_finite
from seqrt.runtime.compute.blocks import run_blocks
from seqrt.runtime.inputs.batch import RaggedBatch
from seqrt.runtime.inputs.nonfinite import separate

if TYPE_CHECKING:
    from collections.abc import Sequence
    from threading import Event

    from numpy.typing import NDArray

    from seqrt.ahead.following import Following
    from seqrt.ahead.layout import ForecastLayout
    from seqrt.contract import Manifest
    from seqrt.runtime.compute.engine import Engine
    from seqrt.runtime.compute.workers import Workers
    from seqrt.runtime.types import Floats, Lengths, Rows

# Memory of the outputs at all steps of a piece of time, in bytes. Only the last is kept.
_MOST = 16 << 20


def forecast_ends(
    engine: Engine,
    workers: Workers,
    manifest: Manifest,
    x: Sequence[Any],
    blocks: int,
    layout: ForecastLayout,
    after: Following | None = None,
) -> Floats:
    """Return the outputs (B, N, O) at the end of B series x (T_i, D), in N `blocks` of the horizon.

    A model with a window reads the last window of each series, any other all of it. For each block
    but the first, the model reads its own point forecasts of the block before, in `after`.

    Raises InputError for a series that does not fit or is too short (E_INPUT_SHORT).
    """
    window = manifest.window
    _check_lengths(x, window or 1)
    batch = RaggedBatch([item[-window:] for item in x] if window else x, engine.layout)
    outputs = len(manifest.outputs)
    found = np.empty((len(batch.lengths), blocks, outputs), np.float32)
    carried = engine.streamable and window is None

    def work(rows: Rows, stopped: Event) -> None:
        lengths = batch.lengths[rows]
        read, _ = separate("x", batch.take(rows), "error", lengths, missing=engine.takes_missing)
        y, state = _last(engine, read, lengths, None, stopped)
        found[rows, 0] = y
        for block in range(1, blocks):
            assert after
            fed = after.fed(rows, (block - 1) * layout.horizon, layout.point(y))
            if not carried:
                read, lengths = _longer(read, lengths, fed, window)
                y, _ = _last(engine, read, lengths, None, stopped)
            else:
                y, state = _last(engine, fed, np.full(len(fed), fed.shape[1]), state, stopped)
            found[rows, block] = y

    try:
        run_blocks(batch.lengths, workers, engine.operations, work, engine.limits)
    except InputError:
        items = [batch.item(i) for i in range(len(batch.lengths))]
        check_finite("history", items, missing=engine.takes_missing)
        raise
    return found


def _last(
    engine: Engine, x: NDArray[Any], lengths: Lengths, state: Floats | None, stopped: Event
) -> tuple[Floats, Floats]:
    """Return the outputs (n, O) after the last step of each row, and the states there.

    The steps run in pieces of time, so that the outputs of the others take little memory.
    """
    lengths = lengths.astype(np.int32)
    state = engine.zero_state(len(x)) if state is None else state.copy()
    if not engine.per_step or not engine.streamable:
        y, state = engine.advance(x, lengths, state, stopped)
        return (_at_ends(y, lengths) if engine.per_step else y), state
    found = np.zeros((len(x), engine.outputs), np.float32)
    piece = max(1, _MOST // (4 * len(x) * engine.outputs))
    for start in range(0, int(lengths.max()), piece):
        if stopped.is_set():
            break
        part = x[:, start : start + piece]
        left = np.clip(lengths - start, 0, part.shape[1])
        rows = np.flatnonzero(left)
        y, state[rows] = engine.advance(
            np.ascontiguousarray(part[rows]), left[rows], state[rows], stopped
        )
        ended = left[rows] + start == lengths[rows]
        found[rows[ended]] = _at_ends(y[ended], left[rows][ended])
    return found, state


def _at_ends(y: Floats, lengths: Lengths) -> Floats:
    """Return the outputs (n, O) at the last step of each row of y (n, T, O)."""
    ends: Floats = y[np.arange(len(y)), lengths - 1]
    return ends


def _longer(
    read: NDArray[Any], lengths: Lengths, fed: Floats, window: int | None
) -> tuple[Floats, Lengths]:
    """Return rows with `fed` (n, h, D) after their last step: all of each, or its last window."""
    rows = [
        np.concatenate([row[:length], more])[-window if window else None :]
        for row, length, more in zip(read, lengths.tolist(), fed, strict=True)
    ]
    longer = np.array([len(row) for row in rows], np.int32)
    padded = np.zeros((len(rows), int(longer.max()), fed.shape[2]), np.float32)
    for to, row in zip(padded, rows, strict=True):
        to[: len(row)] = row
    return padded, longer


def _check_lengths(x: Sequence[Any], least: int) -> None:
    """Raise InputError at the first series that is shorter than the model needs."""
    short = next((i for i, item in enumerate(x) if len(item) < least), None)
    if short is not None:
        rows = "a row" if least == 1 else f"{least} rows, the window of the model"
        raise InputError(
            f"E_INPUT_SHORT: each history must have at least {rows}; history[{short}] has"
            f" {len(x[short])}. Give more of its past, or leave it out."
        )
