"""The problem of a forecaster: whole series to learn from, and the last rows of each to judge."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from seqrt.contract import Column
from seqrt.contract.quantiles import output_names
from seqrt.data import Part
from seqrt.data.ragged import Ragged
from seqrt.data.runs import Runs, as_runs, intersection, of_least
from seqrt.data.wide.melt import Melted
from seqrt.data.windowing import last_known
from seqrt.errors import UsageError
from seqrt.training.forecasting.options import ForecastOptions
from seqrt.training.forecasting.rules import MANY_SERIES, config_for
from seqrt.training.forecasting.sequences import (
    before_unknown,
    origins,
    pieces,
    ragged,
    targets_of,
)
from seqrt.training.inputs.scaling import measured_columns
from seqrt.training.networks.forecasting.config import ForecasterConfig
from seqrt.training.networks.metadata import Metadata
from seqrt.training.problems.from_table import TableRows, from_table
from seqrt.training.problems.problem import Judged, Problem
from seqrt.training.problems.split import Fold, Validation, check_share
from seqrt.wording import counted

# With many series, this many origins to judge by are enough.
_ORIGINS = 400

# A series with a target to learn from has a row to read, its horizon and one more.
_LEAST = 2


class Split(NamedTuple):
    """The rows to learn from, and those to judge by, as runs."""

    train: Runs
    validation: Runs


class Before(NamedTuple):
    """What a forecaster that is trained further keeps: its sizes, and the scale of its target."""

    config: ForecasterConfig
    scale: float


def suits(rows: TableRows, missing: str) -> str | None:
    """Return why a table is not one for a forecaster, or None if it is."""
    windowing, inputs = rows.windowing, rows.features.inputs
    if windowing.task != "forecast":
        return f"the task is {windowing.task}"
    if len(windowing.target) > 1:
        return "one of several targets is not read as a number, or missing values as the mean"
    own = [i for i in inputs if i.column == windowing.target[0] and i.kind == "number"]
    if not [i for i in own if not i.ahead]:
        return "the target is not among the features"
    if missing == "mean":
        return "missing values are read as the mean"
    return None


def forecaster_problem(
    rows: TableRows,
    val: Validation,
    options: ForecastOptions,
    *,
    own_val: bool,
    before: Before | None = None,
    **given: Any,
) -> Problem:
    """Make the problem of a forecaster, or that of windows where the table does not suit one.

    `own_val` says that the share for validation was asked for; else, with many series, it is the
    least that judges the network. `given` are fields of ForecasterConfig. A forecaster that is
    trained further keeps the sizes and the scale of `before`.
    """
    reason = suits(rows, given.get("missing", "error"))
    if reason and options.method == "forecaster":
        raise UsageError(f"the forecaster recipe does not apply: {reason}. Use --recipe plain.")
    if reason or isinstance(val, Fold):
        return from_table(rows, val)
    return _made(rows, val, options, own_val=own_val, before=before, given=given)


def _made(
    rows: TableRows,
    val: float,
    options: ForecastOptions,
    *,
    own_val: bool,
    before: Before | None,
    given: dict[str, Any],
) -> Problem:
    timeline, units = rows.timeline, Units.of(rows)
    split = _split(timeline.used, val, rows.windowing.horizon, own_val=own_val)
    train = of_least(intersection(timeline.runs, split.train), 2)
    config = _config(rows, train, options, given)
    if before:
        config = _kept(before.config, config, options, given)
    features, outputs = _columns(rows, train, config)
    scale = before.scale if before else outputs[0].scale
    values = units.scaled(scale)
    cut = _foreseen(rows, pieces(train, config.lags - 1, train), config.missing)
    part = _part(rows, cut, targets_of(cut, train, values, _among(train, len(values)), config))
    judged = _judged(rows, split.validation, values, config) if len(split.validation) else None
    return Problem(
        metadata=Metadata(
            task="forecast",
            features=features,
            outputs=outputs,
            horizon=config.horizon,
            targets=rows.windowing.target,
            inputs=rows.features.recorded,
            series=timeline.series,
            time=timeline.recorded_time,
            quantiles=options.quantiles,
            wide=timeline.targets if isinstance(timeline, Melted) else (),
        ),
        head="sequence",
        activation="none",
        train=part,
        validation=judged,
        time=timeline.table.time or "row",
        keys=timeline.keys,
        notes=(*timeline.notes, *rows.features.notes, *rows.notes),
        columns=rows.features.columns,
        forecaster=config,
        forecasts=_forecasts(rows, judged or part, config.horizon),
        origins=rows.origins,
    )


class Units(NamedTuple):
    """The values of the target (T,), and what is taken off them before they are scaled."""

    values: NDArray[np.float64]
    offset: float

    @classmethod
    def of(cls, rows: TableRows) -> Units:
        """Read the target; a counter has an offset, see encoding.counters."""
        own = (i for i in rows.features.inputs if i.column == rows.windowing.target[0])
        offset = next(float(each.offset) for each in own if not each.ahead)
        return cls(rows.targets.reshape(-1).astype(np.float64), offset)

    def scaled(self, scale: float) -> NDArray[np.float64]:
        """Return the values in the units that the network computes with."""
        return (self.values - self.offset) / scale


def _config(
    rows: TableRows, train: Runs, options: ForecastOptions, given: dict[str, Any]
) -> ForecasterConfig:
    windowing, values = rows.windowing, Units.of(rows).values
    series = [each[~np.isnan(each)] for each in (values[a:b] for a, b in train.tolist())]
    return config_for(
        [each for each in series if len(each)],
        options,
        rows.timeline.spacing,
        features=len(windowing.features),
        target=windowing.features.index(windowing.target[0]),
        horizon=windowing.horizon,
        floor=options.floor_of(values[_rows(train)]),
        **given,
    )


def _kept(
    before: ForecasterConfig, new: ForecasterConfig, options: ForecastOptions, given: dict[str, Any]
) -> ForecasterConfig:
    """Return the sizes of a forecaster that is trained further, with what new data may change.

    A floor stays unless the new data falls below it.
    """
    noise = new.noise if "noise" in given else before.noise
    floor = before.floor if options.floor is None and new.floor is not None else new.floor
    return replace(before, one_chain=new.one_chain, noise=noise, floor=floor)


def _columns(
    rows: TableRows, train: Runs, config: ForecasterConfig
) -> tuple[tuple[Column, ...], tuple[Column, ...]]:
    """Return features and outputs; the target is only divided, so that small series keep digits.

    Its mean is the business of the network, which knows the level of each series.
    """
    seen, units = rows.values[_rows(train)], Units.of(rows)
    features = list(measured_columns(rows.windowing.features, seen))
    own = features[config.target]
    features[config.target] = replace(own, mean=0.0)
    (target,) = measured_columns(rows.windowing.target, units.values[_rows(train), None])
    target = replace(target, mean=units.offset, scale=own.scale)
    names = output_names(rows.windowing.target, config.horizon, config.answers)
    return tuple(features), tuple(replace(target, name=name) for name in names)


def _split(series: Runs, val: float, horizon: int, *, own_val: bool) -> Split:
    """Return the rows to learn from and those to judge by: the last ones of each series.

    A series that is too short for both is learnt from.
    """
    check_share(val)
    first, end = series.T
    rows, least = end - first, horizon + _LEAST
    count = np.maximum(np.rint(val * rows).astype(np.int64), horizon if val else 0)
    if val and not own_val and len(series) >= MANY_SERIES:
        count = np.minimum(count, horizon + -(-_ORIGINS // len(series)) - 1)
    edge = np.where(rows - count < least, end, end - count)
    if not (edge - first >= least).any() or (val and not (end - edge >= horizon).any()):
        raise UsageError(_too_short(int(rows.max(initial=0)), val, horizon))
    return Split(as_runs(*np.stack([first, edge], axis=1)), as_runs(*np.stack([edge, end], axis=1)))


def _too_short(longest: int, val: float, horizon: int) -> str:
    """Return what is wrong with series of at most `longest` rows, and what would help."""
    least = horizon + _LEAST
    needed = next(rows for rows in itertools.count(least) if _fits(rows, val, horizon))
    shorter = next((h for h in range(horizon - 1, 0, -1) if _fits(longest, val, h)), 0)
    ways = ["Give more rows"]
    ways += [f"use --horizon {shorter}{' or less' if shorter > 1 else ''}"] if shorter else []
    ways += ["use --val 0 to validate on none"] if val and longest >= least else []
    parts = f", {least} to learn from and {needed - least} to validate" if val else ""
    return (
        f"a forecast {counted(horizon, 'row')} ahead needs a series of {needed} rows{parts}, but"
        f" the longest has {longest}. {', or '.join(ways)}."
    )


def _fits(rows: int, val: float, horizon: int) -> bool:
    """Whether a series of so many rows has enough to learn from and to validate."""
    return rows - max(round(val * rows), horizon if val else 0) >= horizon + _LEAST


def _judged(
    rows: TableRows, validation: Runs, units: NDArray[np.float64], config: ForecasterConfig
) -> Part:
    """Return the sequences that end with the rows to judge by, and read what is before them.

    The row before them, the first that forecasts, is a whole number of seasons from the start.
    """
    runs = rows.timeline.runs
    inside = intersection(runs, validation)
    owner = runs[np.searchsorted(runs[:, 0], inside[:, 0], side="right") - 1]
    begin = np.maximum(inside[:, 0] - 1, owner[:, 0])
    among = _among(inside, len(units))
    ends = np.stack([begin, inside[:, 1]], axis=1)
    cut = _foreseen(rows, pieces(ends, 2 * config.lags, runs), config.missing)
    cut[:, 0] += (cut[:, 1] - cut[:, 0]) % config.season
    return _part(rows, cut, targets_of(cut, runs, units, among, config))


def _foreseen(rows: TableRows, cut: NDArray[np.int64], missing: str) -> NDArray[np.int64]:
    """End pieces where values known ahead lie beyond the table, unless these count as missing."""
    ahead = any(each.ahead for each in rows.features.inputs)
    return before_unknown(cut, rows.x) if ahead and missing == "error" else cut


def _part(rows: TableRows, cut: NDArray[np.int64], y: list[Any]) -> Part:
    part = Part(ragged(rows.x, cut), y, first_rows=cut[:, 0])
    return rows.timeline.with_series(part)


def _forecasts(rows: TableRows, part: Part, horizon: int) -> Judged:
    """Return the steps of the sequences in `part` that have all their targets, as a part."""
    assert part.first_rows is not None
    steps = origins(list(part.y))
    sequences = zip(part.first_rows.tolist(), part.x.lengths.tolist(), strict=True)
    at = np.concatenate([np.arange(first, first + count) for first, count in sequences])[steps]
    values = rows.targets.reshape(-1)
    known = last_known(values[:, None], rows.timeline.runs)[at]
    judged = Part(
        Ragged(part.x.values, at, np.ones(len(at), np.int64)),
        values[at[:, None] + 1 + np.arange(horizon)],
        np.tile(known, horizon),
        rows.when[at + 1],
        at + 1,
    )
    return Judged(rows.timeline.with_series(judged), steps)


def _among(runs: Runs, rows: int) -> NDArray[np.bool_]:
    inside = np.zeros(rows, np.bool_)
    inside[_rows(runs)] = True
    return inside


def _rows(runs: Runs) -> NDArray[np.int64]:
    return np.concatenate([np.arange(*run) for run in runs.tolist()])
