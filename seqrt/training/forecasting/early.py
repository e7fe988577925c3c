"""Calibrates intervals where the scale says little: in the first rows, and after equal values.

After a few rows little is known of a series, so its intervals must be wider; by how much, the same
series say where they are read as if they began later. A single series tells of itself, and many
series tell of one that is new. After equal values, such as zeros, the scale is next to nothing;
what has followed such values in the data says how wide an interval must be, or if that is too
little, all errors do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from seqrt.data import Part
from seqrt.data.runs import Runs, starts_of
from seqrt.training.forecasting.calibrate import conformal
from seqrt.training.networks.forecasting.config import ForecasterConfig
from seqrt.training.networks.forecasting.early import UNITS
from seqrt.training.networks.forecasting.forecaster import Forecaster
from seqrt.training.problems.problem import Problem

Doubles = NDArray[np.float64]
Rows = NDArray[np.int64]
Values = NDArray[np.float32]
Choose = Callable[[Runs, Values, ForecasterConfig], Rows]

# So many starts are enough, and fewer say nothing of the outer quantiles.
_MOST_STARTS = 400
_FEWEST_STARTS = 10
_MOST_ROWS = 200_000

# Another unit than the scale of training must be better by this factor.
_BETTER = 0.8

# Flat lags are to be expected from this share of equal neighbours on.
_REPEATED = 0.1

# Series are of one size if most of their values are within this factor of each other.
_FARTHEST = 100

# The most numbers of a batch of quantiles.
_MOST_NUMBERS = 1 << 23


class Starts(NamedTuple):
    """Forecasts after a start at S rows, at each of K knots; NaN where a series ends before.

    `truth` (S, K, H) and quantiles (S, K, H, Q) are in scaled units, and so are `units` (S, K, U),
    what the amounts of each of UNITS are multiples of, and `own` (S,), the scale of the series
    where most of it is known.
    """

    truth: Doubles
    quantiles: Doubles
    units: Doubles
    own: Doubles

    def at(self, k: int) -> Starts:
        """Return what there is at a knot that has a target, without the axis K."""
        there = ~np.isnan(self.truth[:, k]).all(axis=1)
        found = self.truth[there, k], self.quantiles[there, k], self.units[there, k]
        return Starts(*found, self.own[there])


@torch.no_grad()
def calibrate_early(net: Forecaster, problem: Problem) -> None:
    """Set the gaps that are added to early quantiles, so that as many targets lie inside as should.

    For each knot, step ahead and pair of quantiles, from the inner one to the outer, the gap is the
    split-conformal quantile of what is lacking to reach the target.
    """
    if net.early is None:
        return
    net.early.gaps.zero_()
    found = _starts(net, problem, _any_row)
    before = np.zeros((len(UNITS), *net.early.gaps.shape[2:]))
    for k in range(len(net.early.gaps) - 1):
        at = found.at(k)
        if len(at.own) >= _FEWEST_STARTS:
            before = gaps_at_knot(at, net.architecture.quantiles)
        net.early.gaps[k] = torch.from_numpy(before)
    flat = _starts(net, problem, _before_flat_lags).at(-1)
    if len(flat.own) < _FEWEST_STARTS and _repeats(problem, net.architecture):
        flat = _of_points(found.at(-1))
    if _are_alike(flat):
        gaps = gaps_at_knot(flat._replace(own=np.ones_like(flat.own)), net.architecture.quantiles)
        net.early.gaps[-1] = torch.from_numpy(gaps)


def _repeats(problem: Problem, config: ForecasterConfig) -> bool:
    """Whether values often follow their like, so that flat lags are to be expected."""
    values = problem.train.x.values[:, config.target]
    return bool((values[1:] == values[:-1]).mean() >= _REPEATED)


def _of_points(found: Starts) -> Starts:
    """Return starts without intervals: all quantiles are the median."""
    middle = found.quantiles.shape[-1] // 2
    return found._replace(quantiles=found.quantiles[..., [middle] * found.quantiles.shape[-1]])


def _are_alike(flat: Starts) -> bool:
    """Whether there are enough starts with flat lags, and no series is far larger than others.

    After zeros nothing says how large a series is; one amount then serves all or none.
    """
    first = flat.truth[~np.isnan(flat.truth[:, 0]), 0]
    moves = np.abs(first[first != 0])
    if len(first) < _FEWEST_STARTS or not len(moves):
        return False
    low, high = np.quantile(moves, [0.1, 0.9])
    return bool(high < _FARTHEST * low)


def gaps_at_knot(at: Starts, quantiles: tuple[float, ...]) -> Doubles:
    """Return the gaps (U, H, Q) for starts at a single knot, in one of the units.

    It is the unit in which the largest errors are smallest, compared with the scale that each
    series has once it is known: then few errors are far beyond the outer quantiles. A single series
    has but one scale, so the first unit stays unless another is clearly better.
    """
    middle = at.quantiles[..., len(quantiles) // 2]
    errors = np.nanmax(np.abs(at.truth - middle), axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        widest = [np.nanmax(errors / unit) * np.median(unit / at.own) for unit in at.units.T]
    widest[0] *= _BETTER
    best = int(np.argmin(np.where(np.isfinite(widest), widest, np.inf)))
    gaps = np.zeros((len(UNITS), *at.quantiles.shape[1:]))
    gaps[best] = _gaps_in(at.truth, at.quantiles, at.units[:, best], quantiles)
    return gaps


def _gaps_in(truth: Doubles, v: Doubles, unit: Doubles, quantiles: tuple[float, ...]) -> Doubles:
    """Return the gaps (H, Q) in one unit (S,) for targets (S, H) and quantiles (S, H, Q)."""
    gaps = np.zeros(v.shape[1:])
    for step in range(v.shape[1]):
        known = ~np.isnan(truth[:, step])
        if known.sum() >= _FEWEST_STARTS:
            of_step = truth[known, step], v[known, step], unit[known]
            gaps[step] = _gaps_of_step(*of_step, quantiles)
        elif step:
            gaps[step] = gaps[step - 1]
    return gaps


def _gaps_of_step(
    truth: Doubles, v: Doubles, unit: Doubles, quantiles: tuple[float, ...]
) -> Doubles:
    """Return the gaps (Q,) for targets (S,) and quantiles (S, Q) of one step ahead."""
    middle, rows = len(quantiles) // 2, np.arange(len(v))
    gaps, total = np.zeros(len(quantiles)), 0.0
    below, off = truth < v[:, middle], np.abs(truth - v[:, middle])
    for j in range(1, middle + 1):
        reach = np.abs(v[rows, np.where(below, middle - j, middle + j)] - v[:, middle])
        lacking = np.maximum(off - reach, 0)
        lacking = np.divide(lacking, unit, out=np.zeros_like(unit), where=lacking > 0)
        bound = conformal(lacking, 2 * quantiles[middle - j])
        wanted = max(total, float(lacking.max()) if bound is None else bound)
        gaps[[middle - j, middle + j]] = wanted - total
        total = wanted
    return gaps


def _starts(net: Forecaster, problem: Problem, choose: Choose) -> Starts:
    """Return forecasts after some of the starts that are chosen in all parts of the data."""
    config = net.architecture
    parts = [part for part in (problem.train, problem.validation) if part is not None]
    x, runs = problem.train.x.values, _runs(parts)
    rows = _some(choose(runs, x[:, config.target], config), runs, config.lags)
    size = max(1, _MOST_NUMBERS // (config.lags * net.widest))
    batches = [_of_rows(net, x, rows[i : i + size]) for i in range(0, max(len(rows), 1), size)]
    return Starts(*map(np.concatenate, zip(*batches, strict=True)))


def _any_row(runs: Runs, values: Values, config: ForecasterConfig) -> Rows:
    """Return all rows with a known value and a row after them."""
    del config
    rows = np.concatenate([np.arange(first, end - 1) for first, end in runs.tolist()])
    known: Rows = rows[~np.isnan(values[rows])]
    return known


def _before_flat_lags(runs: Runs, values: Values, config: ForecasterConfig) -> Rows:
    """Return the first rows of lags of which the newest, a level's window, have one value."""
    changes = np.concatenate([[0], np.cumsum(values[1:] != values[:-1])])
    rows = starts_of(runs, config.lags + 1)
    last = rows + config.lags - 1
    flat: Rows = rows[changes[last] == changes[last - config.level_window + 1]]
    return flat


