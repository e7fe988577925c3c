"""A table put in order: rows grouped by series, sorted by time, and cut where a time is missing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from seqrt.contract import TimeColumn
from seqrt.data.ordering.cells import Key, series_of, times_of
from seqrt.data.ordering.clock import day_with_clock, with_calendar, with_clock
from seqrt.data.ordering.filling import filled
from seqrt.data.ordering.gaps import broken_after, check_one_step, note_on_gaps, runs_of
from seqrt.data.ordering.repeats import check_counters, check_repeats
from seqrt.data.steps.step import Step
from seqrt.data.table import Table
from seqrt.data.timeline import Timeline
from seqrt.encoding.dates import between
from seqrt.encoding.time_column import find_time, likely_time
from seqrt.encoding.times import DateOrder, Times, read_numbers
from seqrt.errors import InputError, UsageError

Rows = NDArray[np.int64]
Mask = NDArray[np.bool_]

NO_TIME = "none"
SERIES, TIME, TARGET = "unique_id", "ds", "y"
Span = tuple[str | None, str | None]
_LEAST_SAME = 0.2


def arrange(
    table: Table,
    *,
    series: Sequence[str] = (),
    time: str | None = None,
    dates: DateOrder | None = None,
    step: str = "",
    span: Span | None = None,
    fill: int = 0,
) -> Timeline:
    """Return the rows of a table by series and time, and the runs that are without a gap.

    `series` names the columns that tell several series apart; by default unique_id, beside the
    column ds for the time, or the names of several files. `time` names the time column, and "none"
    keeps the order of the file; by default it is found (see encoding.time_column). `dates` says
    whether 03/04/2024 is day first ("dmy") or month first ("mdy"), if the column does not show it.
    `step` is the step that a model was trained on; by default it is inferred. `span` selects the
    rows from one time to another. Gaps of at most `fill` steps are filled with rows in which every
    number is missing.

    Raises UsageError if the time starts over and no series is named; InputError for a time that
    cannot be read (E_INPUT_TIME, E_INPUT_DATE), comes twice (E_INPUT_TIME), or changes its step
    (E_INPUT_STEP).
    """
    if not series and {SERIES, TIME} <= set(table.names):
        series, time = (SERIES,), time or TIME
    series = tuple(series) or tuple(name for name in table.series if name in table.columns)
    unused = set(table.series) - set(series)  # the column with the names of several files
    columns = {name: column for name, column in table.columns.items() if name not in unused}
    table = replace(table, columns=columns, time=None, series=series)
    codes, keys = series_of(table, series)
    name, calendar_note = _time_column(table, series, time, codes), ""
    if table.named and time != NO_TIME and table.rows:
        table, name, calendar_note = with_calendar(table, name)
        name = name or day_with_clock(table)
    if time is None and not series:
        check_counters(table, name)
    table = replace(table, numbering=_numbering(table, name))
    if name is None:
        made = _in_file_order(table, series, codes, keys, span)
        if time is None and table.named:
            made = replace(made, notes=(*made.notes, *_note_on_no_time(table)))
        return replace(made, recorded_time=TimeColumn(NO_TIME, "number") if time else None)
    table, clock_note = with_clock(table, name)
    times, note = times_of(table, name, dates)
    check_repeats(table, name, times, codes if series else None)
    made = _sorted(replace(table, time=name), times, codes, keys, span)
    notes = (calendar_note, clock_note, note, *_note_on_order(name, times, codes))
    made = replace(made, notes=tuple(filter(None, notes)))
    return _in_steps(made, name, Step.of_text(step), fill)


def _sorted(
    table: Table, times: Times, codes: Rows, keys: tuple[Key, ...], span: Span | None
) -> Timeline:
    """Return the rows of `span` by series and time; their runs are still open."""
    order = np.lexsort((times.instant, codes))
    if span:
        order = order[between(times, *span)[order]]
        if not len(order):
            raise UsageError(table.nothing_between(*span))
    kept = np.unique(codes[order])
    bounds = np.append(np.searchsorted(codes[order], kept), len(order)).astype(np.int64)
    return Timeline(
        table.take(order),
        table.series,
        tuple(keys[code] for code in kept.tolist()) if len(order) else keys[:1],
        bounds if len(order) else np.array([0, 0]),
        np.empty((0, 2), np.int64),
        times=times.take(order),
    )


def _time_column(
    table: Table, series: tuple[str, ...], time: str | None, codes: Rows
) -> str | None:
    if time is None and not table.named:
        return None  # an array
    if time is None:
        return find_time(table.columns, series, codes if series else None)
    if time == NO_TIME and NO_TIME not in table.names:
        return None
    table.column(time)
    if time in series:
        raise UsageError(f"column {time!r} cannot be both the series and the time. Drop one.")
    return time


def _note_on_no_time(table: Table) -> Iterator[str]:
    """Yield a sentence if a column seems to be the time, but is not understood."""
    others = {name: each for name, each in table.columns.items() if name not in table.series}
    name = likely_time(others)
    if name is not None:
        cell = next(filter(None, others[name].texts()))
        yield (
            f"{name!r} may be the time, but cells such as {cell!r:.40} are not understood as times:"
            " rows are taken in the order of the file, at equal steps"
        )


def _numbering(table: Table, time: str | None) -> str | None:
    """Return the first column if it counts the rows from 0 or 1, as data frames are saved."""
    name = next((each for each in table.names if each not in table.series), None)
    if name is None or name == time or not table.named or len(table.columns) == 1 or not table.rows:
        return None
    values = table.columns[name].values
    counts = values[0] in (0, 1) and (values == values[0] + np.arange(table.rows)).all()
    return name if counts and table.rows > 1 else None


def _in_file_order(
    table: Table, series: tuple[str, ...], codes: Rows, keys: tuple[Key, ...], span: Span | None
) -> Timeline:
    """Group rows by series; rows of `span` are numbered from 1 in each."""
    order = np.argsort(codes, kind="stable")
    bounds = np.append(np.searchsorted(codes[order], np.arange(len(keys))), table.rows)
    if span:
        firsts = np.repeat(bounds[:-1], np.diff(bounds))
        numbers = read_numbers(np.arange(1.0, table.rows + 1) - firsts, epochs=False)
        inside = between(numbers, *span)
        if not inside.any():
            raise UsageError(table.nothing_between(*span))
        counts = np.concatenate([[0], np.cumsum(inside)])
        order, bounds = order[inside], counts[bounds]
    some = np.diff(bounds) > 0
    if some.any():
        keys = tuple(key for key, held in zip(keys, some, strict=True) if held)
        bounds = np.append(bounds[:-1][some], bounds[-1])
    runs = np.stack([bounds[:-1], bounds[1:]], axis=1).astype(np.int64)
    return Timeline(table.take(order), series, keys, bounds.astype(np.int64), runs)


def _note_on_order(name: str, times: Times, codes: Rows) -> list[str]:
    """Say if rows of a series were not in the order of their times."""
    grouped = np.argsort(codes, kind="stable")
    steps = np.diff(times.instant[grouped])[np.diff(codes[grouped]) == 0]
    back = int((steps < 0).sum())
    if not back:
        return []
    if back == len(steps):
        return [f"rows were in descending order of {name!r}, newest first: sorted"]
    rows = "1 row was" if back == 1 else f"{back:,} rows were"
    return [f"{rows} out of order by {name!r}: sorted"]


def _in_steps(made: Timeline, name: str, known: Step | None, fill: int) -> Timeline:
    """Find the step of a timeline, and cut its runs where a row does not follow in one step."""
    times, table = made.times, made.table
    assert times is not None
    inside = np.ones(max(table.rows - 1, 0), np.bool_)
    inside[made.bounds[1:-1] - 1] = False
    step = Step.of(times, inside)
    if step is not None:
        check_one_step(table, times, step, inside)
    if known is not None:
        _check_same_step(made, step, known, inside)
        step = replace(known, month_end=step is not None and step.month_end)
    broken = np.zeros(len(inside), np.bool_)
    notes = list(made.notes)
    if step is not None and step.regular:
        broken = broken_after(times, step, inside)
        made, broken, note = filled(made, name, step, broken, fill)
        notes += [note] if note else []
        notes += note_on_gaps(made, name, step, broken)
    elif step is not None:
        notes.append(_irregular(times, step, inside))
    return replace(
        made,
        runs=runs_of(made.bounds, broken),
        spacing=step,
        recorded_time=TimeColumn(name, times.written, step.text if step else ""),
        step=step.text if step else "",
        notes=tuple(notes),
    )


def _check_same_step(made: Timeline, step: Step | None, known: Step, inside: Mask) -> None:
    """Raise InputError (E_INPUT_STEP) if rows have a regular step that is not the model's."""
    assert made.times is not None
    if step is None or not step.regular:
        return
    steps = np.diff(known.positions(made.times))[inside] / known.size
    if known.follows(steps).mean() >= _LEAST_SAME:
        return
    table = made.table
    raise InputError(
        f"E_INPUT_STEP: {table.source}: rows must follow each other in steps of {known.text}, as in"
        f" the data that the model was trained on, but they have {step.text}. Resample the rows."
    )


def _irregular(times: Times, step: Step, inside: np.ndarray) -> str:
    between_rows = np.diff(step.positions(times))[inside]
    texts = [
        replace(step, size=float(size), regular=False).about
        for size in (between_rows.min(), between_rows.max())
    ]
    return (
        f"irregular steps (median {step.about}, {texts[0]} to {texts[1]}): rows are taken as equal"
        " steps"
    )
