"""A model is checked: its proof, its laws, and an answer to every fault that can be made."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Literal

from seqrt.errors import CheckError, UsageError
from seqrt.runtime.proving.validate import Check, lawful, proofs
from seqrt.testing import arrays, damaged_files, empty_inputs, nonfinite, processes, shapes, streams
from seqrt.testing.model_under_test import ModelUnderTest

_FAULTS = (empty_inputs, shapes, arrays, nonfinite, streams, processes, damaged_files)


@dataclass(frozen=True)
class ModelCheck:
    """One check of one model: a sentence that must hold, and the call that tries it."""

    name: str
    path: str
    hold: Callable[[], object]

    def __call__(self) -> None:
        """Return where the check holds; raise CheckError that says what was found instead."""
        try:
            self.hold()
        except Exception as error:
            found = str(error) if type(error) is AssertionError else f"{error!r:.300}"
            raise CheckError(
                f'E_CHECK: {self.path}: "{self.name}" must hold, and does not: {found}'
            ) from error

    def __str__(self) -> str:
        """Say what must hold."""
        return self.name


@dataclass(frozen=True)
class Finding:
    """What one check came to: an empty `error` where it held."""

    name: str
    error: str

    @property
    def ok(self) -> bool:
        """Whether the check held."""
        return not self.error


@dataclass(frozen=True)
class CheckReport:
    """What all checks of a model came to."""

    path: str
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether every check held."""
        return not self.failed

    @property
    def failed(self) -> tuple[Finding, ...]:
        """The checks that did not hold."""
        return tuple(finding for finding in self.findings if not finding.ok)

    def __str__(self) -> str:
        """List every check on a line of its own."""
        return "\n".join(f"{'ok    ' if f.ok else 'FAILED'} {f.name}" for f in self.findings)

    def raise_if_failed(self) -> None:
        """Raise CheckError with what each failed check found, if any failed."""
        if not self.ok:
            found = "\n".join(finding.error for finding in self.failed)
            raise CheckError(
                f"E_CHECK: {self.path}: {len(self.failed)} of {len(self.findings)} checks failed."
                f"\n{found}"
            )


def check_model(
    path: str | os.PathLike[str], *, on_fail: Literal["raise", "report"] = "raise"
) -> CheckReport:
    """Run every check on the model at `path`, on the CPU; return what they came to.

    Raises ModelError for a file that does not open, and CheckError that names every check that
    failed, unless `on_fail` asks for the report alone. Takes about a second.
    """
    if on_fail not in ("raise", "report"):
        raise UsageError(f"on_fail must be 'raise' or 'report', got {on_fail!r}.")
    report = CheckReport(os.fspath(path), tuple(map(_finding, checks(path))))
    if on_fail == "raise":
        report.raise_if_failed()
    return report


def checks(path: str | os.PathLike[str]) -> list[ModelCheck]:
    """Return the checks that apply to the model at `path`; each is a call, and a name by `str`.

    Raises ModelError for a file that does not open.
    """
    tested = ModelUnderTest(path)
    return [ModelCheck(name, os.fspath(path), hold) for name, hold in _holding(tested)]


def _holding(tested: ModelUnderTest) -> Iterator[tuple[str, Callable[[], object]]]:
    for name, replayed in proofs(tested.model, tested.cases):
        yield name, partial(_all_ok, replayed)
    for name, measured in lawful(tested.model, tested.cases):
        yield name, partial(_ok, measured)
    for room in _FAULTS:
        for fault in room.faults(tested.model):
            yield fault.__name__.replace("_", " "), partial(fault, tested)


def _all_ok(replayed: Callable[[], list[Check]]) -> None:
    for check in replayed():
        _judge(check)


def _ok(measured: Callable[[], Check]) -> None:
    _judge(measured())


def _judge(check: Check) -> None:
    if not check.ok:
        raise AssertionError(str(check))


def _finding(check: ModelCheck) -> Finding:
    try:
        check()
    except CheckError as error:
        return Finding(check.name, str(error))
    return Finding(check.name, "")
