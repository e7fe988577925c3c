"""Metrics of each of many series, computed for all of them together: a second for 10,000.

Shapes: N values or steps, O outputs, C classes, S series.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seqrt.metrics import SMALLEST_PROBABILITY, Label, as_pairs, class_numbers, f1_score
from seqrt.wording import series_name

Numbers = NDArray[np.float64]
Members = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class SeriesMetrics:
    """The metrics of each series that has a target, and those of a baseline.

    `columns` are the names of the columns that tell the series apart, `keys` their cells for each
    series and `counts` the number of targets. `figures` and `baseline_figures` hold each metric as
    an array (S,), NaN where it is undefined; `baseline` is the name of the baseline, if there is
    one.
    """

    columns: tuple[str, ...]
    keys: tuple[tuple[str, ...], ...]
    counts: Members
    figures: Mapping[str, Numbers]
    baseline: str = ""
    baseline_figures: Mapping[str, Numbers] | None = None

    @classmethod
    def of(
        cls,
        task: str,
        truth: ArrayLike,
        predicted: ArrayLike,
        classes: Sequence[Label],
        series: Members,
        columns: tuple[str, ...],
        keys: Sequence[tuple[str, ...]],
        baseline: tuple[str, ArrayLike] | None = None,
    ) -> SeriesMetrics:
        """Measure predictions (N, O) for targets of which each belongs to one of `series` (N,)."""
        counts = np.bincount(series, minlength=len(keys))
        found = np.flatnonzero(counts)

        def measured(values: ArrayLike) -> dict[str, Numbers]:
            each = measure_series(task, truth, values, classes, series, len(keys))
            return {name: numbers[found] for name, numbers in each.items()}

        return cls(
            columns,
            tuple(keys[i] for i in found.tolist()),
            counts[found],
            measured(predicted),
            baseline[0] if baseline else "",
            measured(baseline[1]) if baseline else None,
        )

    @property
    def names(self) -> tuple[str, ...]:
        """The name of each series: its cells, with a stroke between them."""
        return tuple(map(series_name, self.keys))

    @property
    def worst(self) -> int:
        """The number of the series with the worst value of the first metric."""
        name, values = next(iter(self.figures.items()))
        worse = values if name == "mse" else -values
        return int(np.argmax(np.where(np.isnan(worse), -np.inf, worse)))

    def summary(self) -> str:
        """Return one line that names the worst series, with its first metric."""
        metric, i = next(iter(self.figures)), self.worst
        line = f"worst of {len(self.keys):,} series: {self.names[i]}, {metric} "
        line += f"{self.figures[metric][i]:.4g}"
        if self.baseline_figures:
            line += f" ({self.baseline} {self.baseline_figures[metric][i]:.4g})"
        return line

    def record(self) -> dict[str, Any]:
        """Return the metrics of each series by its name, and the name of the worst, for JSON."""
        return {"series": dict(zip(self.names, self._records(), strict=True)), **self._worst()}

    def csv(self) -> str:
        """Return a table with a row for each series: its cells, the count and all metrics."""
        text = io.StringIO()
        table = csv.writer(text, lineterminator="\n")
        beside = self.baseline_figures or {}
        table.writerow(
            [*self.columns, "count", *self.figures, *(f"{self.baseline} {n}" for n in beside)]
        )
        columns = [each.tolist() for each in (self.counts, *self.figures.values())]
        columns += [each.tolist() for each in beside.values()]
        table.writerows(
            [*key, *_cells(row)]
            for key, row in zip(self.keys, zip(*columns, strict=True), strict=True)
        )
        return text.getvalue()

    def _worst(self) -> dict[str, str]:
        return {"worst": self.names[self.worst]}

    def _records(self) -> Iterator[dict[str, Any]]:
        beside = self.baseline_figures
        for i, count in enumerate(self.counts.tolist()):
            record: dict[str, Any] = {"count": count, "figures": _at(self.figures, i)}
            if beside:
                record["baseline"] = _at(beside, i)
            yield record


def measure_series(
    task: str,
    truth: ArrayLike,
    predicted: ArrayLike,
    classes: Sequence[Label],
    series: Members,
    count: int,
) -> dict[str, Numbers]:
    """Return each metric of `seqrt.metrics.measure` for each of `count` series, as arrays (S,).

    `series` (N,) is the number of the series that each target belongs to. A series without a target
    has NaN. Values equal those of `measure` up to rounding.
    """
    groups = _Groups(series, count)
    if task in ("forecast", "regress"):
        return _of_numbers(*as_pairs(truth, predicted), groups)
    if classes:
        return _of_classes(truth, np.asarray(predicted, np.float64), classes, groups)
    return _of_flags(*as_pairs(truth, predicted), groups)


class _Groups:
    """Sums over the targets of each series."""

    def __init__(self, series: Members, count: int) -> None:
        self.series = series
        self.sizes = np.bincount(series, minlength=count)

    def sum(self, values: NDArray[Any]) -> Numbers:
        """Return the sums of values (N,) or (N, O) over each series: (S,) or (S, O)."""
        if values.ndim == 1:
            return np.bincount(self.series, values, len(self.sizes)).astype(np.float64, copy=False)
        return np.stack([self.sum(column) for column in values.T], axis=1)

    def mean(self, values: NDArray[Any]) -> Numbers:
        """Return the means of values (N,) or (N, O) over each series, and over O: (S,)."""
        flat = values if values.ndim == 1 else values.mean(axis=1)
        return _divided(self.sum(flat), self.sizes)


def _of_numbers(truth: Numbers, predicted: Numbers, groups: _Groups) -> dict[str, Numbers]:
    squares = (predicted - truth) ** 2
    mse, errors = groups.mean(squares), groups.sum(squares)
    means = _divided(groups.sum(truth), groups.sizes[:, None])
    spread = groups.sum((truth - means[groups.series]) ** 2)
    return {
        "mse": mse,
        "rmse": np.sqrt(mse),
        "mae": groups.mean(np.abs(predicted - truth)),
        "mse/variance": _divided(errors.sum(axis=1), spread.sum(axis=1)),
        "r2": (1 - _divided(errors, spread)).mean(axis=1),
    }


def _of_classes(
    truth: ArrayLike, predicted: Numbers, classes: Sequence[Label], groups: _Groups
) -> dict[str, Numbers]:
    rows, size = class_numbers(truth, predicted, classes), len(groups.sizes) * len(classes)
    guesses, first = predicted.argmax(axis=1), groups.series * len(classes)
    shape = (len(groups.sizes), len(classes))
    true, guessed = (np.bincount(first + each, minlength=size) for each in (rows, guesses))
    hits = np.bincount((first + rows)[rows == guesses], minlength=size).reshape(shape)
    either = (true + guessed).reshape(shape)
    scores = np.where(either > 0, f1_score(hits, either), 0).sum(axis=1)
    right = predicted[np.arange(len(rows)), rows].clip(SMALLEST_PROBABILITY, 1)
    return {
        "accuracy": groups.mean(rows == guesses),
        "f1 macro": _divided(scores, (either > 0).sum(axis=1)),
        "log loss": groups.mean(-np.log(right)),
    }


def _of_flags(truth: Numbers, predicted: Numbers, groups: _Groups) -> dict[str, Numbers]:
    positive, true = predicted >= 0.5, truth == 1
    hits, either = groups.sum(positive & true), groups.sum(positive) + groups.sum(true)
    right = np.where(true, predicted, 1 - predicted).clip(SMALLEST_PROBABILITY, 1)
    empty = np.where(groups.sizes > 0, 0.0, math.nan)
    return {
        "accuracy per label": groups.mean(positive == true),
        "accuracy of all labels": groups.mean((positive == true).all(axis=1)),
        "f1 micro": f1_score(hits.sum(axis=1), either.sum(axis=1)) + empty,
        "f1 macro": f1_score(hits, either).mean(axis=1) + empty,
        "log loss": groups.mean(-np.log(right)),
    }


def _divided(part: Any, whole: Any) -> Numbers:
    """Return the ratio, and NaN where `whole` is 0."""
    whole = np.broadcast_to(whole, np.shape(part))
    ratio = np.full(np.shape(part), math.nan)
    np.divide(part, whole, out=ratio, where=whole > 0)
    return ratio


def _at(figures: Mapping[str, Numbers], i: int) -> dict[str, float | None]:
    values = {name: float(each[i]) for name, each in figures.items()}
    return {name: value if math.isfinite(value) else None for name, value in values.items()}


def _cells(row: Sequence[float]) -> list[Any]:
    """Return a row for a .csv file, with empty cells for NaN."""
    return [value if value == value else "" for value in row]
