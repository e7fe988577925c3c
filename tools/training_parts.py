"""Measure which parts of a training step take its time, and how much of that no kernel can save.

    python tools/training_parts.py [--epochs 20] [--only CELL]

The network is the tutorial's (64-32-1) in batches of 32, as in training_speed.py, with T = 10 and
100. `fit` trains it on one thread with a clock around each of its parts, and the median over the
epochs is printed: milliseconds of processor time for a step, which depend little on what else the
machine does.

batch     taking the rows of a batch
forward   the layers, and their scaled input
backward  the gradients of the layers
head      the head, the loss and their gradients
Adam      clearing and clipping the gradient, and the update
rest      Python of the loop, the order of the rows

"products" is the time of the matrix products of both layers alone, forward and backward, with
nothing between them: a bound for any kernel that calls the same BLAS.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

import torch
from training_speed import BATCH, BATCHES, UNITS, data

from seqrt.training import Network, fit
from seqrt.training.loop.adam import Adam
from seqrt.training.loop.gradient import ManualGradient
from seqrt.training.loop.steps import MicroBatch

GATES = {"lstm": 4, "gru": 3, "rnn": 1}
STEPS = (10, 100)
PARTS: dict[str, tuple[tuple[Any, str], ...]] = {
    "batch": ((MicroBatch, "batch"),),
    "forward": ((ManualGradient, "_forward"),),
    "backward": ((ManualGradient, "_backward"),),
    "head": ((ManualGradient, "_head"),),
    "Adam": ((Adam, "clear"), (Adam, "clip"), (Adam, "step")),
}
COLUMNS = (*PARTS, "rest", "step", "products")


@contextmanager
def clocks() -> Iterator[dict[str, float]]:
    """Add up the seconds of processor time that each part takes inside the block."""
    seconds = dict.fromkeys(PARTS, 0.0)

    def timed(part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **given: Any) -> Any:
            began = time.process_time()
            try:
                return function(*args, **given)
            finally:
                seconds[part] += time.process_time() - began

        return call

    with ExitStack() as stack:
        for part, places in PARTS.items():
            for owner, name in places:
                wrapped = timed(part, getattr(owner, name))
                stack.enter_context(mock.patch.object(owner, name, wrapped))
        yield seconds


def measured(cell: Any, steps: int, epochs: int) -> dict[str, float]:
    """Return the milliseconds of each part of a step, the median over the epochs."""
    torch.manual_seed(0)
    training = fit(Network(cell, 1, UNITS), *data(steps), epochs=100_000, batch_size=BATCH)
    rounds = []
    with clocks() as seconds:
        next(training)
        for _ in range(epochs):
            seconds.update(dict.fromkeys(seconds, 0.0))
            began = time.process_time()
            next(training)
            whole = time.process_time() - began
            parts = seconds | {"rest": whole - sum(seconds.values()), "step": whole}
            parts["products"] = products(cell, steps)
            rounds.append({name: 1e3 * value / BATCHES for name, value in parts.items()})
    training.close()
    return {name: statistics.median(each[name] for each in rounds) for name in COLUMNS}


def products(cell: str, steps: int) -> float:
    """Return the seconds in which the products of BATCHES steps are computed, from one of them."""
    layers = []
    for width, units in zip((1, *UNITS), UNITS, strict=False):
        rows = GATES[cell] * units
        of_x, of_h = torch.rand(rows, width), torch.rand(rows, units)
        x, h, a = (torch.rand(n, steps * BATCH) for n in (width, units, rows))
        layers.append((of_x, of_h, x, h, a, torch.rand(units, BATCH), torch.rand(rows, BATCH)))

    def once() -> None:
        for of_x, of_h, x, h, a, h_t, a_t in layers:
            of_x @ x
            for _ in range(steps - 1):
                torch.mm(of_h, h_t, out=a_t)
            for _ in range(steps - 1):
                torch.mm(of_h.t(), a_t, out=h_t)
            a @ x.t()
            a @ h.t()
            if len(x) > 1:
                of_x.t() @ a

    once()
    began = time.process_time()
    once()
    return BATCHES * (time.process_time() - began)


def main() -> None:
    """Print a line for each cell and number of steps."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--only", choices=GATES)
    args = parser.parse_args()
    torch.set_num_threads(1)
    print(f"| network | {' | '.join(COLUMNS)} |\n|{'---|' * (1 + len(COLUMNS))}")
    for cell in GATES if args.only is None else [args.only]:
        for steps in STEPS:
            parts = measured(cell, steps, args.epochs)
            cells = " | ".join(f"{parts[name]:.2f}" for name in COLUMNS)
            print(f"| {cell.upper()}, T = {steps} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
