"""The columns that a trained model reads from a file, and labelled data to evaluate it on."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqrt.contract import Manifest
from seqrt.data.labels import of_one_hot
from seqrt.data.sequences import Sequences
from seqrt.data.table import Table
from seqrt.data.timeline import Timeline
from seqrt.data.windowing import Part, Windowing
from seqrt.errors import InputError, UsageError
from seqrt.numbers import check_finite, checked_cast

Array = NDArray[Any]


def feature_values(table: Table, manifest: Manifest) -> NDArray[np.float64]:
    """Return the model's features (T, D); columns without names are taken in their order.

    For a model with a policy for missing values, empty cells are NaN.
    """
    names = tuple(column.name for column in manifest.features)
    if table.named:
        try:
            return table.numbers(names, missing=manifest.takes_missing)
        except UsageError as error:
            raise InputError(f"E_INPUT_COLUMN: {error} The model needs this column.") from None
    check_columns(table.source, (table.rows, len(table.names)), manifest)
    return table.numbers(table.names, missing=manifest.takes_missing)


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
        _check_targets(data.y)
        return Part(data.x, _labels(data, manifest) if manifest.classes else data.y)
    windowing = Windowing(
        task=manifest.task,
        target=target or manifest.targets,
        features=tuple(column.name for column in manifest.features),
        window=manifest.window or data.table.rows,
        horizon=manifest.horizon or 1,
    )
    if not windowing.target:
        raise UsageError("the model does not name its target column. Name it with --target.")
    table = data.table
    x = checked_cast(table.source, feature_values(table, manifest), np.float32)
    targets = _targets(table, windowing, manifest)
    among = data.within(*span) if span else None
    return data.with_series(windowing.part(x, targets, table.times(), data.runs, among))


def _labels(data: Sequences, manifest: Manifest) -> Array | list[Array]:
    """Return the y of sequences as labels: (B,), or a list of (T_i,); one-hot rows are decoded."""
    assert data.y is not None
    y = np.concatenate(data.y) if isinstance(data.y, list) else data.y
    if y.ndim == len("NC"):
        y = y[:, 0] if y.shape[1] == 1 else of_one_hot("y", y, manifest.classes)
    if y.dtype.kind == "f" and (y == np.round(y)).all():
        y = y.astype(np.int64)
    return np.split(y, np.cumsum(data.x.lengths)[:-1]) if data.per_step else y


def _check_targets(y: Array | list[Array]) -> None:
    """Raise InputError at the first target of sequences that is NaN or Inf."""
    axes = ("step", "output") if isinstance(y, list) else ("output",)
    if len(y) and y[0].dtype.kind == "f":
        check_finite("y", y, axes)


def _targets(table: Table, windowing: Windowing, manifest: Manifest) -> Array:
    """Return the targets, one row each; a column without a name is found by that of its feature."""
    if manifest.activation == "softmax":
        return np.array(table.labels(windowing.target[0]))
    missing = manifest.takes_missing and manifest.task in ("forecast", "regress")
    if table.named:
        return table.numbers(windowing.target, missing=missing)
    places = {name: table.names[i] for i, name in enumerate(windowing.features)}
    unknown = [name for name in windowing.target if name not in places]
    if unknown:
        raise UsageError(
            f"{table.source} has no column names, so the target {', '.join(unknown)}, which is not"
            " a feature of the model, cannot be found in it. Use a .csv or .parquet file."
        )
    return table.numbers([places[name] for name in windowing.target], missing=missing)
