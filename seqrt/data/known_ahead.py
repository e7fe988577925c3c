"""Values known ahead: a plan, rows at the end of a run whose targets are still empty."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from seqrt.contract import Manifest
from seqrt.data.timeline import Timeline
from seqrt.encoding.column import Numbers
from seqrt.errors import InputError

_LISTED = 3


def without_plan(data: Timeline, target: Sequence[str]) -> Timeline:
    """Return a timeline whose runs end where the last target is known.

    The rows cut off each run, whose targets are all empty, are its plan: they are still in the runs
    `planned`. A table that lacks a target column has no plan.
    """
    runs, table = data.runs, data.table
    if set(target) <= set(table.names):
        known = ~np.isnan(table.numbers(target, missing=True)).all(axis=1)
        last = np.maximum.accumulate(np.where(known, np.arange(table.rows) + 1, 0))
        runs = np.stack([runs[:, 0], np.concatenate([[0], last])[runs[:, 1]]], axis=1)
    return replace(data, runs=runs[runs[:, 0] < runs[:, 1]], planned=data.runs)


def known_targets(data: Timeline, target: Sequence[str], *, missing: bool) -> Numbers:
    """Return the targets (T, O) of a timeline, NaN in its plan.

    Raises InputError (E_INPUT_MISSING) at an empty target inside a run, unless `missing` allows it.
    """
    values = data.table.numbers(target, missing=missing or data.planned is not None)
    if not missing and data.planned is not None:
        for first, end in data.runs.tolist():
            lacking = np.argwhere(np.isnan(values[first:end]))
            if len(lacking):
                row, column = lacking[0].tolist()
                raise data.table.refusal(target[column], first + row)
    return values


def predictable(data: Timeline, manifest: Manifest, *, at_end: bool = False) -> Timeline:
    """Return a timeline whose runs have all values that the model reads from rows ahead.

    With `at_end`, a run is left out unless it has them after its last known target. A note says how
    many rows are left out. Raises InputError (E_INPUT_FUTURE) if that leaves no window to predict.
    """
    farthest = max((each.ahead for each in manifest.inputs), default=0)
    if not farthest:
        return data
    known = without_plan(data, manifest.targets)
    window, first = manifest.window or 1, known.runs[:, 0]
    stop = np.maximum(np.minimum(known.runs[:, 1], known.reach - farthest), first)
    lacking = known.runs[:, 1] - stop
    if at_end:
        stop = np.where(lacking > 0, first, stop)
    long = known.runs[:, 1] - first >= window
    columns = ", ".join(dict.fromkeys(each.column for each in manifest.inputs if each.ahead))
    plan = f"with {columns} and an empty {_listed(manifest.targets)}"
    if long.any() and (stop - first).max() < window:
        needed = lacking if at_end else window - (stop - first)
        more = int(needed[long].min())
        after = f"the last {_listed(manifest.targets)}" if at_end else f"its window of {window}"
        raise InputError(
            f"E_INPUT_FUTURE: {data.table.source}: a forecast needs {columns} for {farthest}"
            f" row{'s' * (farthest > 1)} after {after}, but the data ends before. Append"
            f" {more} row{'s' * (more > 1)} {plan}."
        )
    notes = data.notes
    count = int(lacking.sum())
    if count:
        rows = "1 row at the end has" if count == 1 else f"{count:,} rows at the end have"
        notes += (
            f"{rows} no forecast, because {columns} must be known for {farthest} rows more:"
            f" append rows {plan}",
        )
    runs = np.stack([first, stop], axis=1)[first < stop]
    return replace(known, runs=runs, notes=notes)


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more
