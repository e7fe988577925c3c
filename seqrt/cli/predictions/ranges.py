"""Warnings about inputs outside the range of the training data; with --strict-range an error."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seqrt.cli.talk import say_labelled
from seqrt.errors import InputError

if TYPE_CHECKING:
    from seqrt.contract import Manifest
    from seqrt.data.slices import Slices
    from seqrt.ranges import Outside

StrictRangeOption = Annotated[
    bool,
    typer.Option(
        "--strict-range",
        help="Refuse inputs outside the range of the training data, instead of a warning",
    ),
]


class RangeChecks:
    """Checks inputs as they are read: a warning for the first value outside of each feature."""

    def __init__(self, manifest: Manifest, *, strict: bool) -> None:
        """Check the features of a model; ids of tokens have no range."""
        from seqrt.ranges import RangeGuard, with_ranges

        features = with_ranges(manifest)
        self._guard = RangeGuard(features)
        self._idle = all(each.low is None and each.high is None for each in features)
        self._strict = strict

    def of_slices(self, read: Slices) -> Slices:
        """Return slices that are checked as they are read."""
        if self._idle:
            return read

        def part(rows: slice, steps: slice) -> Any:
            x = read.part(rows, steps)
            if isinstance(x, list):
                for i, item in enumerate(x, rows.start):
                    self._check(item, partial(read.place, i))
            else:
                self._check(x, lambda i, t: read.place(rows.start + i, steps.start + t))
            return x

        return replace(read, part=part)

    def of_batches(self, batches: Iterator[list[Any]]) -> Iterator[list[Any]]:
        """Yield the records of a stream; raise for the first one outside after those before it."""
        import numpy as np

        for batch in batches:
            if batch and not self._idle:
                found = self._guard.found(np.array([record.x for record in batch], np.float32))
                if found and self._strict:
                    first = min(found, key=lambda each: each.at)
                    yield batch[: first.at[0]]
                    self._tell(first, f"stdin, line {batch[first.at[0]].line}")
                for each in found:
                    self._tell(each, f"stdin, line {batch[each.at[0]].line}")
            yield batch

    def _check(self, x: Any, place: Callable[..., str]) -> None:
        found = self._guard.found(x)
        for each in sorted(found, key=lambda each: each.at):
            self._tell(each, place(*each.at))

    def _tell(self, each: Outside, place: str) -> None:
        if self._strict:
            raise InputError(
                f"E_INPUT_OUTSIDE: {place}: {each.feature} must be near its range in training,"
                f" {each.low:g} to {each.high:g}, got {each.value:g}. Correct it, train on such"
                " values, or drop --strict-range."
            )
        say_labelled(
            "warning",
            f"{place}: {each.feature} is {each.value:g}, outside its range in training,"
            f" {each.low:g} to {each.high:g}; predictions may be less accurate there",
        )
