"""Short gaps filled with rows in which every number is missing, for a policy to read."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from seqrt.contract.manifest import Missing, Task
from seqrt.data.steps.step import Step
from seqrt.data.timeline import Timeline
from seqrt.encoding.column import TableColumn
from seqrt.encoding.times import Times

Rows = NDArray[np.int64]
Mask = NDArray[np.bool_]


def most_filled(task: Task, missing: Missing, window: int | None) -> int:
    """Return how many steps a gap may have to be filled: a quarter of the window, at most.

    That is for numbers to forecast or regress, under the policy forward; labels cannot be missing.
    """
    fills = missing == "forward" and task in ("forecast", "regress")
    return (window or 0) // 4 if fills else 0


def filled(
    data: Timeline, name: str, step: Step, broken: Mask, most: int
) -> tuple[Timeline, Mask, str]:
    """Return a timeline with a row for every step that is missing in gaps of at most `most` steps.

    A new row has the time of its step and missing numbers; its other cells are those of the row
    before. `broken` (T - 1,) are the rows that the next one does not follow; it is returned for the
    new rows, with a note on what was filled.
    """
    assert data.times is not None
    lacking = np.rint(np.diff(step.positions(data.times)) / step.size).astype(np.int64) - 1
    short = broken & (lacking >= 1) & (lacking <= most)
    if not short.any():
        return data, broken, ""
    counts = np.append(np.where(short, lacking, 0), 0) + 1
    rows = np.repeat(np.arange(len(counts)), counts)
    firsts = np.cumsum(counts) - counts
    ahead = np.arange(len(rows)) - firsts[rows]
    new = ahead > 0
    times = _with_new(data.times, rows, new, step.after(data.times.take(rows[new]), ahead[new]))
    table = data.table.take(rows)
    columns = {key: _blank(column, new) for key, column in table.columns.items()}
    columns[name] = _timed(table.columns[name], new, times)
    after = np.zeros(len(rows) - 1, np.bool_)
    after[firsts[1:] - 1] = broken & ~short
    made = replace(
        data,
        table=replace(table, columns=columns),
        bounds=np.append(firsts, len(rows))[data.bounds],
        times=times,
    )
    gaps = "1 gap is" if short.sum() == 1 else f"{int(short.sum()):,} gaps are"
    count = int(new.sum())
    note = f"{gaps} filled with {count:,} {'row' if count == 1 else 'rows'} of missing values"
    return made, after, note


def _with_new(times: Times, rows: Rows, new: Mask, later: Times) -> Times:
    """Return the times of `rows`, with `later` where they are new."""
    held = times.take(rows)
    instant, wall = held.instant.copy(), held.wall.copy()
    instant[new], wall[new] = later.instant, later.wall
    return replace(held, instant=instant, wall=wall)


def _blank(column: TableColumn, new: Mask) -> TableColumn:
    """Return a column whose numbers are missing in new rows."""
    if not column.numeric:
        return column
    cells = column.cells
    if cells is not None:
        cells = ["" if is_new else cell for cell, is_new in zip(cells, new.tolist(), strict=True)]
    exact = None if column.exact is None else np.where(new, 0, column.exact)
    return replace(column, values=np.where(new, np.nan, column.values), cells=cells, exact=exact)


def _timed(column: TableColumn, new: Mask, times: Times) -> TableColumn:
    """Return the time column with the times of new rows."""
    cells = column.cells
    if cells is not None:
        texts = times.text()
        cells = [
            text if is_new else cell
            for text, cell, is_new in zip(texts, cells, new.tolist(), strict=True)
        ]
    if column.stamps is not None:
        instant = np.asarray(times.instant, np.int64)
        return replace(column, cells=cells, stamps=instant, wall=times.wall)
    values = np.where(new, times.numbers(), column.values) if column.numeric else column.values
    return replace(column, cells=cells, values=values)
