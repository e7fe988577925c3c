"""Import random nets that torch's own exporter wrote, and report errors and refusals.

    python tools/onnx_models.py [--cases 100] [--seed 0] [--dynamo]

Draws nets of RNN, LSTM and GRU layers with heads, pools, norms and convolutions, writes each with
torch.onnx.export (the TorchScript exporter, or with --dynamo the other one, which needs
`pip install onnxscript`), with sizes that vary or are fixed, imports it, and compares the file with
the net in float64 on ragged rows, each row alone. Fails if a value is off by more than 1e-5 of the
largest one, or if an import raises anything but one line.
"""

from __future__ import annotations

import argparse
import copy
import logging
import sys
import tempfile
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import seqrt
from seqrt.errors import SeqrtError
from seqrt.export import import_onnx

BOUND = 1e-5
LENGTHS = (33, 1, 2, 3, 5, 9, 17)
ROWS, STEPS = 4, 11
FUNCTIONS: dict[str, Any] = {
    "relu": F.relu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "elu": F.elu,
    "gelu": F.gelu,
    "silu": F.silu,
    "softplus": F.softplus,
    "leaky_relu": F.leaky_relu,
    "hardtanh": F.hardtanh,
    "hardswish": F.hardswish,
}
ENDS = ("last", "state", "every", "mean", "maximum", "attention", "both", "first")


