"""How each kind of row is measured, with which networks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from seqrt.bench.contenders import Contender, Seqrt
from seqrt.bench.work import Work
from side_by_side import turns
from side_by_side.alone import cold_starts, memories
from side_by_side.contenders import Net, network
from side_by_side.turns import Kind, Pair, Player, race

Side = Callable[[dict[str, Any]], Contender]
Size = tuple[int, int]

LSTM, GRU, RNN = (Net(cell, (64, 32)) for cell in ("lstm", "gru", "rnn"))
WIDE = Net("lstm", (256, 256))
LARGE = (256, 100)

STARTS = 4


class Lab:
    """Measures rows on networks that it exports into a folder; less of all when `quick`.

    All yield pairs, (seqrt, other), one a round. A size is so many sequences of so many steps, or
    of that mean where they are ragged.
    """

    def __init__(self, folder: Path, *, quick: bool) -> None:
        self._folder = folder
        self._quick = quick

    def bulk(self, net: Net, size: Size, kind: Kind, other: Side) -> Iterator[Pair]:
        """Yield the seconds of a predict."""
        work = self._work(net, size)
        return race(_player(Seqrt, kind, work), _player(other, kind, work), self._rounds(15))

    def bursts(self, own: Side, other: Side, rounds: int) -> Iterator[Pair]:
        """Yield the seconds of a step, from several pairs of processes."""
        work = self._work(LSTM)
        players = [_player(side, turns.steps, work) for side in (own, other)]
        for _ in range(min(STARTS, self._rounds(STARTS))):
            yield from race(*players, self._rounds(rounds // STARTS))

    def peak(self) -> Iterator[Pair]:
        """Yield the GFLOP/s of a predict of a large network, and of matrix products."""
        work, net = self._work(WIDE, LARGE)
        total = 1e-9 * work.operations * work.sequences * work.steps
        own = _player(Seqrt, turns.uniform, (work, net))
        products = partial(Player, turns.serve_products, 1.0)
        return ((total / taken, rate) for taken, rate in race(own, products, self._rounds(15)))

    def cold(self, size: Size) -> Iterator[Pair]:
        """Yield the seconds of a cold start and a predict."""
        return cold_starts(self._work(LSTM, size)[0], self._rounds(30))

    def memory(self) -> Iterator[Pair]:
        """Yield the megabytes that are held after the work, and before."""
        runs = 1_000 if self._quick else 10_000
        return memories(self._work(LSTM)[0], runs, self._rounds(3))

    def _rounds(self, full: int) -> int:
        return min(full, 3) if self._quick else full

    def _work(self, net: Net, size: Size = LARGE) -> tuple[Work, Net]:
        from seqrt.export import export
        from seqrt.runtime import load

        path = self._folder / f"{net.cell}-{net.units[0]}.onnx"
        if not path.exists():
            export(network(net), path)
        work = Work.of(load(path), str(path), quick=self._quick, threads=None)
        return replace(work, sequences=size[0], steps=size[1]), net


def _player(side: Side, kind: Kind, given: tuple[Work, Net]) -> Callable[[], Player]:
    work, net = given
    return partial(Player, turns.serve, side, kind, work.job("") | {"net": net})
