"""The columns that a trained model reads from a file, and labelled data to evaluate it on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqrt.contract import Input, Manifest
from seqrt.contract.columns import inputs_of
from seqrt.data.known_ahead import known_targets, without_plan
from seqrt.data.labels import as_written, of_one_hot
from seqrt.data.sequences import Sequences
from seqrt.data.table import Table
from seqrt.data.timeline import Timeline
from seqrt.data.windowing import Part, Windowing
from seqrt.encoding.encoder import encode
from seqrt.errors import InputError, UsageError
from seqrt.numbers import check_finite, checked_cast

Array = NDArray[Any]


def feature_values(data: Timeline, manifest: Manifest) -> NDArray[np.float64]:
    """Return the model's features (T, D), in the runs of a table; other rows may be NaN.

    The columns are found by their names; in a table without names, they are in the order in which
    the model reads them. For a model with a policy for missing values, empty cells are NaN.
    """
    names = [column.name for column in manifest.features]
    inputs = inputs_of(manifest.inputs, names)
    table = data.table if data.table.named else _named(data.table, inputs, manifest)
    wall = _wall(data, inputs)
    try:
        return encode(inputs, table, wall, data.runs, data.reach, missing=manifest.takes_missing)
    except UsageError as error:
        raise InputError(f"E_INPUT_COLUMN: {error} The model needs this column.") from None


def _named(table: Table, inputs: tuple[Input, ...], manifest: Manifest) -> Table:
    """Return a table without names with the names of the columns that the model reads."""
    wanted = tuple(dict.fromkeys(each.column for each in inputs))
    if set(wanted) <= set(table.names) and len(wanted) < len(table.names):
        return table
    if manifest.inputs and len(wanted) == len(table.names):
        columns = zip(wanted, table.columns.values(), strict=True)
        return replace(table, columns=dict(columns))
    check_columns(table.source, (table.rows, len(table.names)), manifest)
    return replace(table, columns=dict(zip(wanted, table.columns.values(), strict=True)))


def _wall(data: Timeline, inputs: tuple[Input, ...]) -> NDArray[np.int64] | None:
    """Return the times on the clock, for a model with calendar features."""
    if not any(each.kind == "calendar" for each in inputs):
        return None
    times = data.times
    if times is None or not times.dated:
        raise InputError(
            f"E_INPUT_COLUMN: {data.table.source} must have the time of each row, for the calendar"
            " features of the model. Name the column with --time."
        )
    wall: NDArray[np.int64] = times.wall
    return wall


def check_columns(source: str, shape: tuple[int, int], manifest: Manifest) -> None:
    """Raise InputError unless a series (T, D) without names has a column for each feature."""
    if shape[1] != len(manifest.features):
        count = len(manifest.features)
        columns = "1 column" if count == 1 else f"{count} columns"
        names = ", ".join(column.name for column in manifest.features)
        raise InputError(
            f"E_INPUT_SHAPE: {source} must have {columns} ({names}), got shape {shape}."
            " A batch of sequences is stored as (batch, time, features)."
        )


def check_width(data: Sequences, manifest: Manifest) -> None:
    """Raise InputError unless sequences have the number of features that a model reads."""
    features = len(manifest.features)
    if len(data.x) and data.features != features:
        swapped = (data.x.lengths == features).all()
        hint = " If x is (batch, features, time), use --channels-first." if swapped else ""
        raise InputError(
            f"E_INPUT_SHAPE: x[item 0] must have shape (time, {features}), got {data.x[0].shape}."
            f"{hint}"
        )


def labelled(
    data: Timeline | Sequences,
    manifest: Manifest,
    *,
    target: tuple[str, ...] = (),
    span: tuple[str | None, str | None] | None = None,
) -> Part:
    """Return the sequences of `data` with their targets, to evaluate a model on.

    `target` names the target columns of a table, by default those that the model was trained on.
    `span` selects the targets from one time to another, both included; their windows may begin
    earlier. Missing targets are left out where the model has a policy for missing values, and are
    an error otherwise.
    """
    if isinstance(data, Sequences):
        if target or span:
            raise UsageError(
                "--target and --span apply to tables, not to sequences, whose targets are the y"
                " stored with them. Drop both options."
            )
        if data.y is None:
            raise UsageError(
                "sequences must have their targets stored with them as y:"
                " np.savez(path, x=..., y=...)."
            )
        check_width(data, manifest)
        _check_targets(data.y)
        return Part(data.x, _labels(data, manifest) if manifest.classes else data.y)
    windowing = _windowing(data, manifest, target)
    data = _known(data, windowing, manifest)
    x = checked_cast(data.table.source, feature_values(data, manifest), np.float32)
    targets = _targets(data, windowing, manifest)
    among = data.within(*span) if span else None
    whole = manifest.task == "forecast" and manifest.window is None
    cut = windowing.whole_runs if whole else windowing.part
    return data.with_series(cut(x, targets, data.table.times(), data.runs, among))


def target_values(
    data: Timeline, manifest: Manifest, target: tuple[str, ...] = ()
) -> tuple[Timeline, Array]:
    """Return the targets of a table, (T,) or (T, O), and the table without a plan after them.

    `target` names the target columns as for `labelled`, which cuts its windows from these rows.
    """
    windowing = _windowing(data, manifest, target)
    data = _known(data, windowing, manifest)
    return data, _targets(data, windowing, manifest)


def _windowing(data: Timeline, manifest: Manifest, target: tuple[str, ...]) -> Windowing:
    """Return how a table is cut for a model; raise UsageError if no target is named."""
    windowing = Windowing(
        task=manifest.task,
        target=target or manifest.targets,
        features=tuple(column.name for column in manifest.features),
        window=manifest.window or data.table.rows,
        horizon=manifest.horizon or 1,
    )
    if not windowing.target:
        raise UsageError("the model does not name its target column. Name it with --target.")
    return windowing


def _known(data: Timeline, windowing: Windowing, manifest: Manifest) -> Timeline:
    """Return a table whose runs end where the targets are known, if the model reads a plan."""
    if any(each.ahead for each in manifest.inputs):
        return without_plan(data, windowing.target)
    return data


def _labels(data: Sequences, manifest: Manifest) -> Array | list[Array]:
    """Return the y of sequences as labels: (B,), or a list of (T_i,); one-hot rows are decoded."""
    assert data.y is not None
    y = np.concatenate(data.y) if isinstance(data.y, list) else data.y
    if y.ndim == len("NC"):
        y = y[:, 0] if y.shape[1] == 1 else of_one_hot("y", y, manifest.classes)
    if y.dtype.kind == "f" and (y == np.round(y)).all():
        y = y.astype(np.int64)
    return np.split(y, np.cumsum(data.x.lengths)[:-1]) if data.per_step else y


def _labels_in(table: Table, target: tuple[str, ...], classes: tuple[int | str, ...]) -> Array:
    """Return the label of each row of a table, written as the classes of the model are.

    A label that is not one of them stays as it is. Several target columns are one-hot.
    """
    if len(target) > 1:
        rows = [f"{table.place} {line}" for line in table.lines]
        return of_one_hot(
            f"{table.source}, {', '.join(target)}", table.numbers(target), classes, rows
        )
    return as_written(table.labels(target[0]), classes)


def _check_targets(y: Array | list[Array]) -> None:
    """Raise InputError at the first target of sequences that is NaN or Inf."""
    axes = ("step", "output") if isinstance(y, list) else ("output",)
    if len(y) and y[0].dtype.kind == "f":
        check_finite("y", y, axes)


def _targets(data: Timeline, windowing: Windowing, manifest: Manifest) -> Array:
    """Return the targets, one row each; a column without a name is found by that of its feature."""
    table = data.table
    if manifest.activation == "softmax":
        return _labels_in(table, windowing.target, manifest.classes)
    missing = manifest.takes_missing and manifest.task in ("forecast", "regress")
    if table.named:
        return known_targets(data, windowing.target, missing=missing)
    places = {name: table.names[i] for i, name in enumerate(windowing.features)}
    unknown = [name for name in windowing.target if name not in places]
    if unknown:
        raise UsageError(
            f"{table.source} has no column names, so the target {', '.join(unknown)}, which is not"
            " a feature of the model, cannot be found in it. Use a .csv or .parquet file."
        )
    return table.numbers([places[name] for name in windowing.target], missing=missing)
