"""What a network remembers: its gradient over the lag, and how its starts are forgotten."""

from __future__ import annotations

import copy
import math
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seqrt.contract import MEMORY_TOLERANCE
from seqrt.data import Part
from seqrt.data.readers.npy import read_npy
from seqrt.files import writing
from seqrt.training.networks.stack import Stack

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

# How far back a gradient is looked at, at least and at most.
LAGS = 128, 500

# Where a run keeps what it found typical.
SERIES = "typical.npy"

# Sequences to measure on, and the steps of data that they are cut from.
ROWS = 8
_MOST_STEPS = 4096

# More outputs than these are looked at through as many random sums of them.
_MOST_OUTPUTS = 8
_SEED = 20260402
_READ = 256


def typical(part: Part) -> Floats:
    """Return up to 4,096 steps of the sequences of `part`, end to end: (N, D), in raw units.

    The windows of a table, one from every row, give the series that they were cut from. Where some
    are left out, it is made of windows that do not overlap.
    """
    if part.when is not None and part.left_out:
        series = np.concatenate(part.x[:: len(part.x[0])])
    elif part.when is not None:
        windows = np.asarray(part.x)
        series = np.concatenate([windows[0], windows[1:_MOST_STEPS, -1]])
    else:
        lengths = np.cumsum([len(row) for row in part.x[:_MOST_STEPS]])
        enough = int(np.searchsorted(lengths, _MOST_STEPS)) + 1
        series = np.concatenate([row[:_MOST_STEPS] for row in part.x[:enough]])
    return series[:_MOST_STEPS].astype(np.float32)


def save_series(series: Floats, folder: Path) -> None:
    """Write a series (N, D) into the folder of a run."""
    with writing(folder / SERIES) as file:
        np.save(file, series)


def load_series(run: str | Path) -> Floats | None:
    """Return the series (N, D) of a run, from its folder or its weights file.

    None where a run did not finish, and so left none. Raises InputError where it is damaged.
    """
    folder = Path(run) if Path(run).is_dir() else Path(run).parent
    path = folder / SERIES
    return read_npy(path) if path.is_file() else None


def streams(series: Floats, steps: int) -> Floats:
    """Cut a series (N, D) into 8 sequences (8, steps, D), begun at even distances.

    At its end a sequence goes on with the beginning of the series.
    """
    begin = np.arange(ROWS) * len(series) // ROWS
    cut: Floats = series[(begin[:, None] + np.arange(steps)) % len(series)]
    return cut


def gradient(net: Stack, x: Floats) -> Doubles:
    """Return how much the last answer hangs on the input k steps before it: (T,), k = 0 to T - 1.

    For x (B, T, D) in raw units, from zero state: the mean over the sequences of

        | d v_T / d u_{T-k} |      Frobenius norm; u the scaled input, v the answer before its
                                   activation, so that a sure one hides nothing

    Exact up to 8 outputs; beyond, estimated from 8 random sums s of them, since with independent
    signs the mean of |s J|² is |J|². Meant for causal networks: with two directions the last answer
    is no further from the first input than from the last.
    """
    twin = copy.deepcopy(net).cpu().float().eval().requires_grad_(False)
    inputs = torch.from_numpy(x).requires_grad_()
    v = twin.logits(inputs)
    last = v[:, -1] if twin.head == "sequence" else v
    squares = torch.zeros(x.shape[:2], dtype=torch.float64)
    for sums in _sums(last.shape[1]):
        (slope,) = torch.autograd.grad((last @ sums).sum(), inputs, retain_graph=True)
        squares += (slope * twin.x_scale).double().square().sum(dim=-1)
    norms: Doubles = squares.sqrt().mean(dim=0).flip(0).numpy()
    return norms


def _sums(outputs: int) -> Tensor:
    """Return sums of the outputs (n, O) whose squared slopes add up to the square of the norm."""
    if outputs <= _MOST_OUTPUTS:
        return torch.eye(outputs)
    rng = torch.Generator().manual_seed(_SEED)
    signs = 2.0 * torch.randint(2, (_MOST_OUTPUTS, outputs), generator=rng) - 1
    return signs / math.sqrt(_MOST_OUTPUTS)


def faded(norms: Doubles, share: float = 0.01) -> int | None:
    """Return the first lag from which on the gradient stays under a share of its largest.

    None where the last lag is not under it.
    """
    over = np.flatnonzero(~(norms < share * norms.max()))
    after = int(over[-1]) + 1 if len(over) else 0
    return after if after < len(norms) else None


@torch.no_grad()
def parting(net: Stack, x: Floats) -> Doubles:
    """Return how far apart the answers to x (B, T, D) are that began differently: (B, T).

    Each sequence is read from the zero state and from where reading its two neighbours leads; the
    largest distance is in units of each output's own scale. Causal networks only.
    """
    twin = copy.deepcopy(net).cpu().float().eval()
    twin.head = "sequence"
    inputs = torch.from_numpy(x)
    rows, steps = x.shape[:2]
    read = inputs[:, :_READ]
    _, reached = twin.run(read, _lengths(read), torch.zeros(rows, twin.state_size))
    starts = [torch.zeros_like(reached), reached.roll(1, 0), reached.roll(2, 0)]
    again = inputs.repeat(len(starts), 1, 1)
    y, _ = twin.run(again, _lengths(again), torch.cat(starts))
    own = (y / twin.y_scale).view(len(starts), rows, steps, -1)
    apart: Doubles = (own.amax(0) - own.amin(0)).amax(-1).double().numpy()
    return apart


def together(apart: Doubles, tolerance: float = MEMORY_TOLERANCE) -> int | None:
    """Return after how many steps the distance (T,) stays under `tolerance`; None if it does not.

    1 where it is under it from the first answer on.
    """
    over = np.flatnonzero(~(apart < tolerance))
    after = int(over[-1]) + 2 if len(over) else 1
    return after if after <= len(apart) else None


def _lengths(x: Tensor) -> Tensor:
    return torch.full((len(x),), x.shape[1])
