"""How each kind of row of tools/figures.py is measured, and on which networks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from seqrt.bench.contenders import Contender, Seqrt
from seqrt.bench.work import Work
from side_by_side import workloads
from side_by_side.cold_start import cold_starts, memories
from side_by_side.contenders import Net, network
from side_by_side.race import Worker
from side_by_side.workloads import Pair, Workload, agreeing

Side = Callable[[dict[str, Any]], Contender]
Size = tuple[int, int]

LSTM, GRU, RNN = (Net(cell, (64, 32)) for cell in ("lstm", "gru", "rnn"))
WIDE = Net("lstm", (256, 256))
LARGE = (256, 100)

STARTS = 4


class Harness:
    """Measures rows on networks that it exports into a folder; `quick` does less of everything.

    Every method yields pairs (seqrt, other), one a round. A size is (sequences, steps), where the
    steps are the mean of ragged lengths.
    """

    def __init__(self, folder: Path, *, quick: bool) -> None:
        self._folder = folder
        self._quick = quick

    def bulk(self, net: Net, size: Size, workload: Workload, other: Side) -> Iterator[Pair]:
        """Yield the seconds of a predict."""
        work = self.work(net, size)
        sides = (_worker(side, workload, work) for side in (Seqrt, other))
        return agreeing(*sides, self._rounds(15))

    def bursts(self, own: Side, other: Side, rounds: int, net: Net = LSTM) -> Iterator[Pair]:
        """Yield the seconds of a step, from several pairs of processes."""
        work = self.work(net)
        sides = [_worker(side, workloads.steps, work) for side in (own, other)]
        for _ in range(min(STARTS, self._rounds(STARTS))):
            yield from agreeing(*sides, self._rounds(rounds // STARTS))

    def folds(self, net: Net, size: Size, workload: Workload, rounds: int) -> Iterator[Pair]:
        """Yield the seconds of a committee, and those of one member times its number of members."""
        work = (self.work(net, size), self.work(net._replace(folds=1), size))
        sides = [_worker(Seqrt, workload, each) for each in work]
        for _ in range(min(STARTS, self._rounds(STARTS))):
            for whole, one in agreeing(*sides, self._rounds(rounds // STARTS)):
                yield whole, one * net.folds

    def peak(self) -> Iterator[Pair]:
        """Yield the GFLOP/s of a predict of a large network, and of matrix products."""
        work, net = self.work(WIDE, LARGE)
        total = 1e-9 * work.operations * work.sequences * work.steps
        own = _worker(Seqrt, workloads.uniform, (work, net))
        products = partial(Worker, workloads.serve_products, 1.0)
        pairs = agreeing(own, products, self._rounds(15))
        return ((total / seconds, rate) for seconds, rate in pairs)

    def cold(self, size: Size) -> Iterator[Pair]:
        """Yield the seconds of a cold start and a predict."""
        return cold_starts(self.work(LSTM, size)[0], self._rounds(30))

    def memory(self) -> Iterator[Pair]:
        """Yield the resident megabytes after the work, and before."""
        runs = 1_000 if self._quick else 10_000
        return memories(self.work(LSTM)[0], runs, self._rounds(3))

    def _rounds(self, full: int) -> int:
        return min(full, 3) if self._quick else full

    def work(self, net: Net, size: Size = LARGE) -> tuple[Work, Net]:
        from seqrt.export import export
        from seqrt.runtime import load

        name = "-".join(map(str, (net.cell, *net.units, net.folds)))
        path = self._folder / f"{name}.onnx"
        if not path.exists():
            export(network(net), path)
        work = Work.of(load(path), str(path), quick=self._quick, threads=None)
        return replace(work, sequences=size[0], steps=size[1]), net


def _worker(side: Side, workload: Workload, given: tuple[Work, Net]) -> Callable[[], Worker]:
    work, net = given
    return partial(Worker, workloads.serve, side, workload, work.job("") | {"net": net})
