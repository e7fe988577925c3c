"""Runs of rows in equal steps, the gaps between them, and sentences about both."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from seqrt.data.steps.durations import exact_text, near_text
from seqrt.data.steps.step import Step
from seqrt.data.table import Table
from seqrt.data.timeline import Timeline
from seqrt.encoding.notation.layout import DAY
from seqrt.encoding.times import Times
from seqrt.errors import InputError

Rows = NDArray[np.int64]
Mask = NDArray[np.bool_]

_LEAST_STRETCH = 10
_LONG_SHARE = 0.05
_EQUAL_SHARE = 0.9
_HOUR = DAY // 24
_SUNDAY = 3  # 1970-01-01 was a Thursday


def runs_of(bounds: Rows, broken: Mask) -> Rows:
    """Return the runs (R, 2) of series with `bounds`; `broken` (T - 1,) ends a run after a row."""
    firsts = np.union1d(bounds[:-1], np.flatnonzero(broken) + 1)
    runs = np.stack([firsts, np.append(firsts[1:], bounds[-1])], axis=1)
    return runs[runs[:, 0] < runs[:, 1]].astype(np.int64)


def broken_after(times: Times, step: Step, inside: Mask) -> Mask:
    """Return the rows (T - 1,) that the next one in their series does not follow in one step."""
    return inside & ~step.follows(np.diff(step.positions(times)) / step.size)


def note_on_gaps(data: Timeline, name: str, step: Step, broken: Mask) -> list[str]:
    """Say how many gaps there are, and where the longest is."""
    table, times = data.table, data.times
    assert times is not None
    steps = np.diff(step.positions(times)) / step.size
    notes = []
    late = broken & (steps > 1)
    if late.any():
        row = int(np.where(late, steps, 0).argmax())
        length = near_text(step.unit, (steps[row] - 1) * step.size)
        count = int(late.sum())
        gaps = f"{count:,} gaps, the longest of" if count > 1 else "1 gap of"
        after = table.columns[name].text(row).strip()
        place = table.row_place(row) if table.files else f"{table.place} {table.lines[row]}"
        notes.append(
            f"{gaps} {length} after {after} ({place});"
            f" no window reaches over {'them' if count > 1 else 'it'}"
            f"{_spring(times, step, late)}"
        )
    early = int((broken & (steps < 1)).sum())
    if early:
        rows = "1 row follows" if early == 1 else f"{early:,} rows follow"
        notes.append(f"{rows} in less than half a step of {step.text}: no window reaches over that")
    if step.unit == "business day":
        days = int((np.rint(steps[~broken & (steps > 1)]) - 1).sum())
        if days:
            one = "1 business day without a row is taken as a holiday, not as a gap"
            many = f"{days:,} business days without a row are taken as holidays, not as gaps"
            notes.append(one if days == 1 else many)
    return notes


def _spring(times: Times, step: Step, late: Mask) -> str:
    """Name the gaps that are an hour which clocks skip at the start of summer time."""
    if step.unit != "instant" or times.zoned or step.size > _HOUR:
        return ""
    wall = times.wall[1:][late]
    hour = np.diff(times.instant)[late] == _HOUR + step.size
    night = (wall // DAY % 7 == _SUNDAY) & (wall % DAY <= 3 * _HOUR) & (wall % DAY >= _HOUR)
    skipped = int((hour & night).sum())
    if not skipped:
        return ""
    hours = "is an hour" if skipped == 1 else f"{skipped:,} are hours"
    return (
        f" ({'one ' * (skipped == 1)}{hours} that clocks skip at the start of summer time: write"
        " the times in UTC, or with their offset)"
    )


def check_one_step(table: Table, times: Times, step: Step, inside: Mask) -> None:
    """Raise InputError (E_INPUT_STEP) if many rows after each other keep another regular step."""
    if step.unit == "number" and not step.regular:
        return
    between = np.diff(step.positions(times))
    candidates = [step.size]
    if not step.regular:
        values, counts = np.unique(between[inside], return_counts=True)
        candidates = [float(values[counts.argmax()])]
    for size in candidates:
        usual = replace(step, size=size, regular=True)
        if size <= 0:
            continue
        other = inside & ~usual.follows(between / size)
        stretch = _longest(other)
        rows = stretch.stop - stretch.start
        if rows < max(_LEAST_STRETCH, _LONG_SHARE * int(inside.sum())):
            continue
        part = between[stretch]
        median = float(np.median(part))
        if (np.abs(part - median) < median / 2).mean() >= _EQUAL_SHARE:
            raise _changes(table, usual, median, stretch, inside)


def _longest(mask: Mask) -> slice:
    """Return the longest stretch of true values."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    if not len(edges):
        return slice(0, 0)
    starts, stops = edges[::2], edges[1::2]
    longest = int((stops - starts).argmax())
    return slice(int(starts[longest]), int(stops[longest]))


def _changes(table: Table, usual: Step, other: float, stretch: slice, inside: Mask) -> InputError:
    at_start = stretch.start == 0 or not inside[stretch.start - 1]
    steps = [usual.text, exact_text(usual.unit, other)]
    row = stretch.start
    if at_start:
        steps.reverse()
        row = stretch.stop
    if at_start and (row == len(inside) or not inside[row]):
        return InputError(
            f"E_INPUT_STEP: {table.row_place(stretch.start)}: all series"
            f" must have one step, but here one begins with steps of {steps[0]}, and others have"
            f" {steps[1]}. Train on them separately, or resample the rows to one step."
        )
    return InputError(
        f"E_INPUT_STEP: {table.row_place(row)}: rows must follow each"
        f" other in equal steps, but after this one the step changes from {steps[0]} to"
        f" {steps[1]}. Use one of the parts with --span, resample the rows to one step, or use"
        " --time none to ignore the times."
    )
