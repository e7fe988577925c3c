"""Measure parity over random networks: onnxruntime and PyTorch against a float64 numpy referee.

    python tools/parity.py [--cases 2000] [--norm 300] [--seed 0]

Draws cells, directions, 1 to 4 layers of 1 to 130 units, heads, and ragged batches of 1 to 17 rows
of 0 to 300 steps with initial states, at PyTorch's default weight scale. Each network is written as
the file that export would prove. Prints the worst errors of each cell. Exit code 1 if onnxruntime
is off by more than 2e-6, or by more than 8 times PyTorch's own error + 1e-6 of the largest value.
Layer normalisation divides by small spreads and so amplifies every error: the `--norm` networks
that have it are reported separately and held to the second bound only.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
import reference

from seqrt.export.write import draft
from seqrt.runtime import Model
from seqrt.runtime.proving.parity import allowed_error, largest
from seqrt.training import Network

BOUND = 2e-6
CELLS = ("rnn", "lstm", "gru")


@dataclass
class Worst:
    """The worst errors of one cell."""

    runtime: float = 0.0
    torch: float = 0.0
    share: float = 0.0
    cases: int = 0


def draw_network(rng: np.random.Generator, cell: str, layer_norm: bool) -> Network:
    """Return a random network of `cell`."""
    return Network(
        cell,
        int(rng.integers(1, 9)),
        tuple(int(n) for n in rng.integers(1, 131, rng.integers(1, 5))),
        int(rng.integers(1, 5)),
        bidirectional=bool(rng.integers(2)),
        head=("last", "sequence")[rng.integers(2)],
        layer_norm=layer_norm,
    )


def measure(rng: np.random.Generator, net: Network) -> tuple[float, float, float]:
    """Return the errors of onnxruntime and PyTorch, and the used share of the allowed error."""
    rows, steps = int(rng.integers(1, 18)), int(rng.integers(0, 301))
    x = rng.standard_normal((rows, steps, net.architecture.features)).astype(np.float32)
    lengths = rng.integers(0, steps + 1, rows)
    state = (rng.random((rows, net.state_size)) * 2 - 1).astype(np.float32)
    arrays = {name: value.numpy() for name, value in net.state_dict().items()}
    truth, ends = reference.network(arrays, asdict(net.architecture), x, lengths, state)
    y, state_out = Model(draft(net)).run(x, lengths, state)
    runtime = max(largest(y - truth), largest(state_out - ends))
    some = lengths > 0
    by_torch = torch_error(net, x[some], lengths[some], state[some], truth[some], ends[some])
    allowed = allowed_error(by_torch, max(largest(truth), largest(ends)))
    return runtime, by_torch, runtime / allowed if runtime else 0.0


def torch_error(net: Network, x, lengths, state, truth, ends) -> float:
    """Return the largest error of PyTorch, which does not accept rows without steps."""
    if not len(x):
        return 0.0
    inputs = torch.from_numpy(x), torch.from_numpy(lengths)
    with torch.no_grad():
        if net.state_size:
            y, state_out = net.run(*inputs, torch.from_numpy(state))
        else:
            y, state_out = net(*inputs), torch.zeros(len(x), 0)
    valid = np.arange(x.shape[1]) < lengths[:, None] if y.ndim == x.ndim else ...
    return max(largest(y.numpy()[valid] - truth[valid]), largest(state_out.numpy() - ends))


def main() -> int:
    """Print the worst errors of each cell; return 1 if a bound is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=2000)
    parser.add_argument("--norm", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    plan = [(CELLS[i % 3], False) for i in range(args.cases)]
    plan += [(CELLS[i % 3], True) for i in range(args.norm)]
    worst = {kind: Worst() for kind in plan}
    for kind in plan:
        net = draw_network(rng, *kind).eval()
        runtime, by_torch, share = measure(rng, net)
        w = worst[kind]
        w.runtime, w.torch = max(w.runtime, runtime), max(w.torch, by_torch)
        w.share, w.cases = max(w.share, share), w.cases + 1
    print(f"{'cell':12}{'cases':>7}{'onnxruntime':>14}{'PyTorch':>12}{'of allowed':>14}")
    for (cell, norm), w in worst.items():
        name = f"{cell} + norm" if norm else cell
        print(f"{name:12}{w.cases:7}{w.runtime:14.1e}{w.torch:12.1e}{w.share:14.0%}")
    met = all(w.share <= 1 and (norm or w.runtime <= BOUND) for (_, norm), w in worst.items())
    print("every bound is met" if met else f"a bound is missed: {BOUND:.0e}, or the allowed error")
    return 0 if met else 1


if __name__ == "__main__":
    raise SystemExit(main())
