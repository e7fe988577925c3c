"""A table in the order in which a model read its training data."""

from __future__ import annotations

from dataclasses import replace

from seqrt.contract import Manifest
from seqrt.contract.columns import inputs_of
from seqrt.data.ordering.arrange import NO_TIME, arrange
from seqrt.data.ordering.filling import most_filled
from seqrt.data.table import Table
from seqrt.data.timeline import Timeline
from seqrt.data.wide.melt import is_wide, melted_as_trained
from seqrt.encoding.times import DateOrder


def as_trained(
    table: Table,
    manifest: Manifest,
    *,
    series: tuple[str, ...] = (),
    time: str | None = None,
    dates: DateOrder | None = None,
) -> Timeline:
    """Return a table by series and time, as the training data of a model was arranged.

    `series`, `time` and `dates` are those of `arrange`; by default they are those of training. A
    table without the series columns of training holds a single series. Rows of an array are taken
    in their order. A table with the wide columns of a model is melted (see data.wide).

    Raises what `arrange` raises; E_INPUT_STEP if the rows have another step than in training, and
    E_INPUT_COLUMN for a table with only some of the wide columns.
    """
    if is_wide(table, manifest):
        before = replace(manifest, wide=(), series=manifest.series[:-1])
        data = as_trained(table, before, series=series, time=time, dates=dates)
        return melted_as_trained(data, manifest)
    if not table.named and not series and time is None:
        return arrange(table, time=NO_TIME)
    trained = manifest.time
    if not series and set(manifest.series) <= set(table.names):
        series = manifest.series
    if time is None and trained is not None and trained.name in (*table.names, NO_TIME):
        time = trained.name
    elif time is None and trained is not None and table.time in _read_by(manifest):
        time = NO_TIME  # a feature that happens to rise by equal steps
    if dates is None and trained is not None and trained.written in ("dmy", "mdy"):
        dates = trained.written
    step = "" if trained is None else trained.step
    fill = most_filled(manifest.task, manifest.missing, manifest.window)
    return arrange(table, series=series, time=time, dates=dates, step=step, fill=fill)


def _read_by(manifest: Manifest) -> set[str]:
    """Return the columns from which a model reads its features."""
    names = [column.name for column in manifest.features]
    return {each.column for each in inputs_of(manifest.inputs, names)}
