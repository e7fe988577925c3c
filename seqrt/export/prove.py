"""Golden cases: inputs like those of training, and what the network answers in float64."""

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
from seqrt.runtime.proving.parity import largest, own_units
from seqrt.runtime.proving.proof import Case, allowed, replay
from seqrt.runtime.types import Doubles, Floats, Lengths
from seqrt.training.networks.stack import Stack

_SEED = 20260401

# The share of values that is missing, for a network that reads such.
_GAPS = 0.25

# Room for the longest golden case inside the file, in bytes, before base64.
_ROOM = 12_000

# The rule of design: a network that forgets stays this close to float64, in units of its scale.
_FORGETS = 1e-5
_ROUNDING = 2.0**-24


def prove(draft: Model, stack: Stack) -> tuple[list[Case], Parity]:
    """Return the golden cases for the file and the worst errors; raise ParityError if too large.

    The errors are those of golden and trial cases, the latter too large for the file. All stay
    within the steps over which the answer can be known to 1e-5 of its size: any number for a
    network that forgets.
    """
    reach = _reach(draft, stack)
    golden = list(_golden(stack, reach))
    cases = [*golden, *_trials(stack, reach)]
    errors = [*_checked(draft, golden), *_checked(draft, cases)]
    outputs = draft.manifest.outputs
    return golden, Parity(
        torch=_rounded(max(case.torch_error for case in cases)),
        runtime=_rounded(max(errors)),
        scale=_rounded(max(largest(own_units(case.valid(case.y), outputs)) for case in cases)),
        steps=reach,
    )


def _golden(stack: Stack, reach: int) -> Iterator[Case]:
    """Yield the cases that go into the file: one step, a ragged batch, longer than training."""
    rng = np.random.Generator(np.random.PCG64(_SEED))
    per_step = 4 * len(stack.x_mean) + (8 * len(stack.y_mean) if stack.head == "sequence" else 0)
    longest = max(24, min(2 * (stack.metadata.window or 32), _ROOM // per_step))
    for rows, steps in ((1, 1), (3, 17), (1, longest)):
        yield _case(stack, rows, min(steps, reach), rng)


def _trials(stack: Stack, reach: int) -> Iterator[Case]:
    """Yield more cases, too large for the file: many rows, and long."""
    rng = np.random.Generator(np.random.PCG64(_SEED + 1))
    for rows, steps in ((17, 40), (2, _longest(stack))):
        yield _case(stack, rows, min(steps, reach), rng)


def _longest(stack: Stack) -> int:
    return max(300, min(4 * (stack.metadata.window or 0), 1000))


def _reach(draft: Model, stack: Stack) -> int:
    """Return over how many steps the error stays under 1e-5 of the answers' size.

    Raise ParityError where it does not, though the exact answer hardly moves when its input is
    rounded once more: then it is the graph that is wrong.
    """
    case = _case(stack, 1, _longest(stack), np.random.Generator(np.random.PCG64(_SEED + 2)))
    steps = np.unique(np.geomspace(1, case.x.shape[1], 24).astype(np.int32))
    rows = np.zeros(len(steps), np.intp)
    x, state = case.x[rows], case.state[rows]
    truth, _ = _solve(stack, torch.float64, x, steps, state)
    scale = float32_array(stack.y_scale)
    limit = _FORGETS * max(1.0, largest(truth / scale))
    errors = np.abs((draft.run(x, steps, state)[0] - truth) / scale)
    within = errors.reshape(len(steps), -1).max(axis=1) <= limit
    if within.all():
        return int(steps[-1])
    moved, _ = _solve(stack, torch.float64, x * _rounding(x), steps, state)
    if not within[0] or largest((moved - truth) / scale) <= limit / 10:
        raise _differs(case, float(errors.max()), limit)
    return int(steps[within.argmin() - 1])


def _checked(draft: Model, cases: list[Case]) -> Iterator[float]:
    """Yield the error of each case's answers; raise ParityError where the rule does not hold."""
    most = allowed(draft, cases)
    for case in cases:
        errors = replay(draft, case)
        for error, limit in zip(errors, most, strict=True):
            if not error <= limit:
                raise _differs(case, error, limit)
        yield errors[0]


def _rounded(value: float) -> float:
    """Return `value` with two digits: what a reader needs, and the same on the next machine."""
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
    """Draw inputs evenly from the range that training saw, some rows shorter, states within ±1/2.

    A quarter of the values is missing where the network has a policy for that.

    Never the training data itself: a file travels further than its data may.
    """
    x = np.empty((rows, steps, len(stack.metadata.features)), np.float32)
    for d, column in enumerate(stack.metadata.features):
        low, high = column.typical_range
        x[..., d] = low + (high - low) * rng.random((rows, steps))
    lengths = np.maximum(1, steps - np.arange(rows) * steps // (rows + 1)).astype(np.int32)
    state = rng.random((rows, stack.state_size)) - 0.5
    if stack.missing != "error":
        x[rng.random(x.shape) < _GAPS] = np.nan
    return x, lengths, state.astype(np.float32)


def _solve(
    stack: Stack, dtype: torch.dtype, x: Floats | Doubles, lengths: Lengths, state: Floats
) -> tuple[Doubles, Doubles]:
    """Return y and the end state as torch computes them in `dtype`, zeros past the lengths."""
    net = copy.deepcopy(stack).to(dtype)
    inputs = torch.from_numpy(x).to(dtype), torch.from_numpy(lengths).long()
    with torch.no_grad():
        if stack.state_size:
            y, end = net.run(*inputs, torch.from_numpy(state).to(dtype))
        else:
            y, end = net(*inputs), torch.zeros(len(x), 0)
    answers = _double(y)
    if answers.ndim == x.ndim:
        answers[~inside(lengths, x.shape[1])] = 0
    return answers, _double(end)


def _double(tensor: Tensor) -> Doubles:
    array: Doubles = tensor.double().numpy()
    return array


def _rounding(x: Floats) -> Doubles:
    """Return factors (B, T, D) that move x as much as rounding it to float32 once more may."""
    signs = np.where(np.arange(x[0].size).reshape(x[0].shape) % 2, 1.0, -1.0)
    factors: Doubles = 1.0 + _ROUNDING * np.broadcast_to(signs, x.shape)
    return factors


def _differs(case: Case, error: float, limit: float) -> ParityError:
    return ParityError(
        f"E_PARITY: the exported graph must compute what the network does; on {case.x.shape[0]} x"
        f" {case.x.shape[1]} steps onnxruntime is {error:.1e} from float64, allowed are"
        f" {limit:.1e} (PyTorch itself: {case.torch_error:.1e}). No file was written."
    )
