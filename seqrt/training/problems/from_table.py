"""Making a problem from a table: rows are split in time, and each part is cut into windows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqrt.contract import Column, Input
from seqrt.contract.columns import inputs_of
from seqrt.data import Part, Table, Timeline, Windowing
from seqrt.data.known_ahead import known_targets, without_plan
from seqrt.data.labels import as_written, is_one_hot
from seqrt.data.ordering.arrange import TARGET, TIME
from seqrt.data.ragged import Floats
from seqrt.data.runs import Runs, intersection, of_least
from seqrt.encoding.counters import check_target
from seqrt.encoding.encoder import encode
from seqrt.errors import InputError, UsageError
from seqrt.forecasting.origins import Origins
from seqrt.numbers import checked_cast
from seqrt.training.inputs.scaling import measured_columns, probability_columns
from seqrt.training.networks.metadata import Metadata
from seqrt.training.problems.features import Features, features_for
from seqrt.training.problems.labels import (
    Classes,
    class_notes,
    labels_of,
    table_note,
    table_task,
)
from seqrt.training.problems.options import DataOptions
from seqrt.training.problems.problem import Problem
from seqrt.training.problems.split import Validation, in_each_series
from seqrt.wording import series_name

Array = NDArray[Any]

WINDOW = 24
_NAMED = 5


def _windowing(table: Table, options: DataOptions) -> Windowing:
    """Return how a table is cut, with omitted options inferred; its features are still open.

    Raises UsageError if an option is uncertain; InputError (E_INPUT_EMPTY) without rows.
    """
    window = WINDOW if options.window is None else options.window
    horizon = 1 if options.horizon is None else options.horizon
    for name, value in (("window", window), ("horizon", horizon)):
        if value < 1:
            raise UsageError(f"{name} must be at least 1 row, got {value}.")
    if not table.rows:
        raise InputError(f"E_INPUT_EMPTY: {table.source} has names of columns, but no rows.")
    target = options.target or _only_column(table, options.series)
    return Windowing(table_task(table, target, options.task), target, (), window, horizon)


@dataclass(frozen=True, eq=False)
class TableRows:
    """The columns of a table that a windowing uses, read once for all splits.

    Scaling is measured on `values` (T, D) in float64, and all parts are cut from x (T, D) in
    float32. The targets are (T,) or (T, O), the times `when` (T,). Labels have `classes`.
    """

    windowing: Windowing
    timeline: Timeline
    features: Features
    values: NDArray[np.float64]
    x: Floats
    targets: Array
    classes: Classes
    when: Array
    notes: tuple[str, ...]

    @classmethod
    def of(cls, data: Timeline, options: DataOptions, earlier: Metadata | None = None) -> TableRows:
        """Read a table, with omitted options inferred; raise UsageError if one is uncertain.

        forecast    the next `horizon` values of the target, from a window of all numeric columns
        regress     the target at a window's last row, from the other columns
        classify    the label at a window's last row, from the other columns
        tag         the label of every row, from the other columns

        Where `options` have a policy for missing values, cells may be empty, except those of
        labels; with features known ahead, also the targets of the last rows of a run. A network
        that is trained further keeps its `earlier` features, and its labels as they are written.
        """
        table, missing = data.table, options.missing != "error"
        windowing = _windowing(table, options)
        task, target = windowing.task, windowing.target
        features = features_for(data, task, target, options, windowing.horizon, _inputs(earlier))
        windowing = replace(windowing, features=features.names)
        if options.future:
            data = without_plan(data, target)
        known = earlier.classes if earlier else ()
        targets, classes = _targets(data, windowing, known, missing=missing)
        notes = () if options.task else table_note(table, target, classes)
        wall = data.times.wall if options.calendar and data.times else None
        values = encode(features.inputs, table, wall, data.runs, data.reach, missing=missing)
        x = checked_cast(table.source, values, np.float32)
        return cls(windowing, data, features, values, x, targets, classes, table.times(), notes)

    def part(self, rows: Runs) -> Part:
        """Cut some rows into windows, inside the runs of the timeline."""
        runs = intersection(self.timeline.runs, rows)
        part = self.windowing.part(self.x, self.targets, self.when, runs)
        return self.timeline.with_series(part)

    def origins(self, first_rows: NDArray[np.int64]) -> Origins:
        """Return the origins of the forecasts whose targets begin at these rows."""
        return Origins.of(self.targets, first_rows, self.windowing.horizon, self.timeline)


def from_table(rows: TableRows, val: Validation) -> Problem:
    """Make the problem of a table; the last share `val` of each series, or a fold, validates.

    Windows without a target are left out.
    """
    windowing, classes, timeline = rows.windowing, rows.classes, rows.timeline
    train, validation = in_each_series(timeline.used, val, windowing.least)
    used = [slice(*run) for run in of_least(intersection(timeline.runs, train), windowing.least)]
    if not used:
        raise _all_short(timeline, windowing)
    seen = np.concatenate([rows.values[run] for run in used])
    part, judged = rows.part(train), rows.part(validation) if len(validation) else None
    return Problem(
        metadata=Metadata(
            task=windowing.task,
            features=measured_columns(windowing.features, seen),
            outputs=_outputs(rows, used),
            classes=classes,
            window=windowing.window,
            horizon=windowing.horizon if windowing.task == "forecast" else None,
            targets=windowing.target,
            inputs=rows.features.recorded,
            series=timeline.series,
            time=timeline.recorded_time,
        ),
        head="sequence" if windowing.task == "tag" else "last",
        activation="softmax" if classes else "sigmoid" if windowing.task == "tag" else "none",
        train=part,
        validation=judged,
        time=timeline.table.time or "row",
        keys=timeline.keys,
        notes=(
            *(*timeline.notes, *_left_out(timeline, windowing)),
            *(*rows.features.notes, *rows.notes),
            *class_notes(classes, part.truth, judged.truth if judged else None, "row"),
        ),
        columns=rows.features.columns,
        origins=rows.origins if windowing.task == "forecast" else None,
    )


def _all_short(data: Timeline, windowing: Windowing) -> InputError:
    longest = int(np.diff(data.runs).max(initial=0))
    return InputError(
        f"E_INPUT_SHORT: window and horizon need {windowing.least} rows without a gap in the"
        f" training part, but the longest run of {data.table.source} has {longest}. Use a shorter"
        " --window, fill the gaps, or use --time none to ignore the times."
    )


def _left_out(data: Timeline, windowing: Windowing) -> tuple[str, ...]:
    """Name the series that are too short for a window."""
    short = data.short(windowing.least)
    if not short:
        return ()
    names = ", ".join(map(series_name, short[:_NAMED]))
    more = f" and {len(short) - _NAMED:,} more" if len(short) > _NAMED else ""
    verb = "is" if len(short) == 1 else "are"
    return (
        f"{len(short):,} of {len(data.keys):,} series {verb} left out, with fewer than"
        f" {windowing.least} rows in a run: {names}{more}",
    )


def _only_column(table: Table, series: tuple[str, ...]) -> tuple[str, ...]:
    if len(table.numeric) == 1:
        return table.numeric
    if table.time == TIME and TARGET in table.numeric:
        return (TARGET,)
    free = [name for name in table.names if name != table.time and name not in series]
    more = len(free) - _NAMED
    names = ", ".join(free[:_NAMED]) + (f" and {more:,} more" if more > 0 else "")
    # the same guess as that of seqrt describe: exports of measurements begin with the main one
    numbers = [name for name in free if name in table.numeric]
    likely = numbers[0] if table.time and numbers else table.names[-1]
    raise UsageError(
        f"{table.source} has several columns that could be the target: {names}."
        f" Name it with --target, such as --target {likely}."
    )


def _inputs(earlier: Metadata | None) -> tuple[Input, ...]:
    if earlier is None:
        return ()
    return inputs_of(earlier.inputs, [column.name for column in earlier.features])


def _targets(
    data: Timeline, windowing: Windowing, known: Classes, *, missing: bool
) -> tuple[Array, Classes]:
    """Return the targets, one per row, and their classes if they are labels.

    Labels of `known` classes are written as these are.

    Where the timeline ends before a plan, the targets of the plan are NaN.
    """
    table, target = data.table, windowing.target
    if windowing.task in ("forecast", "regress"):
        for name in target:
            check_target(table.column(name), f"{table.source}, target {name!r}")
        return known_targets(data, target, missing=missing), ()
    if len(target) == 1:
        labels = as_written(table.labels(target[0]), known)
        return labels_of(f"{table.source}, {target[0]!r}", labels)
    flags = table.numbers(target)
    if windowing.task == "classify" or is_one_hot(flags):
        return labels_of(f"{table.source}, {', '.join(target)}", flags, target)
    return flags, ()


def _outputs(rows: TableRows, used: list[slice]) -> tuple[Column, ...]:
    """Return the outputs: probabilities, or targets in the scale of the rows to train on."""
    if rows.classes:
        return probability_columns(rows.classes)
    if rows.windowing.task == "tag":
        return probability_columns(rows.windowing.target)
    return _scaled(rows.windowing, np.concatenate([rows.targets[run] for run in used]))


def _scaled(windowing: Windowing, targets: Array) -> tuple[Column, ...]:
    """Return the outputs; a target is measured once, so all its steps ahead have one scale."""
    columns = measured_columns(windowing.target, targets)
    if windowing.task != "forecast":
        return columns
    steps = range(1, windowing.horizon + 1)
    return tuple(replace(c, name=f"{c.name}+{step}") for step in steps for c in columns)
