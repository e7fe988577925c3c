"""How long a training step takes on a GPU: seqrt beside PyTorch as one writes it by hand.

    python tools/gpu_speed.py
    python tools/gpu_speed.py --only lstm --rounds 21

All contenders train the same network on the same data, in one process, and alternate. A turn is an
epoch, and ends when the GPU is done. A ratio, another's time over ours, is taken within a round;
the medians are printed, and the quartiles of the ratio. Above 1 seqrt is faster. All use PyTorch's
default precision of matrix products.

seqrt    `fit`; it also scales, clips the gradient and checks that loss and norm are finite
loader   PyTorch as tutorials show it: DataLoader, a copy of each batch to the GPU, default Adam
indexed  PyTorch with all data on the GPU, batches by index, default Adam
fused    the same with fused Adam

Sequences of different lengths are packed for PyTorch, which is the fastest form for cuDNN.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from side_by_side.race import race, speedup
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence
from torch.utils.data import DataLoader, TensorDataset

from seqrt.training import Network, fit

WARM = 2
GPU = torch.device("cuda")
CELLS = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}
Data = tuple[np.ndarray, np.ndarray, np.ndarray]
Epochs = Iterator[Any]


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
    """Windows of a noisy wave, their targets and their lengths: (N, T, 1), (N, 1), (N,).

    Ragged lengths are drawn from a fifth of the steps to all of them.
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


def seqrt(cell: Any, size: Size) -> Epochs:
    net = Network(cell, 1, size.units).to(GPU)
    x, y, lengths = data(size)
    return fit(net, x, y, lengths=lengths, epochs=100_000, batch_size=size.batch)


def loader(cell: str, size: Size) -> Epochs:
    net = Plain(cell, size.units).to(GPU)
    dataset = TensorDataset(*map(torch.from_numpy, data(size)))
    batches = DataLoader(dataset, batch_size=size.batch, shuffle=True)
    adam = torch.optim.Adam(net.parameters())
    while True:
        yield by_hand(net, adam, ((x.to(GPU), y.to(GPU), lengths) for x, y, lengths in batches))


def indexed(cell: str, size: Size, fused: bool | None = None) -> Epochs:
    net = Plain(cell, size.units).to(GPU)
    x, y, lengths = map(torch.from_numpy, data(size))
    x, y = x.to(GPU), y.to(GPU)
    adam = torch.optim.Adam(net.parameters(), fused=fused)
    while True:
        here = torch.randperm(len(x))
        order = zip(here.to(GPU).split(size.batch), lengths[here].split(size.batch), strict=True)
        yield by_hand(net, adam, ((x[rows], y[rows], of_rows) for rows, of_rows in order))


def fused(cell: str, size: Size) -> Epochs:
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


CONTENDERS: dict[str, Callable[[str, Size], Epochs]] = {
    "seqrt": seqrt,
    "loader": loader,
    "indexed": indexed,
    "fused": fused,
}


class InProcess:
    """A contender in this process; a turn is an epoch, in milliseconds a step."""

    def __init__(self, epochs: Epochs, batches: int) -> None:
        self._epochs, self._batches = epochs, batches

    def turn(self) -> float:
        began = time.perf_counter()
        next(self._epochs)
        torch.cuda.synchronize()
        return (time.perf_counter() - began) / self._batches * 1000


def run(cell: str, size: Size, rounds: int) -> dict[str, list[float]]:
    """Return the milliseconds of a step, of each contender and in each round."""
    contenders = {
        name: InProcess(make(cell, size), size.batches) for name, make in CONTENDERS.items()
    }
    times = np.array(list(race(contenders, rounds, WARM)))
    return dict(zip(contenders, times.T.tolist(), strict=True))


def report(what: str, times: dict[str, list[float]]) -> None:
    ours = times.pop("seqrt")
    print(f"{what:32} seqrt   {statistics.median(ours):8.3f} ms", flush=True)
    for name, theirs in times.items():
        measured = f"{statistics.median(theirs):8.3f} ms   ratio {speedup(ours, theirs)}"
        print(f"{what:32} {name:7} {measured}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--only", choices=list(CELLS), help="one cell")
    options = parser.parse_args()
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}")
    for cell in [options.only] if options.only else CELLS:
        for size in SIZES:
            report(f"{cell} {size}", run(cell, size, options.rounds))


if __name__ == "__main__":
    main()
