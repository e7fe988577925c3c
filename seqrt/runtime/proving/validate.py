"""Validation: the proof and the laws of one model, measured on this machine."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from seqrt.contract.text import UNKNOWN
from seqrt.errors import InputError, ParityError
from seqrt.runtime.out_of_memory import needs_memory
from seqrt.runtime.proving.laws import laws
from seqrt.runtime.proving.parity import largest, scaled_units
from seqrt.runtime.proving.proof import Case, allowed_errors, decode, replay

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from seqrt.runtime.proving.laws import Law
    from seqrt.runtime.proving.protocol import ProvableModel

# The batch that the laws run on: large enough to cut, small enough to try every cut.
_ROWS, _STEPS = 5, 12


@dataclass(frozen=True)
class Check:
    """One check: the difference between two computations, and the largest that is allowed.

    Outputs are compared in scaled units, (y - mean) / scale.
    """

    name: str
    difference: float
    allowed: float

    @property
    def ok(self) -> bool:
        """Whether the difference is allowed; NaN never is."""
        return self.difference <= self.allowed

    @property
    def exact(self) -> bool:
        """Whether the two were equal bit for bit."""
        return self.difference == 0

    def __str__(self) -> str:
        """Return one line: ok or FAILED, the name, the difference."""
        word = "ok    " if self.ok else "FAILED"
        size = "bit for bit" if self.exact else f"{self.difference:.1e} of {self.allowed:.1e}"
        return f"{word} {self.name}: {size}"


@dataclass(frozen=True)
class ValidationReport:
    """The results of validation: the checks of the proof and of the laws."""

    proof: tuple[Check, ...]
    laws: tuple[Check, ...]

    @property
    def checks(self) -> tuple[Check, ...]:
        """All checks, the proof first."""
        return self.proof + self.laws

    @property
    def ok(self) -> bool:
        """Whether every check passed."""
        return all(check.ok for check in self.checks)

    @property
    def exact(self) -> bool:
        """Whether every law held bit for bit."""
        return all(law.exact for law in self.laws)

    @property
    def error(self) -> float:
        """The largest error against float64 over the proof, in scaled units."""
        return max(check.difference for check in self.proof)

    def __str__(self) -> str:
        """Return a line for each check."""
        return "\n".join(str(check) for check in self.checks)

    def raise_if_failed(self) -> None:
        """Raise ParityError that names the checks that failed, if any did."""
        failed = [str(check) for check in self.checks if not check.ok]
        if failed:
            raise ParityError(
                f"E_PARITY: the model does not compute what was trained: {len(failed)} of"
                f" {len(self.checks)} checks failed here: {'; '.join(failed)}."
            )


@needs_memory
def validate(model: ProvableModel) -> ValidationReport:
    """Replay the proof inside the file and test the laws; see Model.validate."""
    cases = decode(model.proof, model.manifest)
    # The numbers in a file may overflow float32; the resulting NaN fails its check.
    with np.errstate(all="ignore"):
        return ValidationReport(
            tuple(check for _, replayed in proof_checks(model, cases) for check in replayed()),
            tuple(check() for _, check in law_checks(model, cases)),
        )


def proof_checks(
    model: ProvableModel, cases: list[Case]
) -> Iterator[tuple[str, Callable[[], list[Check]]]]:
    """Yield the name of each golden case, and the call that replays it."""
    allowed = allowed_errors(model.manifest, cases)
    for number, case in enumerate(cases):
        name = f"proof {number + 1} ({case.x.shape[0]} x {case.x.shape[1]} steps)"
        yield name, partial(_replay, model, name, case, allowed)


def law_checks(
    model: ProvableModel, cases: list[Case]
) -> Iterator[tuple[str, Callable[[], Check]]]:
    """Yield the name of each law, and the call that tests it on a batch from the proof's inputs.

    Two correct computations may differ by as much as either may differ from the truth.
    """
    x = typical_batch(cases, model.manifest.least, model.manifest.tokens)
    allowed = allowed_errors(model.manifest, cases)
    for name, law in laws(model):
        yield name, partial(_check_law, model, name, law, x, allowed)


def typical_batch(cases: list[Case], least: int = 1, tokens: int = 0) -> NDArray[Any]:
    """Return a batch (5, 12, D) cut from the proof's inputs, or longer rows if 6 are too few.

    Of a network that reads `tokens`, those outside its table become 0.
    """
    steps = np.concatenate([case.x.reshape(-1, *case.x.shape[2:]) for case in cases])
    if tokens:
        steps = np.where((steps >= 0) & (steps < tokens), steps, UNKNOWN)
    return np.resize(steps, (_ROWS, max(_STEPS, 2 * least), *steps.shape[1:]))


def _replay(
    model: ProvableModel, name: str, case: Case, allowed: tuple[float, float]
) -> list[Check]:
    outputs, ends = replay(model, case)
    checks = [Check(f"{name}, outputs against float64", outputs, allowed[0])]
    if model.manifest.streamable:
        checks.append(Check(f"{name}, end states", ends, allowed[1]))
    return checks


def _check_law(
    model: ProvableModel, name: str, law: Law, x: NDArray[Any], allowed: tuple[float, float]
) -> Check:
    try:
        (y, ends), (other_y, other_ends) = law(model, x)
    except InputError as error:
        # the network's own state left the range of float32, so that it cannot go on from it
        if error.code != "E_INPUT_NONFINITE":
            raise
        return Check(name, math.nan, allowed[0])
    units = model.manifest.outputs
    outputs = largest(scaled_units(y, units) - scaled_units(other_y, units))
    states = largest(ends.astype(np.float64) - other_ends.astype(np.float64))
    parts = [Check(name, outputs, allowed[0]), Check(name, states, allowed[1])]
    return max(parts, key=lambda part: part.difference / (part.allowed or 1.0))
