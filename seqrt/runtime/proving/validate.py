"""Validation: the proof and the laws of one model, measured on this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from seqrt.errors import ParityError
from seqrt.runtime.out_of_memory import needs_memory
from seqrt.runtime.proving.laws import laws
from seqrt.runtime.proving.parity import largest, own_units
from seqrt.runtime.proving.proof import Case, allowed, decode, replay

if TYPE_CHECKING:
    from seqrt.runtime.model import Model
    from seqrt.runtime.proving.laws import Law
    from seqrt.runtime.types import Floats

# What the laws run on: enough rows and steps to cut, short enough for every cut to be tried.
_ROWS, _STEPS = 5, 12


@dataclass(frozen=True)
class Check:
    """One thing that was checked: how far apart two computations were, how far they may be.

    Answers are measured in the network's own units, (y - mean) / scale.
    """

    name: str
    difference: float
    allowed: float

    @property
    def ok(self) -> bool:
        """Whether the difference is allowed; NaN is not."""
        return self.difference <= self.allowed

    @property
    def exact(self) -> bool:
        """Whether the two were equal bit for bit."""
        return self.difference == 0

    def __str__(self) -> str:
        """Say it on one line: ok or FAILED, the name, the difference."""
        word = "ok    " if self.ok else "FAILED"
        far = "bit for bit" if self.exact else f"{self.difference:.1e} of {self.allowed:.1e}"
        return f"{word} {self.name}: {far}"


@dataclass(frozen=True)
class Report:
    """What validation found: the replayed proof and the laws, one check each."""

    proof: tuple[Check, ...]
    laws: tuple[Check, ...]

    @property
    def checks(self) -> tuple[Check, ...]:
        """All checks, the proof first."""
        return self.proof + self.laws

    @property
    def ok(self) -> bool:
        """Whether every check held."""
        return all(check.ok for check in self.checks)

    @property
    def exact(self) -> bool:
        """Whether every law held bit for bit."""
        return all(law.exact for law in self.laws)

    @property
    def error(self) -> float:
        """The largest error against float64 over the proof, in the network's own units."""
        return max(check.difference for check in self.proof)

    def __str__(self) -> str:
        """List every check on a line of its own."""
        return "\n".join(str(check) for check in self.checks)

    def raise_if_failed(self) -> None:
        """Raise ParityError that names the checks that failed, if any did."""
        failed = [str(check) for check in self.checks if not check.ok]
        if failed:
            raise ParityError(
                f"E_PARITY: a model must compute what was trained; {len(failed)} of"
                f" {len(self.checks)} checks failed here: {'; '.join(failed)}."
            )


@needs_memory
def validate(model: Model) -> Report:
    """Replay the proof inside the file and check the laws; see Model.validate."""
    cases = decode(model.proof, model.manifest)
    # A file may hold numbers that leave float32: what comes of them is no number, and so not ok.
    with np.errstate(all="ignore"):
        return Report(
            tuple(check for _, replayed in proofs(model, cases) for check in replayed()),
            tuple(check() for _, check in lawful(model, cases)),
        )


def proofs(model: Model, cases: list[Case]) -> Iterator[tuple[str, Callable[[], list[Check]]]]:
    """Yield the name of each golden case, and what replays it."""
    most = allowed(model, cases)
    for number, case in enumerate(cases):
        name = f"proof {number + 1} ({case.x.shape[0]} x {case.x.shape[1]} steps)"
        yield name, partial(_replay, model, name, case, most)


def lawful(model: Model, cases: list[Case]) -> Iterator[tuple[str, Callable[[], Check]]]:
    """Yield the name of each law, and what checks it on a batch cut from the proof's inputs.

    Two ways that are both right differ at most by what each may differ from the truth.
    """
    x, most = typical(cases), allowed(model, cases)
    for name, law in laws(model):
        yield name, partial(_check_law, model, name, law, x, most)


def typical(cases: list[Case]) -> Floats:
    """Return a batch (5, 12, D) cut from the proof's inputs."""
    steps = np.concatenate([case.x.reshape(-1, case.x.shape[-1]) for case in cases])
    return np.resize(steps, (_ROWS, _STEPS, steps.shape[-1]))


def _replay(model: Model, name: str, case: Case, most: tuple[float, float]) -> list[Check]:
    answers, ends = replay(model, case)
    checks = [Check(f"{name}, answers against float64", answers, most[0])]
    if model.manifest.streamable:
        checks.append(Check(f"{name}, end states", ends, most[1]))
    return checks


def _check_law(model: Model, name: str, law: Law, x: Floats, most: tuple[float, float]) -> Check:
    (y, ends), (other_y, other_ends) = law(model, x)
    outputs = model.manifest.outputs
    answers = largest(own_units(y, outputs) - own_units(other_y, outputs))
    states = largest(ends.astype(np.float64) - other_ends)
    parts = [Check(name, answers, most[0]), Check(name, states, most[1])]
    return max(parts, key=lambda part: part.difference / (part.allowed or 1.0))
