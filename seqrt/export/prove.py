"""Makes the proof: random inputs like those of training, and the network's float64 outputs."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from seqrt.contract import Parity
from seqrt.errors import ParityError
from seqrt.export.weights import float32_array
from seqrt.runtime import Model
from seqrt.runtime.inputs.arrays import inside
from seqrt.runtime.proving.parity import largest, scaled_units
from seqrt.runtime.proving.proof import Case, allowed_errors, replay
from seqrt.runtime.types import Doubles, Floats, Lengths
from seqrt.training.networks.stack import Stack

_SEED = 20260401

# The share of missing values, for a network with a missing-value policy.
_MISSING_SHARE = 0.25

# The longest golden case takes at most this many bytes of the file, before base64.
_CASE_BYTES = 12_000

# A network that forgets its past must stay this close to float64, relative to its outputs.
_LIMIT = 1e-5

# The largest relative error of rounding to float32.
_ROUNDING = 2.0**-24


def prove(draft: Model, stack: Stack) -> tuple[list[Case], Parity]:
    """Return the golden cases for the file and the largest errors; raise ParityError if too large.

    The errors are those of the golden cases and of trial cases, which are too large for the file.
    No case is longer than the steps over which float32 gives outputs to 1e-5 of their size; for a
    network that forgets its past there is no such limit.
    """
    reach = _reach(draft, stack)
    golden = list(_golden(stack, reach))
    cases = [*golden, *_trials(stack, reach)]
    errors = [*_checked_errors(draft, golden), *_checked_errors(draft, cases)]
    outputs = draft.manifest.outputs
    return golden, Parity(
        torch=_rounded(max(case.torch_error for case in cases)),
        runtime=_rounded(max(errors)),
        scale=_rounded(max(largest(scaled_units(case.valid(case.y), outputs)) for case in cases)),
        steps=reach,
    )


def _golden(stack: Stack, reach: int) -> Iterator[Case]:
    """Yield the cases for the file: one step, a ragged batch, a sequence longer than training's."""
    rng = np.random.Generator(np.random.PCG64(_SEED))
    per_step = 4 * len(stack.x_mean) + (8 * len(stack.y_mean) if stack.head == "sequence" else 0)
    longest = max(24, min(2 * (stack.metadata.window or 32), _CASE_BYTES // per_step))
    for rows, steps in ((1, 1), (3, 17), (1, longest)):
        yield _case(stack, rows, min(steps, reach), rng)


def _trials(stack: Stack, reach: int) -> Iterator[Case]:
    """Yield further cases, too large for the file: one with many rows, one with many steps."""
    rng = np.random.Generator(np.random.PCG64(_SEED + 1))
    for rows, steps in ((17, 40), (2, _longest(stack))):
        yield _case(stack, rows, min(steps, reach), rng)


def _longest(stack: Stack) -> int:
    return max(300, min(4 * (stack.metadata.window or 0), 1000))


def _reach(draft: Model, stack: Stack) -> int:
    """Return the number of steps over which the error stays under 1e-5 of the outputs' size.

    Where it exceeds that, the network may amplify rounding errors, or the graph may be wrong. Raise
    ParityError for a wrong graph: then the float64 outputs hardly change if x is rounded again.
    """
    case = _case(stack, 1, _longest(stack), np.random.Generator(np.random.PCG64(_SEED + 2)))
    steps = np.unique(np.geomspace(1, case.x.shape[1], 24).astype(np.int32))
    rows = np.zeros(len(steps), np.intp)
    x, state = case.x[rows], case.state[rows]
    truth, _ = _solve(stack, torch.float64, x, steps, state)
    scale = float32_array(stack.y_scale)
    limit = _LIMIT * max(1.0, largest(truth / scale))
    errors = np.abs((draft.run(x, steps, state)[0] - truth) / scale)
    within = errors.reshape(len(steps), -1).max(axis=1) <= limit
    if within.all():
        return int(steps[-1])
    moved, _ = _solve(stack, torch.float64, x * _rounding(x), steps, state)
    if not within[0] or largest((moved - truth) / scale) <= limit / 10:
        raise _parity_error(case, float(errors.max()), limit)
    return int(steps[within.argmin() - 1])


def _checked_errors(draft: Model, cases: list[Case]) -> Iterator[float]:
    """Yield the output error of each case; raise ParityError if one breaks the rule of parity."""
    most = allowed_errors(draft.manifest, cases)
    for case in cases:
        errors = replay(draft, case)
        for error, limit in zip(errors, most, strict=True):
            if not error <= limit:
                raise _parity_error(case, error, limit)
        yield errors[0]


def _rounded(value: float) -> float:
    """Return `value` with two digits, so that other machines write the same number."""
    return float(f"{value:.1e}")


def _case(stack: Stack, rows: int, steps: int, rng: np.random.Generator) -> Case:
    x, lengths, state = _draw(stack, rows, steps, rng)
    truth, state_truth = _solve(stack, torch.float64, x, lengths, state)
    y, state_out = _solve(stack, torch.float32, x, lengths, state)
    return Case(
        x,
        lengths,
        state,
        truth,
        state_truth,
        torch_error=largest((y - truth) / float32_array(stack.y_scale)),
        torch_state_error=largest(state_out - state_truth),
    )


def _draw(
    stack: Stack, rows: int, steps: int, rng: np.random.Generator
) -> tuple[Floats, Lengths, Floats]:
    """Draw inputs uniformly from the range seen in training, some rows shorter, states within ±1/2.

    A quarter of the values is NaN if the network has a missing-value policy. The training data
    itself is never used: a file travels further than its data may.
    """
    x = np.empty((rows, steps, len(stack.metadata.features)), np.float32)
    for d, column in enumerate(stack.metadata.features):
        low, high = column.typical_range
        x[..., d] = low + (high - low) * rng.random((rows, steps))
    lengths = np.maximum(1, steps - np.arange(rows) * steps // (rows + 1)).astype(np.int32)
    state = rng.random((rows, stack.state_size)) - 0.5
    if stack.missing != "error":
        x[rng.random(x.shape) < _MISSING_SHARE] = np.nan
    return x, lengths, state.astype(np.float32)


def _solve(
    stack: Stack, dtype: torch.dtype, x: Floats | Doubles, lengths: Lengths, state: Floats
) -> tuple[Doubles, Doubles]:
    """Return y and the final state as torch computes them in `dtype`; y is 0 past each length."""
    net = copy.deepcopy(stack).to(dtype)
    inputs = torch.from_numpy(x).to(dtype), torch.from_numpy(lengths).long()
    with torch.no_grad():
        if stack.state_size:
            y, end = net.run(*inputs, torch.from_numpy(state).to(dtype))
        else:
            y, end = net(*inputs), torch.zeros(len(x), 0)
    outputs = _double(y)
    if outputs.ndim == x.ndim:
        outputs[~inside(lengths, x.shape[1])] = 0
    return outputs, _double(end)


def _double(tensor: Tensor) -> Doubles:
    array: Doubles = tensor.double().numpy()
    return array


def _rounding(x: Floats) -> Doubles:
    """Return factors (B, T, D) that change x as much as rounding it to float32 once more could."""
    signs = np.where(np.arange(x[0].size).reshape(x[0].shape) % 2, 1.0, -1.0)
    factors: Doubles = 1.0 + _ROUNDING * np.broadcast_to(signs, x.shape)
    return factors


def _parity_error(case: Case, error: float, limit: float) -> ParityError:
    return ParityError(
        "E_PARITY: the exported graph does not compute what the network does: on"
        f" {case.x.shape[0]} x {case.x.shape[1]} steps the error of onnxruntime against float64 is"
        f" {error:.1e}, more than the allowed {limit:.1e} (PyTorch: {case.torch_error:.1e})."
        " No file was written."
    )
