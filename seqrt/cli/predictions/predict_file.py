"""Predict the sequences of a file slice by slice, in order.

The predictions go into a .npy file as they are computed, so the memory does not grow with the file.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

if TYPE_CHECKING:
    from collections import Counter

    from seqrt.data.slices import Slices
    from seqrt.runtime import Model
    from seqrt.runtime.compute.workers import Workers


@dataclass(frozen=True)
class SliceLimits:
    """How large a slice may be.

    `memory` is in bytes, for features and predictions as float32. `work` is the arithmetic of each
    thread, in operations: a few tenths of a second, so that threads seldom wait for the last one in
    a slice, and a progress bar moves. `run` is the same for one call of the model, which Ctrl-C
    cannot interrupt.
    """

    memory: int = 32 << 20
    work: int = 5_000_000_000
    run: int = 500_000_000


class Prediction(NamedTuple):
    """The predictions from sequence `row` and step `step` on: y (n, O) or (n, t, O).

    `steps` is the number of steps read since the previous prediction; n may be 0.
    """

    row: int
    step: int
    y: Any
    steps: int


class PredictionFile:
    """A .npy file of predictions (N, O) or (N, T, O), written without holding them in memory.

    Predictions that are never put are zeros. Of predictions (N, O), `found` counts how often each
    output is the largest. `last` is the prediction (O,) that was put last.
    """

    def __init__(self, file: BinaryIO, shape: tuple[int, ...]) -> None:
        """Write the header that np.save writes, and make room for the numbers."""
        from collections import Counter

        from numpy.lib.format import write_array_header_1_0

        header = {"descr": "<f4", "fortran_order": False, "shape": shape}
        write_array_header_1_0(file, header)
        self.shape = shape
        self.found: Counter[int] = Counter()
        self.last: Any = None
        self._file = file
        self._start = file.tell()
        file.truncate(self._start + 4 * math.prod(shape))

    def put(self, row: int, step: int, y: Any) -> None:
        """Write y (n, O), or (n, t, O) from `step` on, as predictions from sequence `row` on."""
        import numpy as np

        if not y.size:
            return
        y = np.ascontiguousarray(y, "<f4")
        self.last = y.reshape(-1, self.shape[-1])[-1]
        if y.ndim == len("NO"):
            self.found.update(np.argmax(y, axis=1).tolist())
        if y.shape[1:] == self.shape[1:]:
            self._write(row, 0, y)
            return
        for i, steps in enumerate(y):
            self._write(row + i, step, steps)

    def read(self, first: int, count: int) -> Any:
        """Return some predictions (count, O), counted step by step and sequence by sequence."""
        import numpy as np

        self._file.seek(self._start + 4 * first * self.shape[-1])
        content = self._file.read(4 * count * self.shape[-1])
        return np.frombuffer(content, "<f4").reshape(count, self.shape[-1])

    def _write(self, row: int, step: int, y: Any) -> None:
        place = row * math.prod(self.shape[1:]) + step * self.shape[-1]
        self._file.seek(self._start + 4 * place)
        self._file.write(y.data)


def predict_to(
    file: BinaryIO,
    model: Model,
    data: Slices,
    advance: Callable[[int], object],
    limits: SliceLimits = SliceLimits(),
) -> PredictionFile:
    """Write the predictions for `data` into `file`; call `advance` with the steps of each slice."""
    outputs = len(model.manifest.outputs)
    steps = (data.steps,) if model.manifest.head == "sequence" else ()
    result = PredictionFile(file, (data.sequences, *steps, outputs))
    for prediction in _predictions(model, data, limits):
        result.put(prediction.row, prediction.step, prediction.y)
        advance(prediction.steps)
    return result


def _predictions(model: Model, data: Slices, limits: SliceLimits) -> Iterator[Prediction]:
    """Yield the predictions, one slice at a time.

    Sequences so long that only a few fit into memory are cut in time. A bidirectional network needs
    each sequence whole.
    """
    from seqrt.runtime.compute.cost import ROWS

    m = model.manifest
    width = len(m.features) + (len(m.outputs) if m.head == "sequence" else 0)
    most = limits.memory // (4 * width)
    rows = min(data.sequences, ROWS * model.threads)
    if rows * data.steps > most and m.streamable and data.lengths is None:
        yield from _cut_in_time(model, data, rows, most, limits.run)
        return
    enough = limits.work * model.threads // m.operations
    yield from _whole(model, data, min(most, max(rows * data.steps, enough)))


def _whole(model: Model, data: Slices, most: int) -> Iterator[Prediction]:
    """Predict whole sequences: together at most `most` steps, or one sequence that is longer."""
    for rows in _groups(data, most):
        # the reader has already rejected NaN and Inf
        y = model.predict(data.part(rows, slice(0, data.steps)), nonfinite="allow")
        if isinstance(y, list):
            for i, item in enumerate(y):
                yield Prediction(rows.start + i, 0, item[None], len(item))
        else:
            yield Prediction(rows.start, 0, y, data.steps_of(rows))


def _groups(data: Slices, most: int) -> Iterator[slice]:
    import numpy as np

    if data.lengths is None:
        size = max(1, most // max(1, data.steps))
        starts = range(0, data.sequences, size)
        yield from (slice(start, min(start + size, data.sequences)) for start in starts)
        return
    ends = np.cumsum(np.maximum(data.lengths, 1))
    start = done = 0
    while start < data.sequences:
        stop = max(start + 1, int(np.searchsorted(ends, done + most, side="right")))
        yield slice(start, stop)
        start, done = stop, int(ends[stop - 1])


def _cut_in_time(
    model: Model, data: Slices, together: int, most: int, work: int
) -> Iterator[Prediction]:
    """Predict long sequences, `together` at a time and shared among threads, chunk by chunk."""
    import numpy as np

    from seqrt.runtime.compute.cost import step_cost
    from seqrt.runtime.compute.workers import Workers

    share = -(-together // model.threads)
    uninterrupted = work // (share * step_cost(model.manifest.operations))
    chunk = max(1, min(most // together, uninterrupted))

    workers = Workers(model.threads)
    for start in range(0, data.sequences, together):
        rows = slice(start, min(start + together, data.sequences))
        states = _shares(model.zero_state(rows.stop - start), model.threads)
        for step in range(0, data.steps, chunk):
            steps = slice(step, min(step + chunk, data.steps))
            shares = _shares(data.part(rows, steps), model.threads)
            results = _advance(model, workers, shares, states)
            states = [state for _, state in results]
            y = np.concatenate([y for y, _ in results])
            if y.ndim == len("NO") and steps.stop < data.steps:
                y = y[:0]  # the prediction is the one at the end
            yield Prediction(start, step, y, (rows.stop - start) * (steps.stop - step))


def _advance(
    model: Model, workers: Workers, shares: list[Any], states: list[Any]
) -> list[tuple[Any, Any]]:
    """Return y and the next state of each share, computed on all threads."""
    results: list[Any] = [None] * len(shares)

    def work(i: int, _stopped: object) -> None:
        results[i] = model.run(shares[i], state=states[i], nonfinite="allow")

    workers.share(range(len(shares)), work, len(shares))
    return results


def _shares(rows: Any, threads: int) -> list[Any]:
    """Split the rows among the threads; if there are fewer rows than threads, one row each."""
    import numpy as np

    return np.array_split(rows, min(threads, len(rows)))
