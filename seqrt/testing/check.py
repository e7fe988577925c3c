"""Checks a model: its proof, its laws, and how it handles faulty input and files."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Literal

from seqrt.errors import CheckError, UsageError
from seqrt.runtime.proving.validate import Check, law_checks, proof_checks
from seqrt.testing import (
    arrays,
    damaged_files,
    empty_inputs,
    nonfinite,
    processes,
    shapes,
    streams,
    texts,
    tokens,
)
from seqrt.testing.model_under_test import ModelUnderTest

_MODULES = (
    *(empty_inputs, shapes, arrays, tokens, texts, nonfinite, streams, processes, damaged_files),
)


@dataclass(frozen=True)
class ModelCheck:
    """One check of one model: a sentence that must be true, and a call that tests it."""

    name: str
    path: str
    test: Callable[[], object]

    def __call__(self) -> None:
        """Run the check; raise CheckError with what was found instead if it fails."""
        try:
            self.test()
        except Exception as error:
            found = str(error) if type(error) is AssertionError else f"{error!r:.300}"
            raise CheckError(f'E_CHECK: {self.path}: "{self.name}" is not true: {found}') from error

    def __str__(self) -> str:
        """Return the sentence that must be true."""
        return self.name


@dataclass(frozen=True)
class Finding:
    """The result of one check; `error` is empty if it passed."""

    name: str
    error: str

    @property
    def ok(self) -> bool:
        """Whether the check passed."""
        return not self.error


@dataclass(frozen=True)
class CheckReport:
    """The results of all checks of a model."""

    path: str
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether every check passed."""
        return not self.failed

    @property
    def failed(self) -> tuple[Finding, ...]:
        """The results of the checks that failed."""
        return tuple(finding for finding in self.findings if not finding.ok)

    def __str__(self) -> str:
        """Return one line for each check."""
        return "\n".join(f"{'ok    ' if f.ok else 'FAILED'} {f.name}" for f in self.findings)

    def raise_if_failed(self) -> None:
        """Raise CheckError that lists what each failed check found, if any failed."""
        if not self.ok:
            found = "\n".join(finding.error for finding in self.failed)
            raise CheckError(
                f"E_CHECK: {self.path}: {len(self.failed)} of {len(self.findings)} checks failed."
                f"\n{found}"
            )


def check_model(
    path: str | os.PathLike[str], *, on_fail: Literal["raise", "report"] = "raise"
) -> CheckReport:
    """Run every check on the model at `path`, on the CPU; return the results.

    Raises ModelError for a file that does not open, and CheckError that lists every failed check;
    with `on_fail="report"` failures are only in the report. Takes about a second.
    """
    if on_fail not in ("raise", "report"):
        raise UsageError(f"on_fail must be 'raise' or 'report', got {on_fail!r}.")
    report = CheckReport(os.fspath(path), tuple(map(_finding, checks(path))))
    if on_fail == "raise":
        report.raise_if_failed()
    return report


def checks(path: str | os.PathLike[str]) -> list[ModelCheck]:
    """Return the checks that apply to the model at `path`: call one to run it, `str` is its name.

    Raises ModelError for a file that does not open.
    """
    tested = ModelUnderTest(path)
    return [ModelCheck(name, os.fspath(path), test) for name, test in _tests(tested)]


def _tests(tested: ModelUnderTest) -> Iterator[tuple[str, Callable[[], object]]]:
    for name, replayed in proof_checks(tested.model, tested.cases):
        yield name, partial(_assert_all_ok, replayed)
    for name, measured in law_checks(tested.model, tested.cases):
        yield name, partial(_assert_measured_ok, measured)
    for module in _MODULES:
        for check in module.checks_for(tested.model):
            yield check.__name__.replace("_", " "), partial(check, tested)


def _assert_all_ok(replayed: Callable[[], list[Check]]) -> None:
    for check in replayed():
        _assert_ok(check)


def _assert_measured_ok(measured: Callable[[], Check]) -> None:
    _assert_ok(measured())


def _assert_ok(check: Check) -> None:
    if not check.ok:
        raise AssertionError(str(check))


def _finding(check: ModelCheck) -> Finding:
    try:
        check()
    except CheckError as error:
        return Finding(check.name, str(error))
    return Finding(check.name, "")
