"""The contenders of tools/figures.py that seqrt.bench lacks, and the networks they run."""

from __future__ import annotations

import timeit
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from seqrt.bench.contenders import Seqrt, Torch

if TYPE_CHECKING:
    from seqrt.contract.manifest import Cell
    from seqrt.training import Network

STREAMS = 32


class Net(NamedTuple):
    """A network by its cell, the sizes of its layers, and the members of a committee of it."""

    cell: Cell
    units: tuple[int, ...]
    folds: int = 1


def network(net: Net) -> Network:
    """Return a network with one feature, one output and random weights from a fixed seed.

    The members of a committee are all the same, so that its outputs are those of one.
    """
    import torch

    from seqrt.training import Network
    from seqrt.training.networks.average import mean_of

    torch.manual_seed(7)
    one = Network(net.cell, 1, net.units, 1).eval()
    return one if net.folds == 1 else mean_of([one] * net.folds, one.metadata)


class TorchCells(Torch):
    """PyTorch with the weights of the file, on one thread, two or all, whichever is fastest."""

    def __init__(self, job: dict[str, Any]) -> None:
        super().__init__(job)
        net = network(job["net"])
        for layer, cell, step in zip(self._layers, self._cells, net.recurrent(), strict=True):
            weights = step.cells[0].state_dict()
            layer.load_state_dict(weights)
            cell.load_state_dict({name.removesuffix("_l0"): w for name, w in weights.items()})
        self._dense.load_state_dict(net.steps()[-1].state_dict())

    def warm(self, call: Callable[[], Any]) -> None:
        seconds = {}
        for threads in sorted({1, min(2, self._threads), self._threads}):
            self._torch.set_num_threads(threads)
            call()
            seconds[threads] = min(timeit.repeat(call, number=1, repeat=3))
        self._torch.set_num_threads(min(seconds, key=seconds.__getitem__))


class TorchLayers(TorchCells):
    """The same, but a step is a call of nn.LSTM itself, with its state carried."""

    def inputs(self, x: Any) -> list[Any]:
        return list(self._torch.from_numpy(x[:, None, None]))

    def step(self, x: Any) -> Any:
        for i, layer in enumerate(self._layers):
            x, self._states[i] = layer(x, self._states[i])
        return self._head(x[:, -1])


class Together(Seqrt):
    """A step of each of 32 keyed streams, in one push."""

    def inputs(self, x: Any) -> list[Any]:
        """Return {key: step} for every step; each stream is at a different step of x."""
        return [{k: x[(t + k) % len(x)] for k in range(STREAMS)} for t in range(len(x))]

    def reset(self) -> None:
        self._streams = self._model.streams()

    def step(self, x: Any) -> Any:
        return self._streams.push(x)


class KeyByKey(Together):
    """The same, one key at a time."""

    def inputs(self, x: Any) -> list[Any]:
        return [[{key: step} for key, step in steps.items()] for steps in super().inputs(x)]

    def step(self, x: Any) -> Any:
        push = self._streams.push
        return {key: y for one in x for key, y in push(one).items()}


class OneByOne(Together):
    """The same, as 32 independent streams."""

    def inputs(self, x: Any) -> list[Any]:
        return [list(steps.values()) for steps in super().inputs(x)]

    def reset(self) -> None:
        self._pushes = [self._model.stream().push for _ in range(STREAMS)]

    def step(self, x: Any) -> Any:
        return [push(step) for push, step in zip(self._pushes, x, strict=True)]
