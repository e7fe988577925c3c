"""Several targets of a wide table: forecasts of one series each, put side by side again."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import replace
from typing import Any

from numpy.typing import NDArray

from seqrt.ahead.layout import ForecastLayout
from seqrt.contract import Manifest
from seqrt.contract.columns import inputs_of
from seqrt.contract.quantiles import output_names
from seqrt.errors import InputError

Array = NDArray[Any]


def side_by_side(manifest: Manifest) -> Manifest:
    """Return the manifest of a model whose targets are the wide columns: for the names of outputs.

    The outputs are those of `outputs_of_targets`.
    """
    names = output_names(manifest.wide, manifest.horizon or 1, manifest.quantiles)
    columns = [replace(manifest.outputs[0], name=name) for name in names]
    return replace(
        manifest,
        targets=manifest.wide,
        outputs=tuple(columns),
        series=manifest.series[:-1],
        wide=(),
    )


def outputs_of_targets(manifest: Manifest, y: Array) -> Array:
    """Return outputs (..., K, O) of K targets as (..., K O), by step, then target and quantile."""
    each = ForecastLayout.of(manifest).split(y)[..., 0, :]  # (..., K, H, Q)
    return each.swapaxes(-3, -2).reshape(*y.shape[:-2], -1)


def of_target(manifest: Manifest, target: str) -> Manifest:
    """Return the manifest of a model that reads the wide column `target` as its target."""
    inputs = inputs_of(manifest.inputs, [column.name for column in manifest.features])
    own = manifest.targets[0]
    return replace(
        manifest,
        inputs=tuple(
            replace(each, column=target) if each.column == own else each for each in inputs
        ),
    )


def are_wide(manifest: Manifest, columns: Container[str]) -> bool:
    """Return whether the columns that a program passes have the wide ones of a model.

    Raises InputError (E_INPUT_COLUMN) if they have neither all of them nor their values in one.
    """
    lacking = [name for name in manifest.wide if name not in columns]
    if lacking and manifest.targets[0] not in columns:
        raise InputError(
            f"E_INPUT_COLUMN: columns must have {', '.join(manifest.wide)!s:.80}, which the model"
            f" forecasts, but {lacking[0]!r} is missing. Pass it, or a single series as"
            f" {manifest.targets[0]!r}."
        )
    return bool(manifest.wide) and not lacking
