"""How long a step of training takes on a GPU: seqrt, beside torch as one writes it by hand.

    python tools/gpu_speed.py
    python tools/gpu_speed.py --only lstm --rounds 21

All contenders train the same network on the same data, in one process and in turn; who begins
changes from round to round. A pass is a number of steps and ends when the GPU is done. A round says
one ratio, another's time over ours; printed are the medians, and the quartiles of the ratio. Above
1 is in favour of seqrt. Products are of the precision that torch takes by default, for all.

seqrt    `fit`; it also scales, clips the gradient and checks that loss and norm are finite
loader   torch as tutorials show it: DataLoader, a copy of each batch to the GPU, Adam as it comes
indexed  torch with all data on the GPU, batches by index, Adam as it comes
fused    the same with fused Adam

Sequences of several lengths are packed for torch, as cuDNN likes them.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence
from torch.utils.data import DataLoader, TensorDataset

from seqrt.training import Network, fit

WARM = 2
GPU = torch.device("cuda")
CELLS = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}
Data = tuple[np.ndarray, np.ndarray, np.ndarray]
Passes = Iterator[Any]


class Size(NamedTuple):
    units: tuple[int, int]
    steps: int
    batch: int
    batches: int
    ragged: bool = False

    def __str__(self) -> str:
        steps = f"{self.steps // 5}-{self.steps}" if self.ragged else self.steps
        return f"{self.units[0]}-{self.units[1]}-1, T={steps}, B={self.batch}"


SIZES = (
    Size((64, 32), 10, 32, 50),
    Size((64, 32), 100, 32, 25),
    Size((64, 32), 100, 32, 25, ragged=True),
    Size((256, 256), 200, 256, 6),
)


def data(size: Size) -> Data:
    """Windows of a noisy wave, a value to learn, and how many steps count: (N, T, 1), (N, 1), (N,).

    Where they are ragged, of a fifth of the steps to all.
    """
    count = size.batch * size.batches
    rng = np.random.default_rng(0)
    wave = np.sin(np.arange(count + size.steps) / 5) + 0.1 * rng.standard_normal(count + size.steps)
    windows = np.lib.stride_tricks.sliding_window_view(wave.astype(np.float32), size.steps + 1)
    shortest = size.steps // 5 if size.ragged else size.steps
    lengths = rng.integers(shortest, size.steps, count, endpoint=True)
    return windows[:, :-1, None].copy(), windows[:, -1:].copy(), lengths


class Plain(nn.Module):
    """Two recurrent layers and a linear head, as tutorials write them."""

    def __init__(self, cell: str, units: tuple[int, int]) -> None:
        super().__init__()
        self.first = CELLS[cell](1, units[0], batch_first=True)
        self.second = CELLS[cell](*units, batch_first=True)
        self.dense = nn.Linear(units[1], 1)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        if lengths.min() < x.shape[1]:
            packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
            end = self.second(self.first(packed)[0])[1]
            return self.dense(end[0][-1] if isinstance(end, tuple) else end[-1])
        return self.dense(self.second(self.first(x)[0])[0][:, -1])


def seqrt(cell: Any, size: Size) -> Passes:
    net = Network(cell, 1, size.units).to(GPU)
    x, y, lengths = data(size)
    return fit(net, x, y, lengths=lengths, epochs=100_000, batch_size=size.batch)


def loader(cell: str, size: Size) -> Passes:
    net = Plain(cell, size.units).to(GPU)
    dataset = TensorDataset(*map(torch.from_numpy, data(size)))
    batches = DataLoader(dataset, batch_size=size.batch, shuffle=True)
    adam = torch.optim.Adam(net.parameters())
    while True:
        yield by_hand(net, adam, ((x.to(GPU), y.to(GPU), lengths) for x, y, lengths in batches))


def indexed(cell: str, size: Size, fused: bool | None = None) -> Passes:
    net = Plain(cell, size.units).to(GPU)
    x, y, lengths = map(torch.from_numpy, data(size))
    x, y = x.to(GPU), y.to(GPU)
    adam = torch.optim.Adam(net.parameters(), fused=fused)
    while True:
        here = torch.randperm(len(x))
        order = zip(here.to(GPU).split(size.batch), lengths[here].split(size.batch), strict=True)
        yield by_hand(net, adam, ((x[rows], y[rows], of_rows) for rows, of_rows in order))


def fused(cell: str, size: Size) -> Passes:
    return indexed(cell, size, fused=True)


def by_hand(net: Plain, adam: Any, batches: Iterator[Any]) -> float:
    total = 0.0
    for x, y, lengths in batches:
        adam.zero_grad()
        loss = nn.functional.mse_loss(net(x, lengths), y)
        loss.backward()
        adam.step()
        total += loss.item()
    return total


CONTENDERS: dict[str, Callable[[str, Size], Passes]] = {
    "seqrt": seqrt,
    "loader": loader,
    "indexed": indexed,
    "fused": fused,
}


def race(cell: str, size: Size, rounds: int) -> dict[str, list[float]]:
    """Return the milliseconds of a step, of each contender and in each round."""
    players = {name: make(cell, size) for name, make in CONTENDERS.items()}
    times: dict[str, list[float]] = {name: [] for name in players}
    for number in range(WARM + rounds):
        for name in list(players)[:: 1 if number % 2 else -1]:
            began = time.perf_counter()
            next(players[name])
            torch.cuda.synchronize()
            if number >= WARM:
                times[name].append((time.perf_counter() - began) / size.batches * 1000)
    return times


def report(what: str, times: dict[str, list[float]]) -> None:
    ours = times.pop("seqrt")
    print(f"{what:32} seqrt   {statistics.median(ours):8.3f} ms", flush=True)
    for name, theirs in times.items():
        ratios = [their / our for their, our in zip(theirs, ours, strict=True)]
        low, middle, high = statistics.quantiles(ratios, n=4)
        told = f"{statistics.median(theirs):8.3f} ms   ratio {middle:5.2f} ({low:.2f}-{high:.2f})"
        print(f"{what:32} {name:7} {told}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--only", choices=list(CELLS), help="one cell")
    options = parser.parse_args()
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}")
    for cell in [options.only] if options.only else CELLS:
        for size in SIZES:
            report(f"{cell} {size}", race(cell, size, options.rounds))


if __name__ == "__main__":
    main()
