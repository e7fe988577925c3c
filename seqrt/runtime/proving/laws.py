"""The laws that hold for every model, each measured on this machine.

A law says that two ways to compute the same thing agree. On onnxruntime's CPU kernels they agree
bit for bit wherever that was measured; elsewhere the rule of parity bounds the difference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from seqrt.runtime.compute.heads import heads_of
from seqrt.runtime.compute.workers import Workers

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from seqrt.runtime.proving.protocol import ProvableModel
    from seqrt.runtime.types import Floats

    Result = tuple[Floats, Floats]
    Law = Callable[[ProvableModel, NDArray[Any]], tuple[Result, Result]]

_THREADS = 4


def laws(model: ProvableModel) -> Iterator[tuple[str, Law]]:
    """Yield the name and the test of each law that applies to the model.

    A test takes x (B, T, D), or tokens (B, T), with B, T >= 2, and returns two results that the law
    calls equal, each a pair of outputs and end states (empty where the law says nothing about
    states).
    """
    if model.manifest.streamable:
        yield "a sequence cut anywhere = the whole", _cut_is_whole
        yield "step by step = the whole", _steps_are_whole
        yield "no state = zero state", _no_state_is_zero_state
        yield "saved and resumed = never stopped", _saved_is_never_stopped
    yield "padding does not matter", _padding_does_not_matter
    yield "batch mates do not matter", _alone_is_together
    yield "order of the batch does not matter", _order_does_not_matter
    yield "a ragged list = its padded batch", _ragged_is_padded
    yield "one thread = many", _one_thread_is_many


def _cut_is_whole(model: ProvableModel, x: NDArray[Any]) -> tuple[Result, Result]:
    whole = model.run(x)
    parts = []
    for cut in range(1, x.shape[1]):
        first, state = model.run(x[:, :cut])
        second, end = model.run(x[:, cut:], None, state)
        y = np.concatenate([first, second], axis=1) if _per_step(model) else second
        parts.append((_at_the_end(model, y), end))
    return _stacked(parts), _stacked([whole] * len(parts))


def _steps_are_whole(model: ProvableModel, x: NDArray[Any]) -> tuple[Result, Result]:
    whole = model.run(x)[0]
    streamed = []
    for row in x:
        stream = model.stream()
        outputs = [stream.push(step) for step in row]
        streamed.append(np.stack(outputs) if _per_step(model) else outputs[-1])
    return _stateless(_at_the_end(model, np.stack(streamed))), _stateless(whole)


def _no_state_is_zero_state(model: ProvableModel, x: NDArray[Any]) -> tuple[Result, Result]:
    return model.run(x), model.run(x, None, model.zero_state(len(x)))


def _saved_is_never_stopped(model: ProvableModel, x: NDArray[Any]) -> tuple[Result, Result]:
    half = x.shape[1] // 2
    stopped, never = model.stream(), model.stream()
    stopped.push(x[0, :half])
    never.push(x[0, :half])
    resumed = model.stream(stopped.save()).push(x[0, half:])
    return _stateless(resumed), _stateless(never.push(x[0, half:]))


def _padding_does_not_matter(model: ProvableModel, x: NDArray[Any]) -> tuple[Result, Result]:
    batch, time = x.shape[:2]
    padding = np.full((batch, 3, *x.shape[2:]), np.nanmax(x), x.dtype)
    y, end = model.run(np.concatenate([x, padding], axis=1), np.full(batch, time, np.int32))
    return (y[:, :time] if _per_step(model) else y, end), model.run(x)


def _alone_is_together(model: ProvableModel, x: NDArray[Any]) -> tuple[Result, Result]:
    alone = [model.run(row[None]) for row in x]
    y, end = (np.concatenate(parts) for parts in zip(*alone, strict=True))
    return (y, end), model.run(x)


def _order_does_not_matter(model: ProvableModel, x: NDArray[Any]) -> tuple[Result, Result]:
    y, end = model.run(x[::-1])
    return (y[::-1], end[::-1]), model.run(x)


def _ragged_is_padded(model: ProvableModel, x: NDArray[Any]) -> tuple[Result, Result]:
    lengths = [max(model.manifest.least, x.shape[1] - i) for i in range(len(x))]
    listed = model.predict([row[:steps] for row, steps in zip(x, lengths, strict=True)])
    padded = model.predict(x, lengths)
    if isinstance(listed, list):
        padded = np.concatenate([row[:t] for row, t in zip(padded, lengths, strict=True)])
        listed = np.concatenate(listed)
    return _stateless(listed), _stateless(np.asarray(padded))


def _one_thread_is_many(model: ProvableModel, x: NDArray[Any]) -> tuple[Result, Result]:
    many: list[Result] = []
    Workers(_THREADS).share(range(_THREADS), lambda *_: many.append(model.run(x)), _THREADS)
    return _stacked(many), _stacked([model.run(x)] * _THREADS)


def _per_step(model: ProvableModel) -> bool:
    return model.manifest.head == "sequence"


def _at_the_end(model: ProvableModel, y: Floats) -> Floats:
    """Return the outputs of whole rows from those of their parts, which each have an end."""
    heads = heads_of(model.manifest)
    if heads:
        heads.only_last(y, np.full(len(y), y.shape[1], np.int32))
    return y


def _stateless(y: Floats) -> Result:
    return y, np.zeros(0, np.float32)


def _stacked(results: list[Result]) -> Result:
    ys, ends = zip(*results, strict=True)
    return np.stack(ys), np.stack(ends)