class RandomNet(nn.Module):
    """A net drawn from a seed: an embedding or convolution, layers, functions, an end, a head."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.rng = np.random.default_rng(seed)
        torch.manual_seed(seed)
        self.tokens = int(self.rng.integers(5, 30)) if self.rng.random() < 0.15 else 0
        self.features = int(self.rng.integers(1, 6))
        width = self.features
        if self.tokens:
            width = int(self.rng.integers(2, 8))
            self.table = nn.Embedding(self.tokens, width)
        self.kernel = int(self.rng.integers(2, 5)) if self.rng.random() < 0.2 else 0
        if self.kernel:
            new = int(self.rng.integers(2, 8))
            self.conv = nn.Conv1d(width, new, self.kernel)
            width = new
        self.kind = self.one("RNN", "LSTM", "GRU")
        self.depth = int(self.rng.integers(1, 4))
        self.units = int(self.rng.integers(2, 24))
        self.both = bool(self.rng.random() < 0.3)
        self.own_start = self.one("none", "zeros", "learnt")
        self.batch_first = bool(self.rng.random() < 0.7)
        options: dict[str, Any] = {"bidirectional": self.both, "bias": self.rng.random() < 0.85}
        if self.kind == "RNN":
            options["nonlinearity"] = self.one("tanh", "relu")
        made = getattr(nn, self.kind)
        self.rnn = made(width, self.units, self.depth, batch_first=self.batch_first, **options)
        whole = self.units * (2 if self.both else 1)
        self.start = nn.Parameter(torch.randn(self.depth * (1 + self.both), 1, self.units) * 0.3)
        self.end = self.one(*ENDS)
        self.norm = nn.LayerNorm(whole) if self.rng.random() < 0.3 else nn.Identity()
        self.score = nn.Linear(whole, 1)
        inner = int(self.rng.integers(2, 12))
        self.function = self.one(*FUNCTIONS)
        self.dense, self.head = nn.Linear(whole, inner), nn.Linear(inner, 2)
        self.out = self.one("none", "none", "softmax", "sigmoid")
        self.eval()

    def one(self, *choices: Any) -> Any:
        return choices[self.rng.integers(len(choices))]

    def example(self) -> Tensor:
        if self.tokens:
            return torch.randint(0, self.tokens, (ROWS, STEPS))
        return torch.randn(ROWS, STEPS, self.features)

    def forward(self, x: Tensor) -> Tensor:
        if self.tokens:
            x = self.table(x)
        if self.kernel:
            x = self.conv(F.pad(x.transpose(1, 2), (self.kernel - 1, 0))).transpose(1, 2)
        steps, h = self._recurrent(x)
        y = self._ended(self.norm(steps), h)
        y = self.head(FUNCTIONS[self.function](self.dense(y)))
        if self.out == "softmax":
            return torch.softmax(y, -1)
        return torch.sigmoid(y) if self.out == "sigmoid" else y

    def _recurrent(self, x: Tensor) -> tuple[Tensor, Tensor]:
        rows = x.size(0)
        x = x if self.batch_first else x.transpose(0, 1)
        start = None
        if self.own_start != "none":
            # Not zeros_like, so that both exporters see a first state as people write it.
            first = self.start.expand(-1, rows, -1).contiguous()
            first = (
                first if self.own_start == "learnt" else torch.zeros(len(first), rows, self.units)
            )
            start = (first, first) if self.kind == "LSTM" else first
        steps, h = self.rnn(x, start)
        h = h[0] if self.kind == "LSTM" else h
        return (steps if self.batch_first else steps.transpose(0, 1)), h

    def _ended(self, steps: Tensor, h: Tensor) -> Tensor:
        if self.end == "state":
            return torch.cat([h[-2], h[-1]], 1) if self.both else h[-1]
        if self.end == "attention":
            return (torch.softmax(self.score(steps), 1) * steps).sum(1)
        if self.end == "both":
            return steps.mean(1) + steps.amax(1)
        ends = {"last": lambda: steps[:, -1], "mean": lambda: steps.mean(1)}
        ends |= {"maximum": lambda: steps.amax(1), "first": lambda: steps[:, 0]}
        return ends.get(self.end, lambda: steps)()


def write(net: RandomNet, path: Path, *, fixed: bool, dynamo: bool) -> None:
    """Write a net with one of torch's exporters."""
    options: dict[str, Any] = {"dynamo": dynamo, "input_names": ["x"]}
    if dynamo:
        options |= {"verbose": False, "external_data": False}
    if not fixed and dynamo:
        dims = {0: torch.export.Dim("rows", min=2), 1: torch.export.Dim("steps", min=2)}
        options["dynamic_shapes"] = {"x": dims}
    elif not fixed:
        options["dynamic_axes"] = {"x": {0: "rows", 1: "steps"}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(net, (net.example(),), str(path), **options)  # noqa: TID251 - it is what is imported


def error(net: RandomNet, path: Path, seed: int) -> float:
    """Return the largest error of a file against float64, relative to the outputs."""
    rng = np.random.default_rng(seed)
    shape = (len(LENGTHS), max(LENGTHS))
    x = (
        rng.integers(0, net.tokens, shape)
        if net.tokens
        else rng.normal(0, 1, (*shape, net.features))
    )
    x = x if net.tokens else x.astype(np.float32)
    model = seqrt.load(path)
    y = model.predict(x, lengths=np.array(LENGTHS, np.int32))
    exact, worst = copy.deepcopy(net).double(), 0.0
    torch.set_default_dtype(torch.float64)
    for row, steps in enumerate(LENGTHS):
        given = torch.from_numpy(x[row : row + 1, :steps])
        with torch.no_grad():
            truth = exact(given if net.tokens else given.double())[0].numpy()
        got = y[row, :steps] if model.manifest.head == "sequence" else y[row]
        worst = max(worst, float(np.abs(got - truth).max()) / max(1.0, float(np.abs(truth).max())))
    torch.set_default_dtype(torch.float32)
    return worst


def main() -> int:
    """Draw, export, import and compare; print what happened."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--cases", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--dynamo", action="store_true")
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    torch.set_num_threads(1)
    seen: Counter[str] = Counter()
    worst, original = 0.0, 0.0
    with tempfile.TemporaryDirectory() as folder:
        theirs, ours = Path(folder) / "theirs.onnx", Path(folder) / "ours.onnx"
        for seed in range(options.seed, options.seed + options.cases):
            net = RandomNet(seed)
            fixed = bool(seed % 3 == 0)
            try:
                write(net, theirs, fixed=fixed, dynamo=options.dynamo)
            except Exception as why:  # noqa: BLE001 - torch raises many types, none of its own
                seen[f"not exported by torch: {type(why).__name__}"] += 1
                continue
            try:
                done = import_onnx(theirs, ours)
            except SeqrtError as why:
                seen["refused"] += 1
                print(f"seed {seed}: {type(why).__name__}: {str(why)[:200]}")
                continue
            found = error(net, ours, seed)
            worst, original = max(worst, found), max(original, *done.errors.values())
            seen["right" if found <= BOUND else "WRONG"] += 1
            seen["streams"] += not done.exported.manifest.not_streamable and not net.both
            if found > BOUND:
                print(f"seed {seed}: off by {found:.1e}")
    for what, count in sorted(seen.items()):
        print(f"{what:40} {count}")
    print(f"worst error against float64              {worst:.1e}")
    print(f"worst difference from the original       {original:.1e}")
    return int(seen["WRONG"] > 0)


if __name__ == "__main__":
    sys.exit(main())
