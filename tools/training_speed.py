"""How long a training step takes: seqrt beside Keras on TensorFlow, and beside plain PyTorch.

    python tools/training_speed.py
    python tools/training_speed.py --keras-python PATH    Keras from another environment
    python tools/training_speed.py --rounds 41 --only gru --against plain-1

Every contender lives in a process of its own and trains one network on the same data, in batches of
32; a turn is one epoch. They alternate (see side_by_side/race.py). A ratio, another's time over
ours, is taken within a round; the medians are printed, and the quartiles of the ratio. Above 1
seqrt is faster. All run on the same cores, each with its own default number of threads.

seqrt    `fit`, with the threads that `seqrt train` takes; it also scales, clips and checks
seqrt-1  the same with one thread, where `seqrt train` takes more
keras    Keras 3 on TensorFlow, `fit`, timed from the beginning to the end of an epoch
plain    PyTorch as tutorials show it: DataLoader, default Adam, PyTorch's number of threads
plain-1  the same with one thread, which an expert would choose
kernel   PyTorch with fused Adam, indexed batches and one thread: what remains is its kernel
gru      seqrt with GRU layers of the same sizes, beside its minGRU layers
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, NamedTuple

import numpy as np
from side_by_side.race import Command, race, speedup

UNITS, BATCH, BATCHES, WARM = (64, 32), 32, 100, 3


class Row(NamedTuple):
    cell: str
    steps: int
    others: tuple[str, ...]


ROWS = (
    Row("lstm", 10, ("seqrt-1", "keras", "plain", "plain-1", "kernel")),
    Row("rnn", 10, ("keras", "plain", "plain-1", "kernel")),
    Row("gru", 10, ("seqrt-1", "keras", "plain", "plain-1", "kernel")),
    Row("gru", 100, ("seqrt-1", "kernel")),
    Row("mingru", 10, ("gru",)),
    Row("mingru", 100, ("gru",)),
)


def data(steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Windows of a noisy wave and the value that follows: (N, T, 1) and (N, 1)."""
    count = BATCH * BATCHES
    rng = np.random.default_rng(0)
    wave = np.sin(np.arange(count + steps) / 5) + 0.1 * rng.standard_normal(count + steps)
    windows = np.lib.stride_tricks.sliding_window_view(wave.astype(np.float32), steps + 1)
    return np.ascontiguousarray(windows[:, :steps, None]), np.ascontiguousarray(windows[:, steps:])


# Contenders, each in a process: a line read asks for an epoch, a line written is its seconds.


def epochs() -> Iterator[None]:
    """Yield whenever an epoch is asked for; print how long it took."""
    for _ in sys.stdin:
        began = time.perf_counter()
        yield
        print(time.perf_counter() - began, flush=True)


def seqrt(cell: Any, steps: int, threads: int | None = None) -> None:
    import torch

    from seqrt.training import Network, fit
    from seqrt.training.loop.threads import threads_that_pay

    torch.set_num_threads(threads or threads_that_pay(cell, UNITS))
    training = fit(Network(cell, 1, UNITS), *data(steps), epochs=100_000, batch_size=BATCH)
    for _ in epochs():
        next(training)


def seqrt_1(cell: Any, steps: int) -> None:
    seqrt(cell, steps, 1)


def gru(_: str, steps: int) -> None:
    seqrt("gru", steps)


def keras(cell: str, steps: int) -> None:
    os.environ |= {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}
    from keras import Input, Sequential, callbacks, layers

    class Turns(callbacks.Callback):
        """Begin an epoch when asked, print how long it took, and stop at the end of stdin."""

        turns = epochs()

        def on_epoch_begin(self, epoch: int, logs: object = None) -> None:
            if next(self.turns, self) is self:
                raise EOFError

    kind = {"lstm": layers.LSTM, "rnn": layers.SimpleRNN, "gru": layers.GRU}[cell]
    first, second = kind(UNITS[0], return_sequences=True), kind(UNITS[1])
    model = Sequential([Input((steps, 1)), first, second, layers.Dense(1)])
    model.compile("adam", "mse")
    with contextlib.suppress(EOFError):
        model.fit(*data(steps), batch_size=BATCH, epochs=10**9, verbose=0, callbacks=[Turns()])


