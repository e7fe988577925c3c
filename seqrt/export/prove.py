"""Makes the proof: random inputs like those of training, and the network's float64 outputs."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from seqrt.contract import Manifest, Parity
from seqrt.errors import ParityError
from seqrt.export.subject import Subject
from seqrt.runtime import Model
from seqrt.runtime.proving.parity import largest, scaled_units
from seqrt.runtime.proving.proof import Case, allowed_errors, replay

_SEED = 20260401

# The longest golden case takes at most this many bytes of the file, before base64.
_CASE_BYTES = 12_000

# A network that forgets its past must stay this close to float64, relative to its outputs.
_LIMIT = 1e-5


def prove(draft: Model, subject: Subject) -> tuple[list[Case], Parity]:
    """Return the golden cases for the file and the largest errors; raise ParityError if too large.

    The errors are those of the golden cases and of trial cases, which are too large for the file.
    No case is longer than the steps over which float32 gives outputs to 1e-5 of their size; for a
    network that forgets its past there is no such limit.
    """
    reach = _reach(draft, subject)
    golden = list(_golden(draft, subject, reach))
    return golden, checked_parity(draft, golden, list(_trials(draft, subject, reach)), reach)


def checked_parity(draft: Model, golden: list[Case], trials: list[Case], steps: int) -> Parity:
    """Return the largest errors of golden and trial cases; raise ParityError if too large."""
    cases, outputs = [*golden, *trials], draft.manifest.outputs
    errors = [*_checked_errors(draft, golden), *_checked_errors(draft, cases)]
    return Parity(
        torch=two_digits(max(case.torch_error for case in cases)),
        runtime=two_digits(max(errors)),
        scale=two_digits(max(largest(scaled_units(case.valid(case.y), outputs)) for case in cases)),
        steps=steps,
    )


def _golden(draft: Model, subject: Subject, reach: int) -> Iterator[Case]:
    """Yield the cases for the file: one step, a ragged batch, a sequence longer than training's."""
    rng, m = np.random.Generator(np.random.PCG64(_SEED)), draft.manifest
    per_step = 4 * len(m.features) + (8 * len(m.outputs) if m.head == "sequence" else 0)
    longest = max(24, min(2 * (m.window or 32), _CASE_BYTES // per_step))
    for rows, steps in ((1, m.least), (3, 17 + m.least - 1), (1, longest)):
        yield subject.case(draft, rows, min(steps, reach), rng)


def _trials(draft: Model, subject: Subject, reach: int) -> Iterator[Case]:
    """Yield further cases, too large for the file: one with many rows, one with many steps."""
    rng = np.random.Generator(np.random.PCG64(_SEED + 1))
    for rows, steps in ((17, 40), (2, _longest(draft.manifest))):
        yield subject.case(draft, rows, min(steps, reach), rng)


def _longest(manifest: Manifest) -> int:
    return max(300, min(4 * (manifest.window or 0), 1000))


def _reach(draft: Model, subject: Subject) -> int:
    """Return the number of steps over which the error stays under 1e-5 of the outputs' size.

    Where it exceeds that, the network may amplify rounding errors, or the graph may be wrong. Raise
    ParityError for a wrong graph: then the float64 outputs hardly change if x is rounded again, or
    the table and the state of a network that reads tokens.
    """
    m, rng = draft.manifest, np.random.Generator(np.random.PCG64(_SEED + 2))
    case = subject.case(draft, 1, _longest(m), rng, fresh=True)
    steps = np.unique(np.geomspace(m.least, case.x.shape[1], 24).astype(np.int32))
    rows = np.zeros(len(steps), np.intp)
    x, state = case.x[rows], case.state[rows]
    truth, _ = subject.solve(torch.float64, x, steps, state)
    scale = np.array([column.scale for column in m.outputs], np.float32)
    limit = _LIMIT * max(1.0, largest(truth / scale))
    errors = np.abs((draft.run(x, steps, state, any_ids=True)[0] - truth) / scale)
    within = errors.reshape(len(steps), -1).max(axis=1) <= limit
    if within.all():
        return int(steps[-1])
    moved, _ = subject.solve(torch.float64, x, steps, state, rounded=True)
    if not within[0] or largest((moved - truth) / scale) <= limit / 10:
        raise parity_error(case, float(errors.max()), limit)
    return int(steps[within.argmin() - 1])


def _checked_errors(draft: Model, cases: list[Case]) -> Iterator[float]:
    """Yield the output error of each case; raise ParityError if one breaks the rule of parity."""
    most = allowed_errors(draft.manifest, cases)
    for case in cases:
        errors = replay(draft, case)
        for error, limit in zip(errors, most, strict=True):
            if not error <= limit:
                raise parity_error(case, error, limit)
        yield errors[0]


def two_digits(value: float) -> float:
    """Return `value` with two digits, so that other machines write the same number."""
    return float(f"{value:.1e}")


def parity_error(case: Case, error: float, limit: float) -> ParityError:
    """Return the error for a graph that is off by `error` on a case, more than `limit`."""
    return ParityError(
        "E_PARITY: the exported graph does not compute what the network does: on"
        f" {case.x.shape[0]} x {case.x.shape[1]} steps the error of onnxruntime against float64 is"
        f" {error:.1e}, more than the allowed {limit:.1e} (PyTorch: {case.torch_error:.1e})."
        " No file was written."
    )
