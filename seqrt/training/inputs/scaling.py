"""Scaling of features and outputs: mean, standard deviation and range, measured on data."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from seqrt.contract import Column
from seqrt.contract.manifest import Activation
from seqrt.data.limits import DEFAULT_LIMITS, ReadLimits
from seqrt.data.ragged import Ragged
from seqrt.errors import InputError
from seqrt.training.inputs.check import Array, Raw
from seqrt.training.networks.metadata import Metadata


def measured_columns(
    names: Iterable[str], values: Array | Ragged, limits: ReadLimits = DEFAULT_LIMITS
) -> tuple[Column, ...]:
    """Return a column for each name, measured on values (N, columns); a constant has scale 1.

    NaN is ignored. Raises InputError (E_INPUT_MISSING) for a column without any other value.
    """
    names = tuple(names)
    count, mean, squares, low, high = _moments(values, len(names), limits)
    _check_observed(names, count)
    scale = np.sqrt(squares / count)
    scale[scale <= 1e-12 * np.abs(mean)] = 1.0
    parts = zip(names, mean, scale, low, high, strict=True)
    return tuple(Column(name, "", *map(float, part)) for name, *part in parts)


def _moments(
    values: Array | Ragged, columns: int, limits: ReadLimits
) -> tuple[Array, Array, Array, Array, Array]:
    """Return count, mean, sum of squared deviations, minimum and maximum of each column.

    The moments of each piece are merged with those of the pieces before it: Chan, Golub & LeVeque
    1983, doi:10.1080/00031305.1983.10483115.
    """
    count, mean, squares = np.zeros((3, columns))
    low, high = np.full((2, columns), np.nan)
    for piece in values.pieces(limits) if isinstance(values, Ragged) else [values]:
        rows = piece.astype(np.float64)
        own_count = (~np.isnan(rows)).sum(0)
        own_mean = np.nansum(rows, 0) / np.maximum(own_count, 1)
        shift, share = own_mean - mean, own_count / np.maximum(count + own_count, 1)
        squares += np.nansum((rows - own_mean) ** 2, 0) + shift**2 * count * share
        mean += shift * share
        count += own_count
        low, high = np.fmin(low, np.fmin.reduce(rows)), np.fmax(high, np.fmax.reduce(rows))
    return count, mean, squares, low, high


def _check_observed(names: tuple[str, ...], count: Array) -> None:
    unobserved = np.flatnonzero(count == 0)
    if len(unobserved):
        raise InputError(
            "E_INPUT_MISSING: every column needs a value in the training part, but"
            f" {names[unobserved[0]]!r} has only missing ones. Leave it out, or train on rows where"
            " it has values."
        )


def probability_columns(labels: Iterable[int | str]) -> tuple[Column, ...]:
    """Return an unscaled column for each label, for outputs that are probabilities."""
    return tuple(Column(str(label), low=0.0, high=1.0) for label in labels)


def id_column(tokens: int) -> Column:
    """Return the column of a network of `tokens` tokens: their ids, which are not scaled."""
    return Column("token", low=0.0, high=float(tokens - 1))


def with_scaling_from(
    metadata: Metadata, activation: Activation, raw: Raw, tokens: int = 0
) -> Metadata:
    """Return `metadata` with scaling, ranges and classes from `raw`, unless it has them already.

    With `tokens`, x holds ids below that number.
    """
    if metadata.features[0].low is not None:
        return metadata
    if tokens:
        features: tuple[Column, ...] = (id_column(tokens),)
    else:
        features = measured_columns((column.name for column in metadata.features), raw.x)
    metadata = replace(metadata, features=features)
    if activation == "none":
        outputs = measured_columns((column.name for column in metadata.outputs), raw.y)
        return replace(metadata, outputs=outputs)
    return _with_classes(metadata, raw.y) if activation == "softmax" else metadata


def _with_classes(metadata: Metadata, labels: Array) -> Metadata:
    outputs = len(metadata.outputs)
    classes = metadata.classes or tuple(np.unique(labels).tolist())
    if all(isinstance(label, int) and 0 <= label < outputs for label in classes):
        classes = tuple(range(outputs))
    if len(classes) != outputs:
        raise InputError(
            f"E_INPUT_LABEL: y must hold {outputs} classes, one per output of the network,"
            f" got {len(classes)}."
        )
    return replace(metadata, classes=classes, outputs=probability_columns(classes))