def torch_net(cell: str) -> tuple[Any, list[Any]]:
    from torch import nn

    kind = {"lstm": nn.LSTM, "rnn": nn.RNN, "gru": nn.GRU}[cell]
    first, second = kind(1, UNITS[0], batch_first=True), kind(*UNITS, batch_first=True)
    dense = nn.Linear(UNITS[1], 1)
    weights = [weight for layer in (first, second, dense) for weight in layer.parameters()]
    return lambda x: dense(second(first(x)[0])[0][:, -1]), weights


def plain(cell: str, steps: int) -> None:
    import torch
    from torch.utils.data import DataLoader, TensorDataset

    net, weights = torch_net(cell)
    adam = torch.optim.Adam(weights)
    dataset = TensorDataset(*map(torch.from_numpy, data(steps)))
    loader = DataLoader(dataset, batch_size=BATCH, shuffle=True)
    for _ in epochs():
        total = 0.0
        for x, y in loader:
            adam.zero_grad()
            loss = torch.nn.functional.mse_loss(net(x), y)
            loss.backward()
            adam.step()
            total += loss.item()


def plain_1(cell: str, steps: int) -> None:
    import torch

    torch.set_num_threads(1)
    plain(cell, steps)


def kernel(cell: str, steps: int) -> None:
    import torch

    torch.set_num_threads(1)
    net, weights = torch_net(cell)
    adam = torch.optim.Adam(weights, fused=True)
    x, y = map(torch.from_numpy, data(steps))
    for _ in epochs():
        for rows in torch.randperm(len(x)).split(BATCH):
            adam.zero_grad()
            loss = torch.nn.functional.mse_loss(net(x[rows]), y[rows])
            loss.backward()
            adam.step()
            loss.item()


CONTENDERS = {
    "seqrt": seqrt,
    "seqrt-1": seqrt_1,
    "keras": keras,
    "plain": plain,
    "plain-1": plain_1,
    "kernel": kernel,
    "gru": gru,
}


# The race


def run(row: Row, pythons: dict[str, str], rounds: int) -> dict[str, list[float]]:
    """Return the milliseconds of a step, of each contender and in each round."""
    with ExitStack() as stack:
        players = {
            name: stack.enter_context(
                Command([python, __file__, "--contender", name, row.cell, str(row.steps)])
            )
            for name, python in pythons.items()
        }
        seconds = np.array(list(race(players, rounds, WARM)))
    return dict(zip(pythons, (seconds / BATCHES * 1000).T.tolist(), strict=True))


def report(row: Row, times: dict[str, list[float]]) -> None:
    ours = times["seqrt"]
    for name in row.others:
        what = f"{row.cell} 64-32-1, T={row.steps}"
        if name not in times:
            print(f"{what:24} {name:8} not installed: see --keras-python")
            continue
        theirs, our = statistics.median(times[name]), statistics.median(ours)
        measured = f"{theirs:7.2f} ms   seqrt {our:6.2f} ms   ratio {speedup(ours, times[name])}"
        print(f"{what:24} {name:8} {measured}", flush=True)


def has_keras(python: str) -> bool:
    code = "import importlib.util as u, sys; sys.exit(not (u.find_spec('keras') and "
    code += "u.find_spec('tensorflow')))"
    return subprocess.run([python, "-c", code], check=False).returncode == 0


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--keras-python", default=sys.executable, help="a python with Keras 3")
    parser.add_argument("--rounds", type=int, default=21, help="turns of each contender")
    parser.add_argument("--only", choices=["lstm", "rnn", "gru", "mingru"], help="one cell")
    parser.add_argument("--against", choices=list(CONTENDERS)[1:], help="one contender")
    parser.add_argument("--contender", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.contender:
        name, cell, steps = options.contender
        CONTENDERS[name](cell, int(steps))
        return
    pythons = dict.fromkeys(CONTENDERS, sys.executable)
    if has_keras(options.keras_python):
        pythons["keras"] = options.keras_python
    else:
        del pythons["keras"]
    for row in ROWS:
        others = [name for name in row.others if options.against in (None, name)]
        if options.only in (None, row.cell) and others:
            names = [name for name in ("seqrt", *others) if name in pythons]
            times = run(row, {name: pythons[name] for name in names}, options.rounds)
            report(row._replace(others=tuple(others)), times)


if __name__ == "__main__":
    main()
