"""A stream of batches answered in order, several at a time, so that all threads have work."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from copy import deepcopy
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from seqrt.errors import InputError, ResourceError
from seqrt.runtime.inputs import nonfinite as door
from seqrt.runtime.out_of_memory import out_of_memory

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

    from seqrt.runtime.inputs.nonfinite import Nonfinite
    from seqrt.runtime.model import Model
    from seqrt.runtime.types import Floats

    Answer = Floats | list[Floats]

# A batch of more work than this, in operations, is predicted by itself: it keeps all threads busy,
# and a thread that has begun one could not be stopped soon.
_LARGE = 1_000_000_000

# Handing a batch to a thread costs about as much: a smaller one is left to the caller's own.
_SMALL = 5_000_000

# What a step of a row takes besides its products, in operations.
_A_STEP = 15_000


def predict_iter(
    model: Model, batches: Iterable[Any], nonfinite: Nonfinite = "error"
) -> Iterator[Answer]:
    """Return the answers to `batches`, one each, in order, as they are asked for.

    A batch is an array (B, T, D), a list of (T_i, D), or a pair (x, lengths); its answer is that of
    `model.predict`. Up to twice as many as there are threads are read ahead, and copied: an array
    may be filled anew for the next. A large one is not, and all threads work on it in its turn.

    An error, of `batches` or of a batch, comes out after the answers before it and ends the
    iteration. InputError names the batch, counted from 0.
    """
    door.check_choice(nonfinite)
    try:
        source = iter(batches)
    except TypeError:
        raise InputError(
            f"E_INPUT_TYPE: batches must be an iterable of batches, got {type(batches).__name__}."
            " For one batch there is predict."
        ) from None
    return _in_order(model, source, nonfinite)


class _Task(NamedTuple):
    """One batch: the call that answers it, and its work in operations."""

    call: Callable[[], Answer]
    work: int


def _in_order(model: Model, source: Iterator[Any], nonfinite: Nonfinite) -> Iterator[Answer]:
    ahead = 2 * model.threads if model.threads > 1 else 1
    pid = os.getpid()
    pool: ThreadPoolExecutor | None = None
    waiting: deque[tuple[_Task, Future[Answer] | None]] = deque()

    def answer() -> Answer:
        task, future = waiting.popleft()
        # a forked child has the futures of its parent, and none of its threads
        return task.call() if future is None or pid != os.getpid() else future.result()

    try:
        for task in _tasks(model, source, nonfinite):
            future = None
            if _SMALL <= task.work <= _LARGE and ahead > 1 and pid == os.getpid():
                pool = pool or _threads(model)
                with suppress(RuntimeError, MemoryError):  # where the system gives no more threads
                    future = pool.submit(task.call)
            waiting.append((task, future))
            while len(waiting) >= ahead or (waiting and task.work > _LARGE):
                yield answer()
        while waiting:
            yield answer()
    except ResourceError:
        raise
    except MemoryError as error:
        raise out_of_memory(error) from None
    finally:
        if pool is not None:
            # An interrupt must not wait for answers that nobody will read.
            pool.shutdown(wait=False, cancel_futures=True)


def _threads(model: Model) -> ThreadPoolExecutor:
    # Importing it takes longer than many a program's only prediction.
    from concurrent.futures import ThreadPoolExecutor

    return ThreadPoolExecutor(model.threads, thread_name_prefix="seqrt-batches")


def _tasks(model: Model, source: Iterator[Any], nonfinite: Nonfinite) -> Iterator[_Task]:
    """Yield a task for each batch; what goes wrong while one is read is a task too, the last."""
    for number in count():
        try:
            batch = next(source)
            work = _steps(batch) * (model.manifest.operations + _A_STEP)
            if 0 < work <= _LARGE and model.threads > 1:
                batch = deepcopy(batch)
        except StopIteration:
            return
        except MemoryError as error:
            problem = ResourceError(
                f"E_MEMORY: batch {number} must fit into memory, and did not. Give smaller batches."
            )
            problem.__cause__ = error
            yield _Task(partial(_raise, problem), 0)
            return
        except Exception as error:  # noqa: BLE001 - whatever it is, the answers before it come first
            yield _Task(partial(_raise, error), 0)
            return
        yield _Task(partial(_answer, model, number, batch, nonfinite), work)


def _steps(batch: Any) -> int:
    """Return how many steps a batch has at most; what looks like no batch has 0."""
    x = batch[0] if isinstance(batch, tuple) and batch else batch
    sizes: tuple[int, ...] = getattr(x, "shape", ())
    if isinstance(x, list):
        return sum(map(_length, x))
    return sizes[0] * sizes[1] if len(sizes) == len("BTD") else 0


def _length(item: Any) -> int:
    """Return how many steps an item has; what looks like no item has 0."""
    sizes = getattr(item, "shape", None)
    if sizes is None:
        return len(item) if hasattr(item, "__len__") else 0
    return sizes[0] if sizes else 0


def _answer(model: Model, number: int, batch: Any, nonfinite: Nonfinite) -> Answer:
    x, lengths = _parts(number, batch)
    try:
        return model.predict(x, lengths, nonfinite=nonfinite)
    except InputError as error:
        code, _, what = str(error).partition(": ")
        raise InputError(f"{code}: batch {number}: {what}") from None


def _parts(number: int, batch: Any) -> tuple[Any, Any]:
    """Return the x of a batch and its lengths, if it has any."""
    if not isinstance(batch, tuple):
        return batch, None
    if len(batch) != 2:
        raise InputError(
            f"E_INPUT_TYPE: batch {number} must be an array, a list of sequences, or a pair"
            f" (x, lengths), got a tuple of {len(batch)}. Give sequences as a list."
        )
    x, lengths = batch
    return x, lengths


def _raise(error: Exception) -> NoReturn:
    raise error