def _runs(parts: list[Part]) -> Runs:
    """Return the rows that belong together: sequences that overlap are pieces of one run."""
    pieces = [np.stack([part.x.starts, part.x.starts + part.x.lengths], axis=1) for part in parts]
    runs: list[list[int]] = []
    for first, end in sorted(np.concatenate(pieces).tolist()):
        if runs and first < runs[-1][1]:
            runs[-1][1] = max(end, runs[-1][1])
        else:
            runs.append([first, end])
    return np.array(runs, np.int64)


def _some(rows: Rows, runs: Runs, lags: int) -> Runs:
    """Return some rows, spread evenly, and the end of the run of each: (S, 2)."""
    count = min(len(rows), _MOST_STARTS, max(1, _MOST_ROWS // lags))
    rows = rows[np.linspace(0, len(rows) - 1, count).astype(np.int64)]
    owner = np.searchsorted(runs[:, 0], rows, side="right") - 1
    return np.stack([rows, runs[owner, 1]], axis=1)


def _of_rows(net: Forecaster, x: NDArray[np.float32], rows: Runs) -> Starts:
    """Return the forecasts of some starts, each with the end of its run (S, 2)."""
    config, (first, end) = net.architecture, rows.T[..., None]
    ahead, row = np.arange(1, config.horizon + 1), np.arange(len(rows))[:, None]
    places = first + np.arange(config.lags + config.horizon)
    read = x[np.minimum(places, end - 1)]
    values = read[..., config.target].astype(np.float64) / float(net.x_scale[config.target])
    values[places >= end] = np.nan
    series = torch.from_numpy(read[:, : config.lags]).to(net.x_mean.device)
    lags = net.normalise(series)
    known = lags.known.sum(-1).cpu().numpy()
    # the first row at which so many are known
    at = np.stack([(known < knot).sum(axis=1) for knot in config.knots], axis=1)
    reached = at < config.lags
    at = np.minimum(at, config.lags - 1)
    truth = np.where(reached[..., None], values[row[..., None], at[..., None] + ahead], np.nan)
    v = net.logits(series)[row, at].unflatten(-1, (config.horizon, -1))
    units = torch.cat([torch.ones_like(lags.size), lags.size, lags.scale], dim=-1)[row, at]
    own = lags.scale[:, -1, 0]
    return Starts(truth, _doubles(v), _doubles(units), _doubles(own))


def _doubles(values: torch.Tensor) -> Doubles:
    found: Doubles = values.double().cpu().numpy()
    return found
