"""How long a network remembers: its gradient by lag, and how it forgets its initial state."""

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

# The fewest and the most lags at which a gradient is computed.
LAGS = 128, 500

# The file of a run with its typical input.
SERIES = "typical.npy"

# The number of sequences to measure on, and the most steps of data that they are cut from.
ROWS = 8
_MOST_STEPS = 4096

# For more outputs than this, the gradient is estimated from this many random sums of them.
_MOST_OUTPUTS = 8
_SEED = 20260402

# The steps that lead from the zero state to the initial states to compare.
_WARM_UP = 256


def typical_series(part: Part) -> Floats:
    """Return up to 4,096 steps of the sequences of `part`, end to end: (N, D), raw units or ids.

    The windows of a table, one from every row, give the series that they were cut from; if some
    are left out, windows that do not overlap are joined.
    """
    if part.when is not None and part.left_out:
        series = np.concatenate(list(part.x[:: part.x.longest]))
    elif part.when is not None:
        windows = part.x[:_MOST_STEPS]
        series = np.concatenate([windows[0], *(row[-1:] for row in windows[1:])])
    else:
        lengths = np.cumsum(part.x.lengths[:_MOST_STEPS])
        enough = int(np.searchsorted(lengths, _MOST_STEPS)) + 1
        series = np.concatenate([row[:_MOST_STEPS] for row in part.x[:enough]])
    return np.array(series[:_MOST_STEPS])


def save_series(series: Floats, folder: Path) -> None:
    """Write a series (N, D) into the folder of a run."""
    with writing(folder / SERIES) as file:
        np.save(file, series)


def load_series(run: str | Path) -> Floats | None:
    """Return the series (N, D) of a run, from its folder or its weights file.

    None if the run has not finished, because it is written at the end. Raises InputError if the
    file is damaged.
    """
    folder = Path(run) if Path(run).is_dir() else Path(run).parent
    path = folder / SERIES
    return read_npy(path) if path.is_file() else None


def cut_sequences(series: Floats, steps: int) -> Floats:
    """Cut a series (N, D) into 8 sequences (8, steps, D) with evenly spaced starts.

    A sequence that reaches the end of the series continues at its beginning.
    """
    begin = np.arange(ROWS) * len(series) // ROWS
    cut: Floats = series[(begin[:, None] + np.arange(steps)) % len(series)]
    return cut


def gradient_by_lag(net: Stack, x: Floats) -> Doubles:
    """Return how much the last output depends on the input k steps before it: (T,), k = 0 to T - 1.

    For x (B, T, D) in raw units, from zero state, this is the mean over the sequences of

        | d v_T / d u_{T-k} |      Frobenius norm; u is the scaled input or the embedding of a
                                   token, v the logits, because the gradient of a saturated
                                   activation would vanish

    It is exact for up to 8 outputs, and beyond that estimated from 8 random sums s of them: with
    independent signs the mean of |s J|² is |J|². It is meant for causal networks; in a
    bidirectional one the last output is as close to the first input as to the last.
    """
    twin = copy.deepcopy(net).cpu().float().eval().requires_grad_(False)
    inputs, scale = torch.from_numpy(x), twin.x_scale
    if twin.tokens:
        inputs, scale = twin.inputs(inputs), torch.ones(1)
    v = (twin.logits_from if twin.tokens else twin.logits)(inputs.requires_grad_())
    return norms_by_lag(v[:, -1] if twin.head == "sequence" else v, inputs, scale)


def norms_by_lag(last: Tensor, inputs: Tensor, scale: Tensor) -> Doubles:
    """Return the norm of the gradient of `last` (B, O) by lag, (T,), a mean over the sequences.

    `last` was computed from `inputs` (B, T, D), which have the scale (D,).
    """
    squares = torch.zeros(inputs.shape[:2], dtype=torch.float64)
    for sums in _sums(last.shape[1]):
        (gradient,) = torch.autograd.grad((last @ sums).sum(), inputs, retain_graph=True)
        squares += (gradient * scale).double().square().sum(dim=-1)
    norms: Doubles = squares.sqrt().mean(dim=0).flip(0).numpy()
    return norms


def _sums(outputs: int) -> Tensor:
    """Return sums of the outputs (n, O) whose squared gradients add up to the squared norm."""
    if outputs <= _MOST_OUTPUTS:
        return torch.eye(outputs)
    rng = torch.Generator().manual_seed(_SEED)
    signs = 2.0 * torch.randint(2, (_MOST_OUTPUTS, outputs), generator=rng) - 1
    return signs / math.sqrt(_MOST_OUTPUTS)


def fade_lag(norms: Doubles, share: float = 0.01) -> int | None:
    """Return the first lag from which on the gradient stays below a share of its largest value.

    None if the gradient is above that share at the last lag.
    """
    over = np.flatnonzero(~(norms < share * norms.max()))
    after = int(over[-1]) + 1 if len(over) else 0
    return after if after < len(norms) else None


@torch.no_grad()
def start_distances(net: Stack, x: Floats) -> Doubles:
    """Return how far apart the outputs for x (B, T, D) from different initial states are: (B, T).

    Each sequence is read from the zero state and from the final states of its two neighbours. The
    largest distance is returned, in units of each output's own scale. Causal networks only.
    """
    twin = copy.deepcopy(net).cpu().float().eval()
    inputs = torch.from_numpy(x)
    rows, steps = x.shape[:2]
    warm_up = inputs[:, :_WARM_UP]
    _, states = twin.run(warm_up, _lengths(warm_up), torch.zeros(rows, twin.state_size))
    starts = [torch.zeros_like(states), states.roll(1, 0), states.roll(2, 0)]
    repeated = inputs.repeat(len(starts), 1, 1)
    y = _every_output(twin, repeated, torch.cat(starts))
    scaled = (y / twin.y_scale).view(len(starts), rows, steps, -1)
    distances: Doubles = (scaled.amax(0) - scaled.amin(0)).amax(-1).double().numpy()
    return distances


def _every_output(net: Stack, x: Tensor, state: Tensor) -> Tensor:
    """Return the outputs of a causal network after each step of x (B, T, D): (B, T, O)."""
    if not net.pooled:
        net.head = "sequence"
        return net.run(x, _lengths(x), state)[0]
    outputs = []
    for step in x.split(1, dim=1):
        logits, state = net.advance(step, None, state)
        outputs.append(net.output(logits))
    return torch.stack(outputs, dim=1)


def steps_to_forget(distances: Doubles, tolerance: float = MEMORY_TOLERANCE) -> int | None:
    """Return after how many steps a distance (T,) stays below `tolerance`; None if it never does.

    1 means from the first output on.
    """
    over = np.flatnonzero(~(distances < tolerance))
    after = int(over[-1]) + 2 if len(over) else 1
    return after if after <= len(distances) else None


def _lengths(x: Tensor) -> Tensor:
    return torch.full((len(x),), x.shape[1])
