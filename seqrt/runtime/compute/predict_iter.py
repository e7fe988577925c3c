"""Predictions for a stream of batches, in order, with several batches in progress at a time."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from seqrt.errors import InputError, ResourceError
from seqrt.runtime.compute.cost import LIMITS, Limits, step_cost
from seqrt.runtime.compute.pool import Call, Pool
from seqrt.runtime.inputs.nonfinite import check_choice
from seqrt.runtime.out_of_memory import FAILURES, raise_if_out_of_memory

if TYPE_CHECKING:
    from seqrt.runtime.inputs.nonfinite import Nonfinite
    from seqrt.runtime.types import Floats

    Outputs = Floats | list[Floats]
    Predict = Callable[[Any, Any], Outputs]


def predict_iter(
    predict: Callable[..., Outputs],
    batches: Iterable[Any],
    nonfinite: Nonfinite = "error",
    *,
    threads: int,
    operations: int,
    limits: Limits = LIMITS,
) -> Iterator[Outputs]:
    """Return an iterator over the outputs for each of `batches`, in order.

    A batch is an array (B, T, D), a list of (T_i, D), or a pair (x, lengths); its outputs are those
    of `predict(x, lengths, nonfinite=)`, in which a step of a row takes `operations`. Up to twice
    as many batches as `threads` are read ahead and copied, so that the caller may reuse an array. A
    large batch is not copied: all threads work on it at once, and on no other.

    An error, in `batches` or in a batch, is raised after the outputs before it and ends the
    iteration. InputError names the batch, counted from 0.
    """
    check_choice(nonfinite)
    try:
        source = iter(batches)
    except TypeError:
        raise InputError(
            f"E_INPUT_TYPE: batches must be an iterable of batches, got {type(batches).__name__}."
            " For a single batch use predict."
        ) from None
    tasks = _tasks(
        partial(predict, nonfinite=nonfinite),
        source,
        step_cost(operations),
        limits.largest_task if threads > 1 else 0,
    )
    return _in_order(tasks, threads, limits)


class _Task(NamedTuple):
    """One batch: the call that returns its outputs, and its cost in operations."""

    call: Callable[[], Outputs]
    cost: int


def _in_order(tasks: Iterator[_Task], threads: int, limits: Limits) -> Iterator[Outputs]:
    ahead = 2 * threads if threads > 1 else 1
    pid = os.getpid()
    pool: Pool | None = None
    waiting: deque[Call[Outputs]] = deque()

    try:
        for task in tasks:
            fits = limits.smallest_task <= task.cost <= limits.largest_task
            if fits and ahead > 1 and pid == os.getpid():
                pool = pool or Pool(threads)
                waiting.append(pool.submit(task.call))
            else:
                waiting.append(Call(task.call))
            while len(waiting) >= ahead or (waiting and task.cost > limits.largest_task):
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except FAILURES as error:
        raise_if_out_of_memory(error)
        raise
    finally:
        for call in waiting:
            # An interrupt must not wait for outputs that nobody will read.
            call.cancel()


def _tasks(
    predict: Predict, source: Iterator[Any], cost_of_step: int, largest_copied: int
) -> Iterator[_Task]:
    """Yield a task for each batch; an error while a batch is read becomes the last task."""
    for number in count():
        try:
            batch = next(source)
            cost = _steps(batch) * cost_of_step
            if 0 < cost <= largest_copied:
                batch = deepcopy(batch)
        except StopIteration:
            return
        except MemoryError as error:
            problem = ResourceError(
                f"E_MEMORY: batch {number} does not fit into memory. Give smaller batches."
            )
            problem.__cause__ = error
            yield _Task(partial(_raise, problem), 0)
            return
        except Exception as error:  # noqa: BLE001 - any error waits for the outputs before it
            yield _Task(partial(_raise, error), 0)
            return
        yield _Task(partial(_predict_one, predict, number, batch), cost)


def _steps(batch: Any) -> int:
    """Return the number of steps in a batch, an upper bound; 0 for anything but a batch."""
    x = batch[0] if isinstance(batch, tuple) and batch else batch
    sizes: tuple[int, ...] = getattr(x, "shape", ())
    if isinstance(x, list):
        return sum(map(_length, x))
    return sizes[0] * sizes[1] if len(sizes) in (len("BT"), len("BTD")) else 0


def _length(item: Any) -> int:
    """Return the number of steps in an item of a list; 0 for anything but an item."""
    sizes = getattr(item, "shape", None)
    if sizes is None:
        return len(item) if hasattr(item, "__len__") else 0
    return sizes[0] if sizes else 0


def _predict_one(predict: Predict, number: int, batch: Any) -> Outputs:
    x, lengths = _parts(number, batch)
    try:
        return predict(x, lengths)
    except InputError as error:
        code, _, rest = str(error).partition(": ")
        raise InputError(f"{code}: batch {number}: {rest}") from None


def _parts(number: int, batch: Any) -> tuple[Any, Any]:
    """Return the x of a batch, and its lengths or None."""
    if not isinstance(batch, tuple):
        return batch, None
    if len(batch) != 2:
        raise InputError(
            f"E_INPUT_TYPE: batch {number} must be an array, a list of sequences, or a pair"
            f" (x, lengths), got a tuple of {len(batch)}. Pass sequences as a list."
        )
    x, lengths = batch
    return x, lengths


def _raise(error: Exception) -> NoReturn:
    raise error
