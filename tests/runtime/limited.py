"""A process that calls the runtime under limits of its own memory, and reports the outcomes.

Run as `python limited.py TASK ARGUMENTS...` by test_out_of_memory.py; writes JSON. How much a run
needs depends on the kernels that onnxruntime chooses for the processor, so every limit is searched
for on the machine that runs the test.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

import seqrt

LIMITS = 40
ROWS, STEPS = 24, 2_000
# For a network that reads whole rows: a row of this many steps takes several megabytes.
LONG = 5_000


class Case(NamedTuple):
    """A call that allocates. `begin` makes its argument; `unchanged` checks it after a failure."""

    call: Callable[[Any], list[Any]]
    begin: Callable[[], Any] = lambda: None
    unchanged: Callable[[Any], bool] = lambda _: True

    def outcome(self, want: list[Any], more: int) -> str:
        """Call with at most `more` bytes to allocate: "right", "wrong", or the error it raised."""
        on = self.begin()
        failure, got = None, []
        with limited(more):
            try:
                got = self.call(on)
            except Exception as error:  # noqa: BLE001 - which one it is, is the question
                failure = error
        if failure is not None:
            changed = "" if self.unchanged(on) else " that changed its object"
            return f"{type(failure).__name__}{changed}: {failure}"
        same = len(got) == len(want) and all(map(np.array_equal, got, want))
        return "right" if same else "wrong"

    def needs(self, want: list[Any], outcomes: list[str]) -> int:
        """Return the bytes that a right result takes, to a sixteenth; append each outcome."""

        def fits(more: int) -> bool:
            outcomes.append(self.outcome(want, more))
            return outcomes[-1] == "right"

        most = 1 << 16
        while not fits(most):
            most *= 2
            assert most < 1 << 36, outcomes
        least = most // 2
        step = most // 16
        while most - least > step:
            middle = (least + most) // 2
            least, most = (least, middle) if fits(middle) else (middle, most)
        return most


@contextmanager
def limited(more: int) -> Iterator[None]:
    """Let the process allocate `more` bytes beyond what it has now."""
    import resource  # Windows does not have it

    with open("/proc/self/statm", encoding="ascii") as file:
        held = int(file.read().split()[0]) * resource.getpagesize()
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (held + more, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def line(steps: int) -> np.ndarray:
    return np.linspace(0, 1, steps, dtype=np.float32)[:, None].repeat(2, axis=1)


def rows(steps: int) -> np.ndarray:
    """Return (24, steps, 2); all rows are the same memory."""
    return np.broadcast_to(line(steps), (ROWS, steps, 2))


def ragged() -> list[np.ndarray]:
    return [line(STEPS)[: STEPS - i * STEPS // 40] for i in range(ROWS)]


def law(kind: str, path: str, threads: str) -> dict[str, Any]:
    """Try one kind of call under limits from nothing to a little more than it needs."""
    alone = CASES[kind](seqrt.load(path, threads=1), path)
    want = alone.call(alone.begin())
    # a model of its own, so that its threads start under a limit
    case = CASES[kind](seqrt.load(path, threads=int(threads)), path)
    searched: list[str] = []
    # several threads need more than that if they run at the same time
    most = case.needs(want, searched) * 17 // 16 * (1 if threads == "1" else 2)
    outcomes = [case.outcome(want, most * i // (LIMITS - 1)) for i in range(LIMITS)]
    return {"outcomes": outcomes, "searched": searched, "after": case.outcome(want, 1 << 36)}


def _predict(model: seqrt.Model, path: str) -> Case:
    x = rows(STEPS)
    return Case(lambda _: [model.predict(x)])


def _doubles(model: seqrt.Model, path: str) -> Case:
    x = rows(STEPS).astype(np.float64)[:, ::-1]
    return Case(lambda _: [model.predict(x)])


def _list(model: seqrt.Model, path: str) -> Case:
    x = ragged()
    return Case(lambda _: list(model.predict(x)))


def _iter(model: seqrt.Model, path: str) -> Case:
    batches = [rows(STEPS), (rows(100), [100, 9] * 12), rows(STEPS)]
    return Case(lambda _: list(model.predict_iter(batches)))


def _run(model: seqrt.Model, path: str) -> Case:
    x = rows(STEPS)
    return Case(lambda _: list(model.run(x)))


def _chunk(model: seqrt.Model, path: str) -> Case:
    x, start = line(20 * STEPS), model.stream()
    start.push(x[5])
    saved = start.save()
    return Case(
        lambda stream: [stream.push(x)],
        lambda: model.stream(saved),
        lambda stream: stream.save() == saved and stream.steps == 1,
    )


def _streams(model: seqrt.Model, path: str) -> Case:
    """Every second key is new, so that the states have to grow."""
    chunks, start = dict(enumerate(ragged() * 2)), model.streams()
    start.push({key: line(3) for key in chunks if key % 2})
    saved = start.snapshot()
    return Case(
        lambda streams: list(streams.push(chunks).values()),
        lambda: model.streams(saved),
        lambda streams: streams.snapshot() == saved,
    )


def _load(model: seqrt.Model, path: str) -> Case:
    x = line(9)[None]
    return Case(lambda _: [seqrt.load(path).predict(x)])


def _validate(model: seqrt.Model, path: str) -> Case:
    return Case(lambda _: [str(model.validate())])


CASES = {
    "predict": _predict,
    "predict doubles": _doubles,
    "predict a list": _list,
    "predict_iter": _iter,
    "run": _run,
    "a stream": _chunk,
    "streams": _streams,
    "load": _load,
    "validate": _validate,
}


def halved(path: str) -> dict[str, Any]:
    """Predict with half of what all rows in one run need beyond what `predict` needs."""
    model = seqrt.load(path, threads=1)
    x = rows(LONG)
    together, blocks = Case(lambda _: [model.run(x)[0]]), Case(lambda _: [model.predict(x)])
    want = [model.predict([x[0]]).repeat(ROWS, axis=0)]
    more = (together.needs(want, []) + blocks.needs(want, [])) // 2
    return {"together": together.outcome(want, more), "in blocks": blocks.outcome(want, more)}


def one_row(path: str) -> dict[str, Any]:
    """Predict with three quarters of what a single row needs; then something small."""
    model = seqrt.load(path, threads=1)
    x, few = rows(LONG), rows(50)
    one, all_rows, small = (Case(lambda _, x=x: [model.predict(x)]) for x in (x[:1], x, few))
    more = one.needs([model.predict(x[:1])], []) * 3 // 4
    want = [model.predict([few[0]]).repeat(ROWS, axis=0)]
    return {"all rows": all_rows.outcome([], more), "few": small.outcome(want, more)}


def no_threads(path: str) -> dict[str, Any]:
    """Predict with enough memory for everything but the stack of a thread."""
    model = seqrt.load(path, threads=4)
    x = rows(STEPS)
    case = Case(lambda _: [model.predict(x)])
    want = [seqrt.load(path, threads=1).predict(x)]
    threading.stack_size(1 << 40)  # more than fits below any limit here
    thread = Case(lambda _: [threading.Thread(target=len, args=("",)).start()])
    return {"a thread": thread.outcome([], 1 << 36), "predict": case.outcome(want, 1 << 36)}


def main() -> None:
    task, *arguments = sys.argv[1:]
    # In a thread, whose stack is allocated whole: the first one grows as it is used, and a limit
    # that stops it from growing ends the process.
    threading.stack_size(16 << 20)
    found: list[Any] = []
    tasks = {task.__name__: task for task in (law, halved, one_row, no_threads)}
    worker = threading.Thread(target=lambda: found.append(tasks[task](*arguments)))
    worker.start()
    threading.stack_size(0)
    worker.join()
    json.dump(found[0], sys.stdout)


if __name__ == "__main__":
    main()
