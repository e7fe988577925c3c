"""Sequences of a file answered slice by slice, in order, in memory that does not grow with them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from seqrt.data.slices import Slices
    from seqrt.runtime import Model

# Bytes of a slice, as float32, with its answers.
_MEMORY = 32 << 20

# Arithmetic of a slice for each thread, in operations: some tenths of a second, so that threads
# seldom wait for the last one of a slice, and a progress bar moves.
_WORK = 5_000_000_000

# Work of a run that cannot be interrupted, in operations.
_RUN = 500_000_000


class Answer(NamedTuple):
    """What is answered from sequence `row` and step `step` on: y (n, O) or (n, t, O).

    `steps` is how many steps were read since the answer before; n may be 0.
    """

    row: int
    step: int
    y: Any
    steps: int


def shape_of(model: Model, data: Slices) -> tuple[int, ...]:
    """Return the shape of all answers: (N, O), or at every step (N, T, O)."""
    outputs = len(model.manifest.outputs)
    per_step = model.manifest.head == "sequence"
    return (data.sequences, data.steps, outputs) if per_step else (data.sequences, outputs)


def answers(model: Model, data: Slices) -> Iterator[Answer]:
    """Yield the answers to `data`, a slice at a time.

    Where sequences are so long that only few fit into memory, they are cut in time. Those of a
    network that reads both ways cannot be, and each is read whole.
    """
    from seqrt.runtime.compute.cost import ROWS

    m = model.manifest
    width = len(m.features) + (len(m.outputs) if m.head == "sequence" else 0)
    fitting = _MEMORY // (4 * width)
    together = min(data.sequences, ROWS * model.threads)
    if together * data.steps > fitting and m.streamable and data.lengths is None:
        yield from _in_time(model, data, together, fitting)
        return
    enough = _WORK * model.threads // m.operations
    yield from _in_rows(model, data, min(fitting, max(together * data.steps, enough)))


def _in_rows(model: Model, data: Slices, most: int) -> Iterator[Answer]:
    """Answer whole sequences, of at most so many steps together where there is more than one."""
    for rows in _groups(data, most):
        # the reader has looked for NaN and Inf
        y = model.predict(data.part(rows, slice(0, data.steps)), nonfinite="allow")
        if isinstance(y, list):
            for i, item in enumerate(y):
                yield Answer(rows.start + i, 0, item[None], len(item))
        else:
            yield Answer(rows.start, 0, y, data.steps_of(rows))


def _groups(data: Slices, most: int) -> Iterator[slice]:
    import numpy as np

    if data.lengths is None:
        size = max(1, most // max(1, data.steps))
        starts = range(0, data.sequences, size)
        yield from (slice(start, min(start + size, data.sequences)) for start in starts)
        return
    ends = np.cumsum(np.maximum(data.lengths, 1))
    start = passed = 0
    while start < data.sequences:
        stop = max(start + 1, int(np.searchsorted(ends, passed + most, side="right")))
        yield slice(start, stop)
        start, passed = stop, int(ends[stop - 1])


def _in_time(model: Model, data: Slices, together: int, fitting: int) -> Iterator[Answer]:
    """Answer long sequences, each thread some of them, all a piece of time after the other."""
    from concurrent.futures import ThreadPoolExecutor

    import numpy as np

    from seqrt.runtime.compute.cost import step_cost

    share = -(-together // model.threads)
    run = _RUN // (share * step_cost(model.manifest.operations))
    piece = max(1, min(fitting // together, run))

    def advance(x: Any, state: Any) -> tuple[Any, Any]:
        return model.run(x, state=state, nonfinite="allow")

    with ThreadPoolExecutor(model.threads) as pool:
        for start in range(0, data.sequences, together):
            rows = slice(start, min(start + together, data.sequences))
            states = _shares(model.zero_state(rows.stop - start), model.threads)
            for step in range(0, data.steps, piece):
                steps = slice(step, min(step + piece, data.steps))
                shares = _shares(data.part(rows, steps), model.threads)
                done = list(pool.map(advance, shares, states))
                states = [state for _, state in done]
                y = np.concatenate([answer for answer, _ in done])
                if y.ndim == len("NO") and steps.stop < data.steps:
                    y = y[:0]  # the answer is the one at the end
                yield Answer(start, step, y, (rows.stop - start) * (steps.stop - step))


def _shares(rows: Any, threads: int) -> list[Any]:
    """Return some rows for each thread, or one for as many as there are."""
    import numpy as np

    return np.array_split(rows, min(threads, len(rows)))
